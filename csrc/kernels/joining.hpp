// The kernel of joining.cpp, as the table lists it.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void add(const float* a, const float* b, std::int64_t count, float* y);

}  // namespace convlet::CONVLET_ISA
