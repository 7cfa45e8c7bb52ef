// Activations as the last step of another kernel, on sums that are in registers or in the L1.
#pragma once

#include "exponential.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

INLINE float cut_at_6(float v) { return v < 0.0F ? 0.0F : v > 6.0F ? 6.0F : v; }
INLINE float silu(float v) { return v * sigmoid(v); }
INLINE float hardswish(float v) { return v * (cut_at_6(v + 3.0F) / 6.0F); }

// ReLU and ReLU6 cut: cheap enough for registers. The others are computed from memory.
INLINE bool cuts(Activation f) { return f == Activation::relu || f == Activation::relu6; }
INLINE float upper_cut(Activation f) {
    return f == Activation::relu6 ? 6.0F : __builtin_huge_valf();
}
INLINE float cut(float v, float upper) { return v < 0.0F ? 0.0F : v > upper ? upper : v; }

INLINE bool bends(Activation f) { return f == Activation::silu || f == Activation::hardswish; }

// In place, for an activation that bends.
__attribute__((noinline)) void bend(Activation f, float* RESTRICT y, std::int64_t count) {
    if (f == Activation::silu) {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i) y[i] = silu(y[i]);
    } else {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i) y[i] = hardswish(y[i]);
    }
}

// Sums to memory through the epilogue, all of which starts at the first lane.
INLINE void write_pixel(const float* from, float* to, std::int64_t lanes, const Epilogue& e) {
    const float upper = upper_cut(e.activation);
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
        float v = from[l];
        if (e.scale != nullptr) v *= e.scale[l];
        if (e.bias != nullptr) v += e.bias[l];
        if (e.residual != nullptr) v += e.residual[l];
        if (cuts(e.activation)) v = cut(v, upper);
        to[l] = v;
    }
    if (bends(e.activation)) bend(e.activation, to, lanes);
}

// The epilogue of the columns from `column` on; its residual follows the output instead.
INLINE Epilogue from_column(Epilogue e, std::int64_t column) {
    if (e.scale != nullptr) e.scale += column;
    if (e.bias != nullptr) e.bias += column;
    return e;
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
