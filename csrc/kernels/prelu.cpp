// ReLU whose slope below 0 is learnt, one for each column of the rows.
#include "prelu.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

void prelu(const float* x, const float* RESTRICT weight, std::int64_t rows, std::int64_t width,
           float* y) {
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* RESTRICT from = x + r * width;
        float* RESTRICT to = y + r * width;
#pragma omp simd
        for (std::int64_t i = 0; i < width; ++i)
            to[i] = from[i] * (from[i] > 0.0F ? 1.0F : weight[i]);
    }
}

// dx = dy (1 or weight), dweight = sum over rows of dy x where x is not positive.
void prelu_grad(const float* dy, const float* x, const float* RESTRICT weight, std::int64_t rows,
                std::int64_t width, float* dx, float* RESTRICT dweight) {
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) dweight[i] = 0.0F;
    for (std::int64_t r = 0; r < rows; ++r) {
        const float *RESTRICT from = x + r * width, *RESTRICT grad = dy + r * width;
        float* RESTRICT to = dx + r * width;
#pragma omp simd
        for (std::int64_t i = 0; i < width; ++i) {
            const bool passes = from[i] > 0.0F;
            to[i] = grad[i] * (passes ? 1.0F : weight[i]);
            dweight[i] += passes ? 0.0F : grad[i] * from[i];
        }
    }
}

}  // namespace convlet::CONVLET_ISA
