// Element-wise activations and their gradients.
#include "activation.hpp"

#include "activated.hpp"
#include "simd.hpp"
#include "smooth.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// 1 + tanh(u) is 2 sigmoid(2 u): GELU's approximation is x sigmoid(SLOPE x (1 + BEND x x)).
constexpr float GELU_SLOPE = 1.59576912F, GELU_BEND = 0.044715F;  // 2 sqrt(2 / pi)

// n = (1 + e^x)^2 - 1, of which tanh(log(1 + e^x)) is n / (n + 2), and 1 from 20 on.
INLINE float mish_power(float x) {
    const float e = exponential(x > 20.0F ? 20.0F : x);
    return e * (e + 2.0F);
}

template <Unary F>
INLINE float value(float x, float parameter) {
    if constexpr (F == Unary::relu6) return cut_at_6(x);
    if constexpr (F == Unary::leaky_relu) return x < 0.0F ? parameter * x : x;
    if constexpr (F == Unary::sigmoid) return sigmoid(x);
    if constexpr (F == Unary::silu) return silu(x);
    if constexpr (F == Unary::hardsigmoid) return cut_at_6(x + 3.0F) / 6.0F;
    if constexpr (F == Unary::hardswish) return hardswish(x);
    if constexpr (F == Unary::tanh) return tanh_of(x);
    if constexpr (F == Unary::elu)
        return x > 0.0F ? x : parameter * exponential_minus_1(x > 0.0F ? 0.0F : x);
    if constexpr (F == Unary::gelu) return x * normal_at(x).below;
    if constexpr (F == Unary::gelu_tanh)
        return x * sigmoid(GELU_SLOPE * x * (1.0F + GELU_BEND * x * x));
    if constexpr (F == Unary::softplus) return softplus(parameter * x) / parameter;
    if constexpr (F == Unary::mish) {
        const float n = mish_power(x);
        return x * (n / (n + 2.0F));
    }
}

// Of the output (relu6, sigmoid, hardsigmoid, tanh), which the next layer keeps anyway, or of the
// input.
template <Unary F>
INLINE float derivative(float v, float parameter) {
    if constexpr (F == Unary::relu6) return v > 0.0F && v < 6.0F ? 1.0F : 0.0F;
    if constexpr (F == Unary::leaky_relu) return v > 0.0F ? 1.0F : parameter;
    if constexpr (F == Unary::sigmoid) return v * (1.0F - v);
    if constexpr (F == Unary::silu) {
        const float s = sigmoid(v);
        return s * (1.0F + v * (1.0F - s));
    }
    if constexpr (F == Unary::hardsigmoid) return v > 0.0F && v < 1.0F ? 1.0F / 6.0F : 0.0F;
    if constexpr (F == Unary::hardswish)
        return v <= -3.0F ? 0.0F : v < 3.0F ? v / 3.0F + 0.5F : 1.0F;
    if constexpr (F == Unary::tanh) return 1.0F - v * v;
    if constexpr (F == Unary::elu)
        return v > 0.0F ? 1.0F : parameter * exponential(v > 0.0F ? 0.0F : v);
    if constexpr (F == Unary::gelu) {
        const Normal at = normal_at(v);
        return at.below + v * at.density;
    }
    if constexpr (F == Unary::gelu_tanh) {
        const float near = v > 99.0F ? 99.0F : v < -99.0F ? -99.0F : v;  // no square is infinite
        const float u = GELU_BEND * near * near, s = sigmoid(GELU_SLOPE * near * (1.0F + u));
        return s + near * s * (1.0F - s) * GELU_SLOPE * (1.0F + 3.0F * u);
    }
    if constexpr (F == Unary::softplus) return sigmoid(parameter * v);
    if constexpr (F == Unary::mish) {
        const float near = v > 20.0F ? 20.0F : v, n = mish_power(v), t = n / (n + 2.0F);
        return t + near * (2.0F / (n + 2.0F)) * (1.0F + t) * sigmoid(v);
    }
}

template <Unary F>
INLINE void forward(float parameter, const float* RESTRICT x, std::int64_t count,
                    float* RESTRICT y) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = value<F>(x[i], parameter);
}

// dx may lie over dy.
template <Unary F>
INLINE void backward(float parameter, const float* dy, const float* saved, std::int64_t count,
                     float* dx) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * derivative<F>(saved[i], parameter);
}

// Calls body.template operator()<F>() for the function.
template <class Body>
INLINE void with(Unary function, Body body) {
    switch (function) {
        case Unary::relu6:
            return body.template operator()<Unary::relu6>();
        case Unary::leaky_relu:
            return body.template operator()<Unary::leaky_relu>();
        case Unary::sigmoid:
            return body.template operator()<Unary::sigmoid>();
        case Unary::silu:
            return body.template operator()<Unary::silu>();
        case Unary::hardsigmoid:
            return body.template operator()<Unary::hardsigmoid>();
        case Unary::hardswish:
            return body.template operator()<Unary::hardswish>();
        case Unary::tanh:
            return body.template operator()<Unary::tanh>();
        case Unary::elu:
            return body.template operator()<Unary::elu>();
        case Unary::gelu:
            return body.template operator()<Unary::gelu>();
        case Unary::gelu_tanh:
            return body.template operator()<Unary::gelu_tanh>();
        case Unary::softplus:
            return body.template operator()<Unary::softplus>();
        case Unary::mish:
            return body.template operator()<Unary::mish>();
    }
}

}  // namespace

void relu(const float* RESTRICT x, std::int64_t count, float* RESTRICT y) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] < 0.0F ? 0.0F : x[i];
}

// The sign of the output tells whether the input passed: the input need not be kept. dx may lie
// over dy.
void relu_grad(const float* dy, const float* y, std::int64_t count, float* dx) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
}

void unary(Unary function, float parameter, const float* x, std::int64_t count, float* y) {
    with(function,
         [&]<Unary F>() __attribute__((always_inline)) { forward<F>(parameter, x, count, y); });
}

void unary_grad(Unary function, float parameter, const float* dy, const float* saved,
                std::int64_t count, float* dx) {
    with(function, [&]<Unary F>() __attribute__((always_inline)) {
        backward<F>(parameter, dy, saved, count, dx);
    });
}

}  // namespace convlet::CONVLET_ISA
