// The kernels of adaptive_pool2d.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void adaptive_max_pool2d_forward(const AdaptivePooling& p, const PoolTask& task, const float* x,
                                 float* y, std::int32_t* indices);
bool adaptive_max_pool2d_valid(const AdaptivePooling& p, const PixelBlock& windows,
                               const std::int32_t* indices);
void adaptive_max_pool2d_grad(const AdaptivePooling& p, const PixelBlock& pixels, const float* dy,
                              const std::int32_t* indices, float* dx);

void adaptive_avg_pool2d_forward(const AdaptivePooling& p, const PoolTask& task, const float* x,
                                 float* y);
void adaptive_avg_pool2d_grad(const AdaptivePooling& p, const PixelBlock& pixels, const float* dy,
                              float* dx);

}  // namespace convlet::CONVLET_ISA
