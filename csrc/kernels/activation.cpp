// Element-wise activations and their gradients.
#include "activation.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

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

}  // namespace convlet::CONVLET_ISA
