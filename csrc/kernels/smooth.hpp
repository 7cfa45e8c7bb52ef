// Smooth functions for SIMD loops, made of the exponential. NaN passes.
#pragma once

#include "exponential.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Errors are relative, and measured by tests/test_smooth_activation.py: below 4e-7, those of the
// normal distribution and of log1p below 3e-6 (an x of 13 squared is as exact as 2e-6 of e^that).

// e^x - 1 for x <= 0: near 0 by the polynomial, whose first term is not lost against 1.
INLINE float exponential_minus_1(float x) {
    const float r = x < -0.35F ? 0.0F : x;
    float p = 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    return x < -0.35F ? exponential(x) - 1.0F : p * r;
}

// 1 - 2 / (e^2|x| + 1), whose exponential needs neither of its ends: beyond 20 the result is 1.
// Near 0 an odd polynomial, fitted to the least relative error on [0, 5/8].
INLINE float tanh_of(float x) {
    const float size = __builtin_fabsf(x), u = x * x, v = size > 20.0F ? 40.0F : 2.0F * size;
    const float rounded = v * LOG2_E + ROUND, n = rounded - ROUND;
    const float r = (v - n * LN2_HIGH) - n * LN2_LOW;
    const auto bits = __builtin_bit_cast(std::uint32_t, rounded) + 127U;
    const float power = __builtin_bit_cast(float, bits << 23);
    float p = -0.00571703656F;
    p = p * u + 0.020650579F;
    p = p * u - 0.0537434953F;
    p = p * u + 0.133314912F;
    p = p * u - 0.333332839F;
    const float far = 1.0F - 2.0F / (small_exponential(r) * power + 1.0F);
    return size < 0.625F ? x + x * u * p : __builtin_copysignf(far, x);
}

// log(1 + u) for u in [0, 1]: 2 artanh(u / (2 + u)) by its series.
INLINE float log_of_1_plus(float u) {
    const float s = u / (2.0F + u), z = s * s;
    float p = 1.0F / 13.0F;
    p = p * z + 1.0F / 11.0F;
    p = p * z + 1.0F / 9.0F;
    p = p * z + 1.0F / 7.0F;
    p = p * z + 1.0F / 5.0F;
    p = p * z + 1.0F / 3.0F;
    return 2.0F * (s + s * z * p);
}

// log(x) for normal x: x = m 2^n with m in [1/sqrt 2, sqrt 2), log m by the series of artanh.
INLINE float logarithm(float x) {
    constexpr std::uint32_t ROOT_OF_HALF = 0x3F3504F3U;
    const auto bits = __builtin_bit_cast(std::uint32_t, x) - ROOT_OF_HALF;
    const auto n = static_cast<float>(static_cast<std::int32_t>(bits) >> 23);
    const float m = __builtin_bit_cast(float, (bits & 0x007FFFFFU) + ROOT_OF_HALF);
    const float s = (m - 1.0F) / (m + 1.0F), z = s * s;
    float p = 1.0F / 9.0F;
    p = p * z + 1.0F / 7.0F;
    p = p * z + 1.0F / 5.0F;
    p = p * z + 1.0F / 3.0F;
    const float y = n * LN2_HIGH + (n * LN2_LOW + 2.0F * (s + s * z * p));
    return x == x ? y : x;
}

INLINE float softplus(float x) {
    return (x < 0.0F ? 0.0F : x) + log_of_1_plus(exponential(-__builtin_fabsf(x)));
}

// The density at x of the normal distribution, and its integral up to x.
struct Normal {
    float density, below;
};

// The tail beyond t is e^(-t t / 2) times a polynomial in 1 / (1 + 0.3 t), fitted on [0, 13.5].
INLINE Normal normal_at(float x) {
    constexpr float SHARE = 0.398942280F;  // 1 / sqrt(2 pi)
    const float t = __builtin_fabsf(x), w = 1.0F / (1.0F + 0.3F * t);
    float p = 0.0383343436F;
    p = p * w - 0.168952316F;
    p = p * w + 0.228218019F;
    p = p * w - 0.0760003552F;
    p = p * w + 0.142185554F;
    p = p * w + 0.0948327854F;
    p = p * w + 0.121882103F;
    p = p * w + 0.11949306F;
    p = p * w + 6.85322539e-6F;
    const float power = exponential(-0.5F * x * x), tail = power * p;
    return {SHARE * power, x < 0.0F ? tail : 1.0F - tail};
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
