// Activations as the last step of another kernel, on sums that are in registers or in the L1.
#pragma once

#include "exponential.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// ReLU and ReLU6 cut: cheap enough for registers. The others are computed from memory.
INLINE bool cuts(Activation f) { return f == Activation::relu || f == Activation::relu6; }
INLINE float lower_cut(Activation f) { return cuts(f) ? 0.0F : -__builtin_huge_valf(); }
INLINE float upper_cut(Activation f) {
    return f == Activation::relu6 ? 6.0F : __builtin_huge_valf();
}
// One choice after the other, which are a maximum and a minimum that let NaN pass.
INLINE float cut(float v, float lower, float upper) {
    const float low = v < lower ? lower : v;
    return low > upper ? upper : low;
}

INLINE float cut_at_6(float v) { return cut(v, 0.0F, 6.0F); }
INLINE float silu(float v) { return v * sigmoid(v); }
INLINE float hardswish(float v) { return v * (cut_at_6(v + 3.0F) / 6.0F); }

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

// Blocks of Lanes sums from lane l on; which steps there are is asked outside of the loops, for
// these are then instructions without a condition.
template <int Lanes>
INLINE std::int64_t write_lanes(const float* from, float* to, std::int64_t l, std::int64_t lanes,
                                const Epilogue& e) {
    const float upper = upper_cut(e.activation);
    for (; l + Lanes <= lanes; l += Lanes) {
        float v[Lanes];
#pragma omp simd
        for (int i = 0; i < Lanes; ++i) v[i] = from[l + i];
        if (e.scale != nullptr) {
#pragma omp simd
            for (int i = 0; i < Lanes; ++i) v[i] *= e.scale[l + i];
        }
        if (e.bias != nullptr) {
#pragma omp simd
            for (int i = 0; i < Lanes; ++i) v[i] += e.bias[l + i];
        }
        if (e.residual != nullptr) {
#pragma omp simd
            for (int i = 0; i < Lanes; ++i) v[i] += e.residual[l + i];
        }
        if (cuts(e.activation)) {
#pragma omp simd
            for (int i = 0; i < Lanes; ++i) v[i] = cut(v[i], 0.0F, upper);
        }
#pragma omp simd
        for (int i = 0; i < Lanes; ++i) to[l + i] = v[i];
    }
    return l;
}

// Sums to memory through the epilogue, all of which starts at the first lane; `to` may be `from`.
INLINE void write_pixel(const float* from, float* to, std::int64_t lanes, const Epilogue& e) {
    std::int64_t l = write_lanes<VECTOR>(from, to, 0, lanes, e);
    if constexpr (VECTOR > 4) l = write_lanes<4>(from, to, l, lanes, e);
    write_lanes<1>(from, to, l, lanes, e);
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
