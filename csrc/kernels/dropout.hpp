// The kernels of dropout.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void philox(const PhiloxStream& stream, std::int64_t count, std::uint32_t* out);
void dropout(const DropoutRule& rule, const float* x, std::int64_t count, float* y,
             std::uint8_t* mask);
void dropout_grad(const float* dy, const std::uint8_t* mask, std::int64_t count, float scale,
                  float* dx);

}  // namespace convlet::CONVLET_ISA
