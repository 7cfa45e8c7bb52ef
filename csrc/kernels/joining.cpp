// Sums of two arrays, such as a residual and what it is added to.
#include "joining.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

void add(const float* a, const float* b, std::int64_t count, float* y) {  // y may lie over a
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

}  // namespace convlet::CONVLET_ISA
