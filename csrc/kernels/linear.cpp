// Small matrix products, for which packing would cost more than it gains.
#include "linear.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int ROWS = 4;
constexpr int WIDE = WIDEST * VECTOR;  // ROWS of it stay in registers

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

// The last tile of a row starts where it ends with the row, and repeats some columns.
template <int Count, int Lanes>
INLINE void product_row(const SmallProduct& p, std::int64_t i) {
    std::int64_t j = 0;
    for (; j + Lanes <= p.columns; j += Lanes) product_tile<Count, Lanes>(p, i, j);
    if (j < p.columns) product_tile<Count, Lanes>(p, i, p.columns - Lanes);
}

template <int Lanes>
INLINE void product_rows(const SmallProduct& p) {
    std::int64_t i = 0;
    for (; i + ROWS <= p.rows; i += ROWS) product_row<ROWS, Lanes>(p, i);
    for (; i + 2 <= p.rows; i += 2) product_row<2, Lanes>(p, i);
    if (i < p.rows) product_row<1, Lanes>(p, i);
}

// Columns that are computed by tiles so wide.
INLINE std::int64_t covered(std::int64_t columns, std::int64_t lanes) {
    return (columns + lanes - 1) / lanes * lanes;
}

}  // namespace

void small_product(const SmallProduct& p) {
    const std::int64_t n = p.columns;
    if (n >= WIDE && covered(n, WIDE) <= covered(n, VECTOR)) return product_rows<WIDE>(p);
    if (n >= VECTOR) return product_rows<VECTOR>(p);
    if (n >= HALF) return product_rows<HALF>(p);
    if (n >= 4) return product_rows<4>(p);
    product_rows<1>(p);
}

}  // namespace convlet::CONVLET_ISA
