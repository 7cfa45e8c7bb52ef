// The kernels of optim.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void sgd(const SgdRule& rule, float* parameter, const float* gradient, float* velocity,
         std::int64_t count);
void adam(const AdamRule& rule, float* parameter, const float* gradient, float* mean,
          float* variance, std::int64_t count);

}  // namespace convlet::CONVLET_ISA
