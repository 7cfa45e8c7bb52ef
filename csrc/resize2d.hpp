// Resizing of (N, H, W, C) arrays, and its gradient, as PyTorch's interpolate finds its pixels.
#pragma once

#include "shape.hpp"

namespace convlet {

void resize2d_forward(const Resize2dShape& shape, const float* x, float* y);
void resize2d_grad(const Resize2dShape& shape, const float* dy, float* dx);

}  // namespace convlet
