// The gradient of the weight of a depthwise convolution.
#pragma once

#include "kernel_table.hpp"

namespace convlet {

// dw[k][1][r][s]; the geometry must be one that algorithm_for() calls depthwise.
void depthwise_grad_weight(const WeightGradient& gradient, float* dw);

}  // namespace convlet
