// The kernels of norm.cpp and pixel_moments.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void channel_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                     float* squares);
void pixel_moments(const PixelMoments& sums);
void finish_moments(const PixelMoments& sums, std::int64_t count);
void join_moments(const MomentSets& sets, std::int64_t first, std::int64_t last, float* mean,
                  float* variance);
void scale_shift(const NormApply& task, std::int64_t rows);
void norm_sums(const NormSums& task, std::int64_t rows);
void norm_grad(const NormGrad& task, std::int64_t rows);

}  // namespace convlet::CONVLET_ISA
