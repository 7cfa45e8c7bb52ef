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

struct TileTask {
    const float* const* a;  // one pointer per row
    const Step* steps;      // runs of the depth, the same for every row
    std::int64_t step_count;
    const float* b;  // [depth], rows of Lanes floats, b_step floats apart
    std::int64_t b_step;
    float* const* c;                 // one pointer per row
    std::int64_t valid;              // columns of c that exist, of Lanes
    bool resume;                     // c holds the sum of earlier steps
    bool complete;                   // these are the last steps: the epilogue follows,
    const Epilogue* epilogue;        // its scale and bias Lanes floats wide, its residual with
    const float* origin;             // where c's array starts, as residual's does
    std::int64_t column = 0;         // of c's rows, the tile's first
    float* const* c_next = nullptr;  // rows that come afterwards
};

// Whether all that follows the sums is done in registers: a bias and ReLU. For more there are not
// enough of them, and the sums are written first.
INLINE bool in_registers(const TileTask& task) {
    return task.complete && task.epilogue->scale == nullptr && task.epilogue->residual == nullptr &&
           task.epilogue->activation <= Activation::relu;
}

template <int Rows, int Lanes>
INLINE void complete(const Epilogue& e, float (&sums)[Rows][Lanes]) {
    if (e.bias != nullptr) {
        const float* RESTRICT bias = e.bias;
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i][j] += bias[j];
        }
    }
    if (e.activation == Activation::relu) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i][j] = sums[i][j] < 0.0F ? 0.0F : sums[i][j];
        }
    }
}

// The epilogue of sums that are written.
__attribute__((noinline)) void complete_rows(const TileTask& task, int rows) {
    for (int i = 0; i < rows; ++i) {
        Epilogue e = *task.epilogue;
        float* c = task.c[i] + task.column;
        if (e.residual != nullptr) e.residual += c - task.origin;
        write_pixel(c, c, task.valid, e);
    }
}

// Writes fewer columns than lanes. Where the rows are neighbours in memory, a whole register may
// run over into rows that are still to be written; the last rows end where they must.
template <int Rows, int Lanes>
INLINE void store_part(const TileTask& task, const float (&sums)[Rows][Lanes]) {
    const std::int64_t valid = task.valid;
    const std::int64_t over = (Lanes - 1) / valid;  // rows that a register runs over into
    for (int i = 0; i < Rows; ++i) {
        float* c = task.c[i] + task.column;
        if (i + over < Rows && task.c[i + over] + task.column == c + over * valid) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) c[j] = sums[i][j];
        } else {
            for (std::int64_t j = 0; j < valid; ++j) c[j] = sums[i][j];
        }
    }
}

// The end of a tile with fewer columns than lanes that must be resumed or completed in memory. In a
// function of its own: indexing the sums up to a run-time bound would force them out of registers
// in all tiles.
template <int Rows, int Lanes>
__attribute__((noinline)) void finish_part(const TileTask& task, float (&sums)[Rows][Lanes]) {
    if (task.resume) {
        for (int i = 0; i < Rows; ++i)
            for (std::int64_t j = 0; j < task.valid; ++j) sums[i][j] += task.c[i][task.column + j];
    }
    store_part<Rows, Lanes>(task, sums);
    if (task.complete) complete_rows(task, Rows);
}

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
    for (std::int64_t t = 0; t < task.step_count; ++t) {
        const std::int64_t depth = task.steps[t].depth;
        const float* a[Rows];
        UNROLL
        for (int i = 0; i < Rows; ++i) a[i] = task.a[i] + task.steps[t].offset;
        for (std::int64_t d = 0; d < depth; ++d) {
            UNROLL
            for (int i = 0; i < Rows; ++i) {
                const float x = a[i][d];
#pragma omp simd
                for (int j = 0; j < Lanes; ++j) acc[i][j] += x * b[j];
            }
            b += b_step;
        }
    }
    const bool early = in_registers(task);
    if (task.valid < Lanes) {
        if (early && !task.resume) complete<Rows, Lanes>(*task.epilogue, acc);
        float sums[Rows][Lanes];
        UNROLL
        for (int i = 0; i < Rows; ++i) {
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) sums[i][j] = acc[i][j];
        }
        if (early && !task.resume) return store_part<Rows, Lanes>(task, sums);
        return finish_part<Rows, Lanes>(task, sums);
    }
    if (task.resume) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
            const float* RESTRICT c = task.c[i] + task.column;
#pragma omp simd
            for (int j = 0; j < Lanes; ++j) acc[i][j] += c[j];
        }
    }
    if (early) complete<Rows, Lanes>(*task.epilogue, acc);
    UNROLL
    for (int i = 0; i < Rows; ++i) {
        float* RESTRICT c = task.c[i] + task.column;
#pragma omp simd
        for (int j = 0; j < Lanes; ++j) c[j] = acc[i][j];
    }
    if (task.complete && !early) complete_rows(task, Rows);
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
