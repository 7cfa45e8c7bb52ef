// The kernels of roi_align.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void roi_align(const RoiAlign& p, const Region& region, const float* x, float* y);
void roi_align_grad(const RoiAlign& p, const Region* regions, const std::int64_t* numbers,
                    std::int64_t count, const float* dy, std::int64_t first, std::int64_t last,
                    float* dx);

}  // namespace convlet::CONVLET_ISA
