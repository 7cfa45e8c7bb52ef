// Kernels of any size, step and dilation as sums of what Winograd's transforms take.
#pragma once

#include "kernel_data.hpp"

namespace convlet {

// The kernel of a correlation in pieces of at most 3x3 taps (Huang et al. 2020, "DWM: A
// Decomposable Winograd Method", arXiv:2002.00552); its `count` is 0 if there are too many of them
// or a side has no piece of two taps.
WinogradKernel winograd_kernel(const Correlation& geometry);

// Whether it takes enough fewer operations than the direct algorithm. It saves 3 of 4 products of a
// 3x3 kernel and 4 of 9 with a step of 2, less what tiles with fewer outputs save at the border of
// a small map, and pays for its transforms: of a tile for each piece of the kernel with the input
// channels, and with the output channels; and of the weights.
bool winograd_gains(const Correlation& geometry, const WinogradKernel& kernel, bool weights);

}  // namespace convlet
