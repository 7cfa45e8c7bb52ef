// The kernels of optim.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void sgd(const SgdRule& rule, float* parameter, const float* gradient, float* velocity,
         std::int64_t count);
void adam(const AdamRule& rule, float* parameter, const float* gradient, float* mean,
          float* variance, float* largest, std::int64_t count);
void lamb_moments(const LambRule& rule, const float* parameter, const float* gradient, float* mean,
                  float* variance, std::int64_t count, float* squares);
void lamb_change(const LambRule& rule, float rate, float* parameter, const float* mean,
                 const float* variance, std::int64_t count);
void rmsprop(const RmspropRule& rule, float* parameter, const float* gradient, float* square,
             float* mean, float* buffer, std::int64_t count);
void move_average(float weight, const float* value, float* average, std::int64_t count);

}  // namespace convlet::CONVLET_ISA
