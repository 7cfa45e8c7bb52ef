// Max and average pooling of (N, H, W, C) arrays, and their gradients.
#pragma once

#include "shape.hpp"

namespace convlet {

// Whether indices of this pooling are int32; otherwise they are uint8.
inline bool has_wide_indices(const Pool2dShape& s) { return s.kernel.h * s.kernel.w > 256; }

void max_pool2d_forward(const Pool2dShape& shape, const float* x, float* y, void* indices);

// std::invalid_argument for the first index that names no pixel of its window in the image.
void check_pool_indices(const Pool2dShape& shape, const void* indices);
void check_pool_indices(const Pool2dShape& shape, const std::int64_t* indices);
// Writes indices that are good as the kernels read them.
void narrow_pool_indices(const Pool2dShape& shape, const std::int64_t* indices, void* narrowed);

void max_pool2d_grad(const Pool2dShape& shape, const float* dy, const void* indices, float* dx);

void avg_pool2d_forward(const Pool2dShape& shape, const float* x, float* y);
void avg_pool2d_grad(const Pool2dShape& shape, const float* dy, float* dx);

}  // namespace convlet
