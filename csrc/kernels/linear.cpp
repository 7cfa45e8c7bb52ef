// Small matrix products, for which packing would cost more than it gains.
#include "linear.hpp"

#include "activated.hpp"
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

// Columns [k, k + Columns) of rows [n, n + Rows): a register of partial sums for each.
template <int Rows, int Columns>
INLINE void dot_tile(const DotProducts& p, std::int64_t n, std::int64_t k) {
    float acc[Rows][Columns][VECTOR];
    float sums[Rows][Columns];
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int c = 0; c < Columns; ++c) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) acc[r][c][l] = 0.0F;
        }
    }
    const float *x = p.x + n * p.inputs, *w = p.weight + k * p.inputs;
    const std::int64_t whole = p.inputs / VECTOR * VECTOR;
    for (std::int64_t d = 0; d < whole; d += VECTOR) {
        UNROLL
        for (int r = 0; r < Rows; ++r) {
            UNROLL
            for (int c = 0; c < Columns; ++c) {
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l)
                    acc[r][c][l] += x[r * p.inputs + d + l] * w[c * p.inputs + d + l];
            }
        }
    }
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int c = 0; c < Columns; ++c) {
            float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
            for (int l = 0; l < VECTOR; ++l) sum += acc[r][c][l];
            sums[r][c] = sum;
        }
    }
    for (int r = 0; r < Rows; ++r) {
        for (int c = 0; c < Columns; ++c) {
            for (std::int64_t d = whole; d < p.inputs; ++d)
                sums[r][c] += x[r * p.inputs + d] * w[c * p.inputs + d];
            float* y = p.y + (n + r) * p.outputs + k + c;
            write_pixel(
                &sums[r][c], y, 1,
                {nullptr, p.bias == nullptr ? nullptr : p.bias + k + c, nullptr, p.activation});
        }
    }
}

template <int Columns>
INLINE void dot_columns(const DotProducts& p, std::int64_t k) {
    std::int64_t n = 0;
    for (; n + 4 <= p.rows; n += 4) dot_tile<4, Columns>(p, n, k);
    for (; n < p.rows; ++n) dot_tile<1, Columns>(p, n, k);
}

}  // namespace

// Columns [first, last).
void dot_products(const DotProducts& p, std::int64_t first, std::int64_t last) {
    std::int64_t k = first;
    for (; k + 4 <= last; k += 4) dot_columns<4>(p, k);
    for (; k < last; ++k) dot_columns<1>(p, k);
}

void small_product(const SmallProduct& p) {
    const std::int64_t n = p.columns;
    if (n >= WIDE && covered(n, WIDE) <= covered(n, VECTOR)) return product_rows<WIDE>(p);
    if (n >= VECTOR) return product_rows<VECTOR>(p);
    if (n >= HALF) return product_rows<HALF>(p);
    if (n >= 4) return product_rows<4>(p);
    product_rows<1>(p);
}

}  // namespace convlet::CONVLET_ISA
