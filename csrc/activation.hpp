// Element-wise activations over memory without gaps, whatever the order of its axes.
#pragma once

#include <cstdint>

namespace convlet {

// y = max(x, 0); NaN passes.
void relu_forward(const float* x, std::int64_t count, float* y);
// dx = dy where y > 0.
void relu_grad(const float* dy, const float* y, std::int64_t count, float* dx);

}  // namespace convlet
