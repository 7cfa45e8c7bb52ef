// What clipping by the norm needs: a sum of squares, and numbers scaled in place.
#include "gradient_norm.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

// In double, where no square of a float overflows or vanishes.
double sum_of_squares(const float* x, std::int64_t count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) {
        const auto value = static_cast<double>(x[i]);
        sum += value * value;
    }
    return sum;
}

void scale(float* x, std::int64_t count, float factor) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
}

}  // namespace convlet::CONVLET_ISA
