// Small matrix products, for which packing would cost more than it gains.
#include "linear.hpp"

#include "activated.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int ROWS = 6;

// Rows [i, i + Rows) and columns [j, j + Lanes) of the product, summed in registers. The depth is
// at least 1: gemm.hpp says why.
template <int Rows, int Lanes>
INLINE void product_tile(const SmallProduct& p, std::int64_t i, std::int64_t j) {
    float acc[Rows][Lanes];
    UNROLL
    for (int r = 0; r < Rows; ++r) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) acc[r][l] = 0.0F;
    }
    const float* a = p.a + i * p.a_row;
    const float* b = p.b + j;
    std::int64_t d = 0;
    do {
        UNROLL
        for (int r = 0; r < Rows; ++r) {
            const float x = a[r * p.a_row];
#pragma omp simd
            for (int l = 0; l < Lanes; ++l) acc[r][l] += x * b[l];
        }
        a += p.a_step;
        b += p.b_step;
    } while (++d < p.depth);
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        float* RESTRICT c = p.c + (i + r) * p.columns + j;
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) c[l] = acc[r][l];
    }
}

// The columns from j, in tiles of so many registers and then of fewer. The last tile of a row ends
// with the row and repeats some columns.
template <int Rows, int Lanes, int Registers>
INLINE void product_row(const SmallProduct& p, std::int64_t i, std::int64_t j) {
    constexpr int WIDTH = Registers * Lanes;
    for (; j + WIDTH <= p.columns; j += WIDTH) product_tile<Rows, WIDTH>(p, i, j);
    if (j == p.columns) return;
    if (j + WIDTH < p.columns + Lanes && WIDTH <= p.columns) {
        product_tile<Rows, WIDTH>(p, i, p.columns - WIDTH);
        return;
    }
    if constexpr (Registers > 1) product_row<Rows, Lanes, Registers - 1>(p, i, j);
}

// The last tile of many rows repeats some of them too.
template <int Rows, int Lanes>
INLINE void product_rows(const SmallProduct& p, std::int64_t i) {
    if constexpr (Rows > 0) {
        constexpr int REGISTERS = Lanes == VECTOR ? WIDEST : 1;
        if (Rows == ROWS && p.rows > ROWS) {
            for (; i < p.rows; i += Rows)
                product_row<Rows, Lanes, REGISTERS>(p, smaller(i, p.rows - Rows), 0);
            return;
        }
        for (; i + Rows <= p.rows; i += Rows) product_row<Rows, Lanes, REGISTERS>(p, i, 0);
        product_rows<Rows / 2, Lanes>(p, i);
    }
}

// The sum of a register's lanes, by halves: a loop over them would wait for each addition.
template <int Lanes>
INLINE float folded(float* lanes) {
    if constexpr (Lanes == 1) {
        return lanes[0];
    } else {
#pragma omp simd
        for (int l = 0; l < Lanes / 2; ++l) lanes[l] += lanes[Lanes / 2 + l];
        return folded<Lanes / 2>(lanes);
    }
}

// Tiles of dot products, and how many floats ahead their weights are asked for.
constexpr int DOT_COLUMNS = 6, DOT_ROWS = WIDEST >= 4 ? 4 : 2, AHEAD = 64;

// The sums of columns [k, k + Columns) and rows [n, n + Rows): a register of partial sums for each.
// There are at least as many inputs as lanes.
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
    std::int64_t step = 0;
    do {
        const std::int64_t d = step;
        UNROLL
        for (int c = 0; c < Columns; ++c) __builtin_prefetch(w + c * p.inputs + d + AHEAD);
        UNROLL
        for (int r = 0; r < Rows; ++r) {
            UNROLL
            for (int c = 0; c < Columns; ++c) {
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l)
                    acc[r][c][l] += x[r * p.inputs + d + l] * w[c * p.inputs + d + l];
            }
        }
        step += VECTOR;
    } while (step < whole);
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int c = 0; c < Columns; ++c) {
            sums[r][c] = folded<VECTOR>(acc[r][c]);
        }
    }
    for (int r = 0; r < Rows; ++r) {
        for (int c = 0; c < Columns; ++c) {
            for (std::int64_t d = whole; d < p.inputs; ++d)
                sums[r][c] += x[r * p.inputs + d] * w[c * p.inputs + d];
            p.y[(n + r) * p.outputs + k + c] = sums[r][c];
        }
    }
}

template <int Columns>
INLINE void dot_columns(const DotProducts& p, std::int64_t first, std::int64_t last,
                        std::int64_t k) {
    for (; first + DOT_ROWS <= last; first += DOT_ROWS) dot_tile<DOT_ROWS, Columns>(p, first, k);
    for (; first < last; ++first) dot_tile<1, Columns>(p, first, k);
}

}  // namespace

void dot_products(const DotProducts& p, const DotBlock& b) {
    std::int64_t k = b.first_column;
    for (; k + DOT_COLUMNS <= b.last_column; k += DOT_COLUMNS)
        dot_columns<DOT_COLUMNS>(p, b.first_row, b.last_row, k);
    for (; k < b.last_column; ++k) dot_columns<1>(p, b.first_row, b.last_row, k);
    const float* bias = p.bias == nullptr ? nullptr : p.bias + b.first_column;
    for (std::int64_t n = b.first_row; n < b.last_row; ++n) {
        float* y = p.y + n * p.outputs + b.first_column;
        write_pixel(y, y, b.last_column - b.first_column, {nullptr, bias, nullptr, p.activation});
    }
}

void small_product(const SmallProduct& p) {
    if (p.columns >= VECTOR) return product_rows<ROWS, VECTOR>(p, 0);
    if (p.columns >= HALF) return product_rows<ROWS, HALF>(p, 0);
    if (p.columns >= 4) return product_rows<ROWS, 4>(p, 0);
    product_rows<ROWS, 1>(p, 0);
}

}  // namespace convlet::CONVLET_ISA
