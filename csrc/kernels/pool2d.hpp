// The kernels of max_pool2d.cpp and avg_pool2d.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void max_pool2d_forward(const Pooling& p, const PoolTask& task, const float* x, float* y,
                        void* indices);
bool max_pool2d_valid(const Pooling& p, const PixelBlock& windows, const void* indices);
void max_pool2d_grad(const Pooling& p, const PixelBlock& pixels, const float* dy,
                     const void* indices, float* dx);

void avg_pool2d_forward(const Pooling& p, const PoolTask& task, const float* x, float* y);
void avg_pool2d_share(const Pooling& p, const PixelBlock& windows, const float* dy, float* shares);
void avg_pool2d_grad(const Pooling& p, const PixelBlock& pixels, const float* shares, float scale,
                     float* dx);

}  // namespace convlet::CONVLET_ISA
