// The register tile: the one loop in which convolutions and linear layers spend their time.
//
// acc[Rows][Lanes] stays in registers: both bounds are constants, the rows are unrolled, the lanes
// are SIMD. Rows are pixels, given by a pointer each, so that a tile may run over the end of an
// image row; lanes are output channels.
#pragma once

#include "activated.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Rows that leave registers for `vectors` columns, a row of b and a broadcast.
constexpr int tile_rows(int vectors) { return vectors * VECTOR == WIDEST * VECTOR ? 6 : 8; }

// Rows of b that are fetched before they are multiplied: as long as a line takes from the L3.
constexpr int AHEAD = 24;

struct TileTask {
    const float* const* a;  // one pointer per row
    const Step* steps;      // runs of the depth, the same for every row; none is empty
    std::int64_t step_count;
    const float* b;  // [depth], rows of Lanes floats, b_step floats apart
    std::int64_t b_step;
    float* const* c;                 // one pointer per row
    std::int64_t valid;              // columns of c that exist, of Lanes
    bool resume;                     // c holds the sum of earlier steps
    const Epilogue* epilogue;        // follows the last steps, where there is one: its scale and
    const float* origin;             // bias Lanes floats wide, its residual as c's array from here
    std::int64_t column = 0;         // of c's rows, the tile's first
    float* const* c_next = nullptr;  // rows that come afterwards
};

// A row of sums through the epilogue, but for an activation that bends.
template <int Lanes, bool Resume, bool Residual>
INLINE void complete_row(const TileTask& task, const float* sums, const float* c, float* to) {
    const Epilogue& e = *task.epilogue;
    const float *scale = e.scale, *bias = e.bias;
    const float* residual = Residual ? e.residual + (c - task.origin) : c;
    const float lower = lower_cut(e.activation), upper = upper_cut(e.activation);
#pragma omp simd
    for (int j = 0; j < Lanes; ++j) {
        float v = (Resume ? sums[j] + c[j] : sums[j]) * scale[j] + bias[j];
        if (Residual) v += residual[j];
        to[j] = cut(v, lower, upper);
    }
}

// Sums to memory. Each way is written down whole, without a condition between two loops over the
// sums: where ways meet, the compiler lets the sums meet in memory.
template <int Rows, int Lanes, bool Resume>
INLINE void write_sums(const TileTask& task, const float (&sums)[Rows][Lanes]) {
    if (task.epilogue == nullptr) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
            float* RESTRICT c = task.c[i] + task.column;
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) c[j] = Resume ? sums[i][j] + c[j] : sums[i][j];
        }
        return;
    }
    if (task.epilogue->residual == nullptr) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
            float* c = task.c[i] + task.column;
            complete_row<Lanes, Resume, false>(task, sums[i], c, c);
        }
    } else {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
            float* c = task.c[i] + task.column;
            complete_row<Lanes, Resume, true>(task, sums[i], c, c);
        }
    }
}

// Sums of fewer columns than lanes, which lie in memory: indexing them up to a run-time bound would
// force them out of registers. Where the rows are neighbours in memory, a whole register may run
// over into rows that are still to be written; the last rows end where they must.
template <int Lanes>
__attribute__((noinline)) void write_part(const TileTask& task, int rows, float* sums) {
    const std::int64_t valid = task.valid;
    if (task.resume) {  // all rows, before a register runs over into the next
        for (int i = 0; i < rows; ++i)
            for (std::int64_t j = 0; j < valid; ++j)
                sums[i * Lanes + j] += task.c[i][task.column + j];
    }
    const std::int64_t over = (Lanes - 1) / valid;  // rows that a register runs over into
    for (int i = 0; i < rows; ++i, sums += Lanes) {
        float* c = task.c[i] + task.column;
        if (task.epilogue != nullptr && task.epilogue->residual != nullptr) {
            Epilogue e = *task.epilogue;
            e.residual += c - task.origin;
            if (bends(e.activation)) e.activation = Activation::none;
            write_pixel(sums, sums, valid, e);
        } else if (task.epilogue != nullptr) {
            complete_row<Lanes, false, false>(task, sums, c, sums);
        }
        if (i + over < rows && task.c[i + over] + task.column == c + over * valid) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) c[j] = sums[j];
        } else {
            for (std::int64_t j = 0; j < valid; ++j) c[j] = sums[j];
        }
    }
}

__attribute__((noinline)) void bend_rows(const TileTask& task, int rows) {
    for (int i = 0; i < rows; ++i)
        bend(task.epilogue->activation, task.c[i] + task.column, task.valid);
}

// The loops over the depth run once at least. If they might not run at all, the compiler would keep
// the sums in memory before and after them.
template <int Rows, int Lanes>
__attribute__((noinline)) void tile(const TileTask& task) {
    float acc[Rows][Lanes];
    UNROLL
    for (int i = 0; i < Rows; ++i) {
#pragma omp simd
        for (int j = 0; j < Lanes; ++j) acc[i][j] = 0.0F;
    }
    // Where the sums go comes from afar while the products are made.
    float* const* ahead = task.c_next == nullptr ? task.c : task.c_next;
    UNROLL
    for (int i = 0; i < Rows; ++i) {
        for (int j = 0; j < Lanes; j += 16) __builtin_prefetch(ahead[i] + task.column + j, 1);
    }
    const float* RESTRICT b = task.b;
    const std::int64_t b_step = task.b_step;
    std::int64_t t = 0;
    do {
        const std::int64_t depth = task.steps[t].depth;
        const float* a[Rows];
        UNROLL
        for (int i = 0; i < Rows; ++i) a[i] = task.a[i] + task.steps[t].offset;
        std::int64_t d = 0;
        do {
            UNROLL
            for (int j = 0; j < Lanes; j += 16) __builtin_prefetch(b + AHEAD * Lanes + j);
            UNROLL
            for (int i = 0; i < Rows; ++i) {
                const float x = a[i][d];
#pragma omp simd
                for (int j = 0; j < Lanes; ++j) acc[i][j] += x * b[j];
            }
            b += b_step;
        } while (++d < depth);
    } while (++t < task.step_count);
    if (task.valid < Lanes) {
        float sums[Rows][Lanes];
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i][j] = acc[i][j];
        }
        write_part<Lanes>(task, Rows, sums[0]);
    } else if (task.resume) {
        write_sums<Rows, Lanes, true>(task, acc);
    } else {
        write_sums<Rows, Lanes, false>(task, acc);
    }
    if (task.epilogue != nullptr && bends(task.epilogue->activation)) bend_rows(task, Rows);
}

template <int Rows, int Lanes>
INLINE void tile_of(int rows, const TileTask& task) {
    if constexpr (Rows > 0) {
        if (rows == Rows)
            tile<Rows, Lanes>(task);
        else
            tile_of<Rows - 1, Lanes>(rows, task);
    }
}

// Runs the tile for `rows` rows of a panel `lanes` wide.
INLINE void run_tile(int rows, std::int64_t lanes, const TileTask& task) {
    if constexpr (WIDEST >= 4) {
        if (lanes == 4 * VECTOR) return tile_of<tile_rows(4), 4 * VECTOR>(rows, task);
        if (lanes == 3 * VECTOR) return tile_of<tile_rows(3), 3 * VECTOR>(rows, task);
    }
    if (lanes == 2 * VECTOR) return tile_of<tile_rows(2), 2 * VECTOR>(rows, task);
    if (HALF < VECTOR && lanes == HALF) return tile_of<tile_rows(1), HALF>(rows, task);
    return tile_of<tile_rows(1), VECTOR>(rows, task);
}

INLINE int rows_for(std::int64_t lanes) {
    return lanes == WIDEST * VECTOR ? tile_rows(WIDEST) : tile_rows(1);
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
