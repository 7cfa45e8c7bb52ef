// The kernels of layout.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void copy_plane(const StridedPlane& plane, const char* from, float* to);
std::uint64_t fingerprint(const float* x, std::int64_t count);
void sum_rows(const float* x, std::int64_t rows, std::int64_t channels, float* sums);

}  // namespace convlet::CONVLET_ISA
