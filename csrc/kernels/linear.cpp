// Small matrix products, for which packing would cost more than it gains.
#include "linear.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int ROWS = 4;

// Rows [i, i + Count) and columns [j, j + Lanes) of the product, summed in registers.
template <int Count, int Lanes>
INLINE void product_tile(const SmallProduct& p, std::int64_t i, std::int64_t j) {
    float acc[Count][Lanes];
    UNROLL
    for (int r = 0; r < Count; ++r) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) acc[r][l] = 0.0F;
    }
    const float* a = p.a + i * p.a_row;
    const float* b = p.b + j;
    for (std::int64_t d = 0; d < p.depth; ++d) {
        UNROLL
        for (int r = 0; r < Count; ++r) {
            const float x = a[r * p.a_row];
#pragma omp simd
            for (int l = 0; l < Lanes; ++l) acc[r][l] += x * b[l];
        }
        a += p.a_step;
        b += p.b_step;
    }
    UNROLL
    for (int r = 0; r < Count; ++r) {
        float* RESTRICT c = p.c + (i + r) * p.columns + j;
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) c[l] = acc[r][l];
    }
}

template <int Count>
INLINE void product_rows(const SmallProduct& p, std::int64_t i) {
    std::int64_t j = 0;
    constexpr int WIDE = WIDEST * VECTOR;
    for (; j + WIDE <= p.columns; j += WIDE) product_tile<Count, WIDE>(p, i, j);
    for (; j + VECTOR <= p.columns; j += VECTOR) product_tile<Count, VECTOR>(p, i, j);
    for (; j + HALF <= p.columns; j += HALF) product_tile<Count, HALF>(p, i, j);
    for (; j + 4 <= p.columns; j += 4) product_tile<Count, 4>(p, i, j);
    for (; j < p.columns; ++j) product_tile<Count, 1>(p, i, j);
}

}  // namespace

void small_product(const SmallProduct& p) {
    std::int64_t i = 0;
    for (; i + ROWS <= p.rows; i += ROWS) product_rows<ROWS>(p, i);
    for (; i < p.rows; ++i) product_rows<1>(p, i);
}

}  // namespace convlet::CONVLET_ISA
