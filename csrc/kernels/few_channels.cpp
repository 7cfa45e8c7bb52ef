// Direct convolution to few channels: lanes are pixels.
//
// A register of output channels would be mostly empty here. So each channel of the strip has rows
// of its own, from which every tap reads a register of neighbouring pixels; it meets one weight of
// each output channel.
#include "activated.hpp"
#include "conv2d.hpp"
#include "planes.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int MOST_ROWS = 4;  // of a tile

// The innermost loop of a tile: over the taps of a row where there is one channel, else over the
// channels of a tap. Weights lie in this order.
struct Run {
    std::int64_t count, step;
};

// Adds a run to the sums of columns [First, Last); as a loop that runs once at least, or the sums
// would lie in memory before and after it.
template <int First, int Last, int Rows, int Vectors, int Columns>
INLINE void add_run(float (&acc)[Rows][Vectors][Columns][VECTOR], const float* RESTRICT x,
                    std::int64_t x_row, const float* RESTRICT weight, std::int64_t lanes,
                    const Run& run) {
    std::int64_t d = 0;
    do {
        UNROLL
        for (int r = 0; r < Rows; ++r) {
            UNROLL
            for (int v = 0; v < Vectors; ++v) {
                const float* RESTRICT at = x + r * x_row + v * VECTOR;
                UNROLL
                for (int k = First; k < Last; ++k) {
                    const float w = weight[k];
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) acc[r][v][k][l] += w * at[l];
                }
            }
        }
        weight += lanes;
        x += run.step;
    } while (++d < run.count);
}

INLINE bool has_tap(const TapRange& range, std::int64_t tap) {
    return tap >= range.first && tap < range.last;
}

// The rows of taps that output row i needs, perhaps none.
INLINE TapRange rows_of_taps(const Correlation& g, std::int64_t i) {
    if (!g.outside_unwanted) return {0, g.kernel_h};
    const std::int64_t top = i * g.step_h + g.origin_h;
    const std::int64_t above = larger(0, -top), below = larger(0, g.height - top);
    return {(above + g.dilation_h - 1) / g.dilation_h,
            smaller((below + g.dilation_h - 1) / g.dilation_h, g.kernel_h)};
}

// Sums of a tile of pixels of Rows output rows for columns [0, Columns), a row of `sums` for each;
// over one row of taps at least.
template <int Columns, int Pixels, int Rows, bool Halves>
__attribute__((noinline)) void pixel_tile(const Correlation& g, const Planes& planes,
                                          const TapRange& rows, const float* strip,
                                          float* RESTRICT sums) {
    constexpr int VECTORS = Pixels / VECTOR;
    float acc[Rows][VECTORS][Columns][VECTOR];
    UNROLL
    for (int i = 0; i < Rows; ++i) {
        UNROLL
        for (int v = 0; v < VECTORS; ++v) {
            UNROLL
            for (int k = 0; k < Columns; ++k) {
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l) acc[i][v][k][l] = 0.0F;
            }
        }
    }
    const bool single = g.channels == 1;
    const Run inner = single ? Run{g.kernel_w, g.dilation_w} : Run{g.channels, planes.width};
    const Run outer = single ? Run{1, 0} : Run{g.kernel_w, g.dilation_w};
    const std::int64_t lanes = panel_width(g.panels, 0);
    const std::int64_t x_row = g.step_h * g.channels * planes.width;
    const float* weight = g.packed + rows.first * inner.count * outer.count * lanes;
    std::int64_t r = rows.first;
    do {
        const float* row = strip + r * g.dilation_h * g.channels * planes.width;
        std::int64_t t = 0;
        do {
            const float* x = row + t * outer.step;
            if (Halves && !has_tap(g.halves[1], t))
                add_run<0, Columns / 2>(acc, x, x_row, weight, lanes, inner);
            else if (Halves && !has_tap(g.halves[0], t))
                add_run<Columns / 2, Columns>(acc, x, x_row, weight, lanes, inner);
            else
                add_run<0, Columns>(acc, x, x_row, weight, lanes, inner);
            weight += inner.count * lanes;
        } while (++t < outer.count);
    } while (++r < rows.last);
    UNROLL
    for (int i = 0; i < Rows; ++i) {
        UNROLL
        for (int v = 0; v < VECTORS; ++v) {
            UNROLL
            for (int k = 0; k < Columns; ++k) {
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l)
                    sums[(i * Columns + k) * TILE + v * VECTOR + l] = acc[i][v][k][l];
            }
        }
    }
}

// The sums of `pixels` neighbours through the epilogue to where their channels lie side by side.
template <int Columns, int Pixels>
INLINE void write_pixels(const Correlation& g, float* RESTRICT sums, float* y,
                         std::int64_t pixels) {
    const Epilogue& e = g.epilogue;
    const float lower = lower_cut(e.activation), upper = upper_cut(e.activation);
    for (int k = 0; k < Columns; ++k) {
        const float scale = e.scale == nullptr ? 1.0F : e.scale[k];
        const float bias = e.bias == nullptr ? 0.0F : e.bias[k];
        float* RESTRICT column = sums + k * TILE;
#pragma omp simd
        for (int l = 0; l < Pixels; ++l) column[l] = column[l] * scale + bias;
        if (e.residual != nullptr) {
            const float* residual = e.residual + (y - g.y) + k;
            for (std::int64_t p = 0; p < pixels; ++p) column[p] += residual[p * g.y_pixel];
        }
#pragma omp simd
        for (int l = 0; l < Pixels; ++l) column[l] = cut(column[l], lower, upper);
    }
    transpose_block(sums, TILE, Columns, pixels, y, g.y_pixel);
    if (!bends(e.activation)) return;
    for (std::int64_t p = 0; p < pixels; ++p) bend(e.activation, y + p * g.y_pixel, Columns);
}

// Output rows that are computed together, so that enough sums hide the latency of adding.
template <int Columns, int Pixels>
constexpr int rows_at_once() {
    constexpr int SUMS = Columns * Pixels / VECTOR;
    return SUMS >= 8 ? 1 : SUMS >= 3 ? 2 : MOST_ROWS;
}

// What neighbouring output rows of a block are made of.
struct RowTask {
    TapRange taps;  // the same rows of them
    const float* strip;
    float* y;
};

template <int Columns, int Pixels, int Rows>
INLINE void run_rows(const Correlation& g, const Planes& planes, const RowTask& task,
                     std::int64_t pixels) {
    float sums[Rows * Columns * TILE];
    if (task.taps.first >= task.taps.last)
        zero_floats(sums, Rows * Columns * TILE);
    else if (Columns % 2 == 0 && g.halves[0].last > 0)
        pixel_tile<Columns, Pixels, Rows, Columns % 2 == 0>(g, planes, task.taps, task.strip, sums);
    else
        pixel_tile<Columns, Pixels, Rows, false>(g, planes, task.taps, task.strip, sums);
    for (int i = 0; i < Rows; ++i)
        write_pixels<Columns, Pixels>(g, sums + i * Columns * TILE, task.y + i * g.y_row, pixels);
}

template <int Columns, int Pixels>
INLINE void run_pixels(const Correlation& g, const Planes& planes, RowTask task, std::int64_t rows,
                       std::int64_t pixels) {
    constexpr int AT_ONCE = rows_at_once<Columns, Pixels>();
    for (; rows >= AT_ONCE; rows -= AT_ONCE) {
        run_rows<Columns, Pixels, AT_ONCE>(g, planes, task, pixels);
        task.strip += AT_ONCE * g.step_h * g.channels * planes.width;
        task.y += AT_ONCE * g.y_row;
    }
    for (; rows > 0; --rows) {
        run_rows<Columns, Pixels, 1>(g, planes, task, pixels);
        task.strip += g.step_h * g.channels * planes.width;
        task.y += g.y_row;
    }
}

template <int Columns>
INLINE void run_columns(const Correlation& g, const Planes& planes, const RowTask& task,
                        std::int64_t rows, std::int64_t pixels) {
    if constexpr (Columns > 0) {
        if (g.out_channels < Columns)
            run_columns<Columns - 1>(g, planes, task, rows, pixels);
        else if (pixels <= VECTOR)
            run_pixels<Columns, VECTOR>(g, planes, task, rows, pixels);
        else
            run_pixels<Columns, TILE>(g, planes, task, rows, pixels);
    }
}

// How many output rows of [i, last) from i on need the same rows of taps.
INLINE std::int64_t alike_rows(const Correlation& g, std::int64_t i, std::int64_t last,
                               const TapRange& taps) {
    std::int64_t count = 1;
    for (; i + count < last && count < MOST_ROWS; ++count) {
        const TapRange next = rows_of_taps(g, i + count);
        if (next.first != taps.first || next.last != taps.last) break;
    }
    return count;
}

}  // namespace

std::int64_t few_channels_floats(const Correlation& g, const PixelBlock& largest) {
    const Planes planes = planes_of(g, largest);
    return g.channels * planes.rows * planes.width;
}

void correlate_few(const Correlation& g, const PixelBlock& block, float* strip) {
    const Planes planes = planes_of(g, block);
    copy_planes(g, block, planes, strip);
    for (std::int64_t i = block.i0, rows = 0; i < block.i1; i += rows) {
        const float* row = strip + (i - block.i0) * g.step_h * g.channels * planes.width;
        const TapRange taps = rows_of_taps(g, i);
        rows = alike_rows(g, i, block.i1, taps);
        float* y = g.y + block.image * g.y_image + i * g.y_row;
        for (std::int64_t j = block.j0; j < block.j1; j += TILE)
            run_columns<MOST_FEW>(g, planes, {taps, row + j - block.j0, y + j * g.y_pixel}, rows,
                                  smaller(TILE, block.j1 - j));
    }
}

}  // namespace convlet::CONVLET_ISA
