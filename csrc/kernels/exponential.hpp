// exp() for SIMD loops: libm's is a call per element.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr float LOG2_E = 1.44269504F, LN2_HIGH = 0.693145752F, LN2_LOW = 1.42860677e-6F;
constexpr float ROUND = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer

// e^r for |r| <= ln 2 / 2, by its Taylor polynomial of degree 7.
INLINE float small_exponential(float r) {
    float p = 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    return p * r + 1.0F;
}

// e^x with a relative error below 2e-7 (tests/test_loss.py measures it); 0 below -87.3, infinity
// above 88.7; NaN passes.
//
// x = n ln 2 + r: e^r times 2^n made of exponent bits in two halves, so that neither leaves the
// range of normal numbers.
INLINE float exponential(float x) {
    const float clamped = x < -88.0F ? -88.0F : x > 89.0F ? 89.0F : x;
    const float n = (clamped * LOG2_E + ROUND) - ROUND;
    const float r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    const float p = small_exponential(r);
    const std::int32_t whole = n == n ? static_cast<std::int32_t>(n) : 0;
    const std::int32_t half = whole >> 1;
    const float low = __builtin_bit_cast(float, (half + 127) << 23);
    const float high = __builtin_bit_cast(float, (whole - half + 127) << 23);
    const float y = p * low * high;
    return x < -87.3F ? 0.0F : x > 88.72283F ? __builtin_huge_valf() : y;
}

// 1 / (1 + e^-x) with a relative error below 4e-7 (tests/test_activation.py measures it), 0 below
// -88.4; NaN passes.
//
// As above, in fewer steps: e^-x may be infinite before its time, for its inverse is no normal
// number there, and n is taken from the bits of the rounded sum, whose low ones it is.
INLINE float sigmoid(float x) {
    const float v = x > 87.0F ? -87.0F : x < -89.0F ? 89.0F : -x;
    const float rounded = v * LOG2_E + ROUND, n = rounded - ROUND;
    const float r = (v - n * LN2_HIGH) - n * LN2_LOW;
    const auto bits = __builtin_bit_cast(std::uint32_t, rounded) + 127U;
    const float power = __builtin_bit_cast(float, bits << 23);
    return 1.0F / (1.0F + small_exponential(r) * power);
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
