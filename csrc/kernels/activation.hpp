// The kernels of activation.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void relu(const float* x, std::int64_t count, float* y);
void relu_grad(const float* dy, const float* y, std::int64_t count, float* dx);

void unary(Unary function, float parameter, const float* x, std::int64_t count, float* y);
void unary_grad(Unary function, float parameter, const float* dy, const float* saved,
                std::int64_t count, float* dx);

}  // namespace convlet::CONVLET_ISA
