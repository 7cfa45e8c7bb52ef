// Bringing arrays of any layout to the one that kernels read.
#pragma once

#include <array>
#include <cstdint>

#include "shape.hpp"

namespace convlet {

// An array as NumPy sees it: extents (N, C, H, W) and byte strides, which may be zero or negative.
struct StridedImages {
    const char* data;
    Extents4 extents;
    std::array<std::int64_t, 4> strides;
};

// Whether the memory is that of contiguous (N, H, W, C); axes of size 1 may have any stride.
bool is_channels_last(const StridedImages& images);
bool is_contiguous(const StridedImages& images);

void to_channels_last(const StridedImages& from, float* to);
void to_contiguous(const StridedImages& from, float* to);

// sums[c] = sum over rows of x[row, c], in a fixed order: the gradient of a bias.
void channel_sum(const float* x, std::int64_t rows, std::int64_t channels, float* sums);

}  // namespace convlet
