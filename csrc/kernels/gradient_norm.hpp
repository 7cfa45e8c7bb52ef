// The kernels of gradient_norm.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

double sum_of_squares(const float* x, std::int64_t count);
void scale(float* x, std::int64_t count, float factor);

}  // namespace convlet::CONVLET_ISA
