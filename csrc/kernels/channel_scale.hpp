// The kernels of channel_scale.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void channel_scale(const float* x, const float* scale, std::int64_t pixels, std::int64_t channels,
                   float* y);
void channel_scale_grad(const float* dy, const float* x, const float* scale, std::int64_t pixels,
                        std::int64_t channels, float* dx, float* dscale);

}  // namespace convlet::CONVLET_ISA
