// Max and average pooling of (N, H, W, C) arrays to a given size, and their gradients.
//
// Window i of an axis holds pixels [floor(i size / out), ceil((i + 1) size / out)), as in PyTorch.
#pragma once

#include "shape.hpp"

namespace convlet {

// indices: h * width + w of the first largest pixel.
void adaptive_max_pool2d_forward(const AdaptivePool2dShape& shape, const float* x, float* y,
                                 std::int32_t* indices);

// std::invalid_argument for the first index that names no pixel of its window.
void check_adaptive_indices(const AdaptivePool2dShape& shape, const std::int32_t* indices);
void check_adaptive_indices(const AdaptivePool2dShape& shape, const std::int64_t* indices);

void adaptive_max_pool2d_grad(const AdaptivePool2dShape& shape, const float* dy,
                              const std::int32_t* indices, float* dx);

void adaptive_avg_pool2d_forward(const AdaptivePool2dShape& shape, const float* x, float* y);
void adaptive_avg_pool2d_grad(const AdaptivePool2dShape& shape, const float* dy, float* dx);

}  // namespace convlet
