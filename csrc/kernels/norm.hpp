// The kernels of norm.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void channel_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                     float* squares);
void scale_shift(const NormApply& task, std::int64_t rows);
void norm_sums(const NormSums& task, std::int64_t rows);
void norm_grad(const NormGrad& task, std::int64_t rows);

}  // namespace convlet::CONVLET_ISA
