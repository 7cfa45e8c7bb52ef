// Element-wise activations over memory without gaps, whatever the order of its axes.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

// y = max(x, 0); NaN passes.
void relu_forward(const float* x, std::int64_t count, float* y);
// dx = dy where y > 0.
void relu_grad(const float* dy, const float* y, std::int64_t count, float* dx);

// y = f(x); the parameter is leaky ReLU's slope, ELU's alpha, softplus's beta.
void unary_forward(Unary f, float parameter, const float* x, std::int64_t count, float* y);
// dx = dy f'; `saved` is the output where from_output(f), else the input.
void unary_grad(Unary f, float parameter, const float* dy, const float* saved, std::int64_t count,
                float* dx);
constexpr bool from_output(Unary f) {
    return f == Unary::relu6 || f == Unary::sigmoid || f == Unary::hardsigmoid || f == Unary::tanh;
}

}  // namespace convlet
