// The gradient of a weight by Winograd's F(3x3, 4x4), block of tiles by block of tiles.
#pragma once

#include "kernel_table.hpp"

namespace convlet {

// dw[k][c][r][s] of one group; the shape must be one whose gradient algorithm_for() gives to
// Winograd.
void winograd_grad_weight(const WeightGradient& gradient, float* dw);

}  // namespace convlet
