// Depthwise convolution: every channel is filtered by itself, so the lanes run over the channels
// and each tap is one multiplication of a pixel by a row of weights.
#include "activated.hpp"
#include "conv2d.hpp"
#include "simd.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int PIXELS = 4;  // of a row at once: enough sums to hide the latency of adding
constexpr int TAPS = 9;    // sums of the gradient of the weight kept in registers at once

// A range of taps, and how far apart they read.
struct TapRange {
    std::int64_t first, last;
};

// Taps of one axis that fall inside the image, for the output that starts at `start`.
INLINE TapRange taps_inside(std::int64_t start, std::int64_t taps, std::int64_t dilation,
                            std::int64_t size) {
    const std::int64_t first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
    const std::int64_t last = start >= size ? 0 : (size - start + dilation - 1) / dilation;
    return {smaller(first, taps), larger(smaller(first, taps), smaller(last, taps))};
}

// One output row of one channel block.
struct RowTask {
    const Correlation* geometry;
    const float* image;    // first channel of the block
    const float* weights;  // [tap][width]
    std::int64_t width, lanes;
    Epilogue epilogue;  // from the block's first channel on
    float* y;           // first pixel of the row
    std::int64_t top;
    TapRange rows;
};

// Pixels [j, j + Count) of a row with the taps `columns` of each tap row. Lanes of 0 stands for a
// number below HALF that only the task knows.
template <int Lanes, int Count>
INLINE void filter_pixels(const RowTask& task, std::int64_t j, const TapRange& columns) {
    constexpr int ROOM = Lanes > 0 ? Lanes : HALF;
    const std::int64_t lanes = Lanes > 0 ? Lanes : task.lanes;
    const Correlation& g = *task.geometry;
    float acc[Count][ROOM];
    UNROLL
    for (int p = 0; p < Count; ++p) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) acc[p][l] = 0.0F;
    }
    const std::int64_t step = g.step_w * g.x_pixel;
    for (std::int64_t r = task.rows.first; r < task.rows.last; ++r) {
        const float* row = task.image + (task.top + r * g.dilation_h) * g.width * g.x_pixel;
        for (std::int64_t s = columns.first; s < columns.last; ++s) {
            const float* RESTRICT x =
                row + (j * g.step_w + g.origin_w + s * g.dilation_w) * g.x_pixel;
            const float* RESTRICT w = task.weights + (r * g.kernel_w + s) * task.width;
            UNROLL
            for (int p = 0; p < Count; ++p) {
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) acc[p][l] += w[l] * x[p * step + l];
            }
        }
    }
    UNROLL
    for (int p = 0; p < Count; ++p) {
        float* RESTRICT y = task.y + (j + p) * g.y_pixel;
        Epilogue e = task.epilogue;
        if (e.residual != nullptr) e.residual += y - g.y;
        write_pixel(acc[p], y, lanes, e);
    }
}

template <int Lanes>
__attribute__((noinline)) void filter_row(const RowTask& task, std::int64_t j0, std::int64_t j1) {
    const Correlation& g = *task.geometry;
    std::int64_t j = j0;
    while (j < j1) {
        const std::int64_t left = j * g.step_w + g.origin_w;
        const std::int64_t right =
            left + ((PIXELS - 1) * g.step_w) + (g.kernel_w - 1) * g.dilation_w;
        if (Lanes > 0 && left >= 0 && right < g.width && j + PIXELS <= j1) {
            filter_pixels<Lanes, PIXELS>(task, j, {0, g.kernel_w});
            j += PIXELS;
        } else {
            filter_pixels<Lanes, 1>(task, j, taps_inside(left, g.kernel_w, g.dilation_w, g.width));
            ++j;
        }
    }
}

// The sums of up to TAPS taps of one block of lanes, over the pixels of a block.
template <int Lanes, int Taps>
__attribute__((noinline)) void sum_taps(const Correlation& g, const Strip& strip, const float* dy,
                                        std::int64_t dy_row, std::int64_t dy_pixel,
                                        std::int64_t rows, std::int64_t columns,
                                        const std::int64_t* taps, float* sums, std::int64_t width,
                                        bool resume) {
    float acc[Taps][Lanes];
    UNROLL
    for (int t = 0; t < Taps; ++t) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) acc[t][l] = resume ? sums[t * width + l] : 0.0F;
    }
    const std::int64_t step = g.step_w * strip.pixel;
    for (std::int64_t i = 0; i < rows; ++i) {
        const float* x = strip.origin + i * g.step_h * strip.row;
        const float* d = dy + i * dy_row;
        for (std::int64_t j = 0; j < columns; ++j) {
            UNROLL
            for (int t = 0; t < Taps; ++t) {
#pragma omp simd
                for (int l = 0; l < Lanes; ++l) acc[t][l] += d[l] * x[taps[t] + l];
            }
            x += step;
            d += dy_pixel;
        }
    }
    UNROLL
    for (int t = 0; t < Taps; ++t) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) sums[t * width + l] = acc[t][l];
    }
}

template <int Lanes, int Taps, class... Rest>
INLINE void sum_some_taps(int count, const Rest&... rest) {
    if constexpr (Taps > 0) {
        if (count == Taps)
            sum_taps<Lanes, Taps>(rest...);
        else
            sum_some_taps<Lanes, Taps - 1>(count, rest...);
    }
}

}  // namespace

void depthwise(const Correlation& g, const PixelBlock& b, std::int64_t first_panel,
               std::int64_t last_panel) {
    const float* image = g.x + b.image * g.height * g.width * g.x_pixel;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        RowTask task{};
        task.geometry = &g;
        task.top = i * g.step_h + g.origin_h;
        task.rows = taps_inside(task.top, g.kernel_h, g.dilation_h, g.height);
        for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
            const std::int64_t start = panel_start(g.panels, panel);
            task.width = panel_width(g.panels, panel);
            const std::int64_t valid = smaller(task.width, g.panels.columns - start);
            for (std::int64_t k = 0; k < valid; k += task.lanes) {
                const std::int64_t left = valid - k;
                task.image = image + start + k;
                task.weights = g.packed + start * g.kernel_h * g.kernel_w + k;
                task.epilogue = from_column(g.epilogue, start + k);
                task.y = g.y + b.image * g.y_image + i * g.y_row + start + k;
                if (left >= 2 * VECTOR) {
                    task.lanes = 2 * VECTOR;
                    filter_row<2 * VECTOR>(task, b.j0, b.j1);
                } else if (left >= VECTOR) {
                    task.lanes = VECTOR;
                    filter_row<VECTOR>(task, b.j0, b.j1);
                } else if (HALF < VECTOR && left >= HALF) {
                    task.lanes = HALF;
                    filter_row<HALF>(task, b.j0, b.j1);
                } else {
                    task.lanes = left;
                    filter_row<0>(task, b.j0, b.j1);
                }
            }
        }
    }
}

std::int64_t depthwise_grad_weight_floats(const Correlation& g, const PixelBlock& largest) {
    Correlation panel = g;
    panel.channels = WIDEST * VECTOR;
    const std::int64_t pixels = (largest.i1 - largest.i0) * (largest.j1 - largest.j0);
    return strip_size(panel, largest) + pixels * WIDEST * VECTOR + 2 * VECTOR;
}

void depthwise_grad_weight(const WeightGradient& w, const PixelBlock& b, std::int64_t panel,
                           float* scratch, float* partial, bool resume) {
    const std::int64_t width = panel_width(w.geometry.panels, panel);
    const std::int64_t start = panel_start(w.geometry.panels, panel);
    Correlation g = w.geometry;
    g.channels = smaller(width, g.panels.columns - start);
    g.x += start;
    // A panel that is not full is copied, so that whole registers may be read behind its channels.
    const Strip strip = make_strip(g, b, scratch, g.channels < width);
    const std::int64_t columns = b.j1 - b.j0, rows = b.i1 - b.i0;
    const float* dy = w.dy + b.image * g.y_image + b.i0 * g.y_row + b.j0 * g.y_pixel + start;
    std::int64_t dy_row = g.y_row, dy_pixel = g.y_pixel;
    if (dy + (rows - 1) * dy_row + (columns - 1) * dy_pixel + width > w.dy_end) {
        float* copy = scratch + strip_size(g, b) + VECTOR;
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t j = 0; j < columns; ++j)
                copy_floats(dy + i * dy_row + j * dy_pixel, copy + (i * columns + j) * width,
                            g.channels);
        dy = copy;
        dy_row = columns * width;
        dy_pixel = width;
    }
    const std::int64_t taps = g.kernel_h * g.kernel_w;
    for (std::int64_t k = 0; k < width; k += width - k >= VECTOR ? VECTOR : HALF) {
        for (std::int64_t first = 0; first < taps; first += TAPS) {
            std::int64_t offsets[TAPS];
            const int count = static_cast<int>(smaller(TAPS, taps - first));
            for (int t = 0; t < count; ++t)
                offsets[t] = (first + t) / g.kernel_w * strip.tap_row +
                             (first + t) % g.kernel_w * strip.tap_pixel + k;
            float* sums = partial + first * width + k;
            if (width - k >= VECTOR)
                sum_some_taps<VECTOR, TAPS>(count, g, strip, dy + k, dy_row, dy_pixel, rows,
                                            columns, offsets, sums, width, resume);
            else
                sum_some_taps<HALF, TAPS>(count, g, strip, dy + k, dy_row, dy_pixel, rows, columns,
                                          offsets, sums, width, resume);
        }
    }
}

}  // namespace convlet::CONVLET_ISA
