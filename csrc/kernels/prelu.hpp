// The kernels of prelu.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void prelu(const float* x, const float* weight, std::int64_t rows, std::int64_t width, float* y);
void prelu_grad(const float* dy, const float* x, const float* weight, std::int64_t rows,
                std::int64_t width, float* dx, float* dweight);

}  // namespace convlet::CONVLET_ISA
