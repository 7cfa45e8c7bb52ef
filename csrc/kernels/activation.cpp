// Element-wise activations and their gradients.
#include "activation.hpp"

#include "activated.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

template <Unary F>
INLINE float value(float x, float slope) {
    if constexpr (F == Unary::relu6) return cut_at_6(x);
    if constexpr (F == Unary::leaky_relu) return x < 0.0F ? slope * x : x;
    if constexpr (F == Unary::sigmoid) return sigmoid(x);
    if constexpr (F == Unary::silu) return silu(x);
    if constexpr (F == Unary::hardsigmoid) return cut_at_6(x + 3.0F) / 6.0F;
    if constexpr (F == Unary::hardswish) return hardswish(x);
}

// Of the output (relu6, sigmoid, hardsigmoid), which the next layer keeps anyway, or of the input.
template <Unary F>
INLINE float derivative(float v, float slope) {
    if constexpr (F == Unary::relu6) return v > 0.0F && v < 6.0F ? 1.0F : 0.0F;
    if constexpr (F == Unary::leaky_relu) return v > 0.0F ? 1.0F : slope;
    if constexpr (F == Unary::sigmoid) return v * (1.0F - v);
    if constexpr (F == Unary::silu) {
        const float s = sigmoid(v);
        return s * (1.0F + v * (1.0F - s));
    }
    if constexpr (F == Unary::hardsigmoid) return v > 0.0F && v < 1.0F ? 1.0F / 6.0F : 0.0F;
    if constexpr (F == Unary::hardswish)
        return v <= -3.0F ? 0.0F : v < 3.0F ? v / 3.0F + 0.5F : 1.0F;
}

template <Unary F>
INLINE void forward(float slope, const float* RESTRICT x, std::int64_t count, float* RESTRICT y) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = value<F>(x[i], slope);
}

template <Unary F>
INLINE void backward(float slope, const float* RESTRICT dy, const float* RESTRICT saved,
                     std::int64_t count, float* RESTRICT dx) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * derivative<F>(saved[i], slope);
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
    }
}

}  // namespace

void relu(const float* RESTRICT x, std::int64_t count, float* RESTRICT y) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] < 0.0F ? 0.0F : x[i];
}

// The sign of the output tells whether the input passed: the input need not be kept.
void relu_grad(const float* RESTRICT dy, const float* RESTRICT y, std::int64_t count,
               float* RESTRICT dx) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
}

void unary(Unary function, float slope, const float* x, std::int64_t count, float* y) {
    with(function,
         [&]<Unary F>() __attribute__((always_inline)) { forward<F>(slope, x, count, y); });
}

void unary_grad(Unary function, float slope, const float* dy, const float* saved,
                std::int64_t count, float* dx) {
    with(function, [&]<Unary F>() __attribute__((always_inline)) {
        backward<F>(slope, dy, saved, count, dx);
    });
}

}  // namespace convlet::CONVLET_ISA
