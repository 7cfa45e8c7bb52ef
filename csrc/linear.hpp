// Fully connected layers: y = x w' + b is a 1x1 convolution whose pixels are the rows of x.
#pragma once

#include "kernel_table.hpp"
#include "shape.hpp"

namespace convlet {

void linear_forward(const LinearShape& shape, const float* x, const float* weight,
                    const float* bias, Activation activation, float* y);
void linear_grad_input(const LinearShape& shape, const float* dy, const float* weight, float* dx);
void linear_grad_weight(const LinearShape& shape, const float* dy, const float* x, float* dw);

}  // namespace convlet
