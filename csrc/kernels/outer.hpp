// The outer-product tile: sums over the depth of rows of `a` times rows of `b`, both read where
// they lie. The gradient of a weight is such a sum, with pixels (or Winograd's tiles) as the depth.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int outer_rows(int vectors) {
    if (WIDEST >= 4) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
    return vectors == 2 ? 6 : 12;
}

// The depth is a grid of `rows` x `columns`: the pixels of a block of an image.
struct OuterTask {
    const float* a;              // first row of the tile at depth (0, 0)
    std::int64_t a_row, a_step;  // floats from one depth row to the next, from column to column
    const float* b;
    std::int64_t b_row, b_step;
    std::int64_t rows, columns;
    float* sums;  // [Rows], sums_step floats apart
    std::int64_t sums_step;
    bool resume;                   // sums holds what came before
    const float* ahead = nullptr;  // memory that is fetched meanwhile, a line for each column
};

template <int Rows, int Lanes>
__attribute__((noinline)) void outer_tile(const OuterTask& task) {
    float acc[Rows][Lanes];
    UNROLL
    for (int i = 0; i < Rows; ++i) {
#pragma omp simd
        for (int j = 0; j < Lanes; ++j) acc[i][j] = 0.0F;
    }
    // The sums come from afar while the products are made.
    UNROLL
    for (int i = 0; i < Rows; ++i) {
        for (int j = 0; j < Lanes; j += 16)
            __builtin_prefetch(task.sums + i * task.sums_step + j, 1);
    }
    const std::int64_t a_step = task.a_step, b_step = task.b_step;
    const float* ahead = task.ahead == nullptr ? task.b : task.ahead;
    const std::int64_t ahead_step = task.ahead == nullptr ? 0 : 16;
    std::int64_t r = 0;
    do {  // once at least, and two ways to write, for the reasons given in gemm.hpp
        const float* RESTRICT a = task.a + r * task.a_row;
        const float* RESTRICT b = task.b + r * task.b_row;
        std::int64_t p = 0;
        do {
            UNROLL
            for (int i = 0; i < Rows; ++i) {
                const float x = a[i];
#pragma omp simd
                for (int j = 0; j < Lanes; ++j) acc[i][j] += x * b[j];
            }
            a += a_step;
            b += b_step;
            __builtin_prefetch(ahead, 0, 2);
            ahead += ahead_step;
        } while (++p < task.columns);
    } while (++r < task.rows);
    float* RESTRICT sums = task.sums;
    if (task.resume) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i * task.sums_step + j] += acc[i][j];
        }
    } else {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i * task.sums_step + j] = acc[i][j];
        }
    }
}

template <int Rows, int Lanes>
INLINE void outer_tile_of(std::int64_t rows, const OuterTask& task) {
    if constexpr (Rows > 0) {
        if (rows == Rows)
            outer_tile<Rows, Lanes>(task);
        else
            outer_tile_of<Rows - 1, Lanes>(rows, task);
    }
}

INLINE void run_outer_tile(std::int64_t rows, std::int64_t lanes, const OuterTask& task) {
    if constexpr (WIDEST >= 4) {
        if (lanes == 4 * VECTOR) return outer_tile_of<outer_rows(4), 4 * VECTOR>(rows, task);
        if (lanes == 3 * VECTOR) return outer_tile_of<outer_rows(3), 3 * VECTOR>(rows, task);
    }
    if (lanes == 2 * VECTOR) return outer_tile_of<outer_rows(2), 2 * VECTOR>(rows, task);
    if (HALF < VECTOR && lanes == HALF) return outer_tile_of<outer_rows(1), HALF>(rows, task);
    return outer_tile_of<outer_rows(1), VECTOR>(rows, task);
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
