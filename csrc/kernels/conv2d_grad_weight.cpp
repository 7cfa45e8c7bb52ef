// Gradient of the weight: a GEMM whose depth is the pixels.
//
// Rows are (tap, input channel), columns output channels; each pixel adds one outer product. A tile
// of sums stays in registers while the pixels of a block go by.
#include "conv2d.hpp"
#include "outer.hpp"
#include "strip.hpp"
#include "transpose.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int MOST_ROWS = 12;          // of a register tile
constexpr std::int64_t FEW_TILES = 8;  // of rows, that do not pay for copying a panel of dy
constexpr std::int64_t COPY_FLOATS = 32 * 1024;  // of panels that are copied together
constexpr std::int64_t PIXELS_AT_ONCE = 16;  // whose channels stay in the L1 while they are copied

INLINE std::int64_t pixel_count(const PixelBlock& b) { return (b.i1 - b.i0) * (b.j1 - b.j0); }

// The block's pixels of panels of dy, one panel after the other, padded with zeros to its width.
INLINE void copy_panels(const WeightGradient& w, const PixelBlock& b, std::int64_t first_panel,
                        std::int64_t last_panel, float* RESTRICT to) {
    const Correlation& g = w.geometry;
    const std::int64_t pixels = pixel_count(b), first = panel_start(g.panels, first_panel);
    std::int64_t p = 0;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        for (std::int64_t j = b.j0; j < b.j1; ++j, ++p) {
            const float* pixel = w.dy + b.image * g.y_image + i * g.y_row + j * g.y_pixel;
            for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
                const std::int64_t width = panel_width(g.panels, panel);
                const std::int64_t start = panel_start(g.panels, panel);
                const std::int64_t valid = smaller(width, g.panels.columns - start);
                float* at = to + (start - first) * pixels + p * width;
                copy_floats(pixel + start, at, valid);
                zero_floats(at + valid, width - valid);
            }
        }
    }
}

// Rows [m, m + count) of the product, which lie together in each pixel at `a`.
struct RowTile {
    std::int64_t m, count;
    const float* a;
};

template <int Rows>
INLINE void copy_rows(std::int64_t rows, const float* RESTRICT from, std::int64_t step,
                      std::int64_t pixels, float* RESTRICT to) {
    if constexpr (Rows > 0) {
        if (rows != Rows) return copy_rows<Rows - 1>(rows, from, step, pixels, to);
        for (std::int64_t p = 0; p < pixels; ++p) {
            UNROLL
            for (int i = 0; i < Rows; ++i) to[p * Rows + i] = from[p * step + i];
        }
    }
}

// Calls body(RowTile) for tiles of at most `most` rows that cover [first_row, last_row).
template <class Body>
INLINE void for_row_tiles(const Correlation& g, const Strip& strip, std::int64_t first_row,
                          std::int64_t last_row, std::int64_t most, Body body) {
    // Rows (r, s, c) of one image row of taps are neighbours when the taps are.
    const bool adjoin = g.dilation_w == 1 && strip.pixel == g.channels;
    const std::int64_t run = adjoin ? g.kernel_w * g.channels : g.channels;
    for (std::int64_t m = first_row; m < last_row;) {
        const std::int64_t index = m / run, within = m % run;
        const std::int64_t r = adjoin ? index : index / g.kernel_w;
        const std::int64_t s = adjoin ? 0 : index % g.kernel_w;
        const std::int64_t left = smaller(run - within, last_row - m);
        const std::int64_t shares = (left + most - 1) / most;
        const std::int64_t rows = (left + shares - 1) / shares;
        body(RowTile{m, rows, strip.origin + r * strip.tap_row + s * strip.tap_pixel + within});
        m += rows;
    }
}

INLINE std::int64_t rows_of_tile(const Correlation& g, std::int64_t panel) {
    return outer_rows(static_cast<int>(panel_width(g.panels, panel) / VECTOR));
}

// Whether the rows of a single tap, which every panel reads, are copied tile by tile.
INLINE bool copies_rows(const Correlation& g, std::int64_t panels) {
    return g.kernel_h == 1 && g.kernel_w == 1 && panels >= 8;
}

// Panels that are copied together.
INLINE std::int64_t panels_at_once(const Correlation& g, std::int64_t pixels) {
    return smaller(panel_count(g.panels), larger(1, COPY_FLOATS / (pixels * g.panels.wide)));
}

// Rows [first_row, last_row) of the block, [tile][pixel][row of the tile].
INLINE void copy_row_tiles(const Correlation& g, const Strip& strip, const PixelBlock& block,
                           std::int64_t first_row, std::int64_t last_row, std::int64_t most,
                           float* to) {
    const std::int64_t pixels = pixel_count(block), columns = block.j1 - block.j0;
    const std::int64_t step = g.step_w * strip.pixel;
    for (std::int64_t i = 0; i < block.i1 - block.i0; ++i) {
        for (std::int64_t j = 0; j < columns; j += PIXELS_AT_ONCE) {
            const std::int64_t count = smaller(PIXELS_AT_ONCE, columns - j);
            const std::int64_t from = i * g.step_h * strip.row + j * step;
            for_row_tiles(g, strip, first_row, last_row, most, [&](const RowTile& t) {
                copy_rows<MOST_ROWS>(t.count, t.a + from, step, count,
                                     to + (t.m - first_row) * pixels + (i * columns + j) * t.count);
            });
        }
    }
}

// The pixels that follow a block in memory are the next one's. Tiles read a few channels of each
// pixel, which is no order that the processor foresees, so that each of them asks for its part of
// the lines.
struct NextPixels {
    const float *a, *b;  // null where a task does not read all of their channels
    std::int64_t a_floats, b_floats;
};

INLINE const float* part_of(const NextPixels& next, std::int64_t part, std::int64_t parts) {
    const std::int64_t at = part * (next.a_floats + next.b_floats) / parts;
    return at < next.a_floats ? next.a + at : next.b + (at - next.a_floats);
}

}  // namespace

std::int64_t grad_weight_floats(const Correlation& g, const PixelBlock& largest) {
    const std::int64_t pixels = pixel_count(largest), panel = pixels * g.panels.wide;
    // Of a smaller block more panels are copied together, up to COPY_FLOATS.
    const std::int64_t copies = larger(panel, smaller(panel * panel_count(g.panels), COPY_FLOATS));
    return strip_size(g, largest) + copies +
           (copies_rows(g, panel_count(g.panels)) ? pixels * g.channels : 0);
}

void grad_weight(const WeightGradient& w, const PixelBlock& block, std::int64_t first_row,
                 std::int64_t last_row, std::int64_t first_panel, std::int64_t last_panel,
                 float* scratch, const WeightSums& sums) {
    const Correlation& g = w.geometry;
    const Strip strip = make_strip(g, block, scratch);
    const std::int64_t pixels = pixel_count(block), together = panels_at_once(g, pixels);
    float* panel_copy = scratch + strip_size(g, block);
    float* row_copy = panel_copy + pixels * g.panels.wide * together;
    const std::int64_t most = rows_of_tile(g, first_panel);
    const bool rows_copied = copies_rows(g, last_panel - first_panel);
    if (rows_copied) copy_row_tiles(g, strip, block, first_row, last_row, most, row_copy);

    OuterTask task{};
    task.rows = block.i1 - block.i0;
    task.columns = block.j1 - block.j0;
    task.a_row = g.step_h * strip.row;
    task.a_step = g.step_w * strip.pixel;
    task.resume = sums.resume;
    const float* dy = w.dy + block.image * g.y_image + block.i0 * g.y_row + block.j0 * g.y_pixel;
    const float* dy_last = dy + (task.rows - 1) * g.y_row + (task.columns - 1) * g.y_pixel;
    NextPixels next{};
    if (g.kernel_h * g.kernel_w == 1 && g.height == 1 && last_row - first_row == task.a_step &&
        first_panel == 0 && last_panel == panel_count(g.panels) && g.panels.columns == g.y_pixel)
        next = {strip.origin + pixels * task.a_step, dy + pixels * g.y_pixel, pixels * task.a_step,
                pixels * g.y_pixel};
    const std::int64_t row_count = last_row - first_row, all = last_panel * row_count;
    std::int64_t copied_first = 0, copied_end = 0;  // panels that panel_copy holds
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        const std::int64_t tile = rows_of_tile(g, panel);
        // Lanes beyond the panel's columns may add what they find there: nobody reads those sums.
        const bool readable = dy_last + start + width <= w.dy_end;
        const bool apart = g.y_pixel != width && last_row - first_row >= FEW_TILES * tile;
        if (readable && !apart) {
            task.b = dy + start;
            task.b_row = g.y_row;
            task.b_step = g.y_pixel;
        } else {
            if (panel >= copied_end) {
                copied_first = panel;
                copied_end = smaller(panel + together, last_panel);
                copy_panels(w, block, copied_first, copied_end, panel_copy);
            }
            task.b = panel_copy + (panel - copied_first) * g.panels.wide * pixels;
            task.b_row = task.columns * width;
            task.b_step = width;
        }
        const std::int64_t step = sums.step > 0 ? sums.step : width;
        float* to = sums.to + panel * sums.panel + sums.rows_before * step;
        task.sums_step = step;
        for_row_tiles(g, strip, first_row, last_row, rows_copied ? most : tile,
                      [&](const RowTile& t) {
                          if (rows_copied) {
                              task.a = row_copy + (t.m - first_row) * pixels;
                              task.a_row = task.columns * t.count;
                              task.a_step = t.count;
                          } else {
                              task.a = t.a;
                          }
                          task.sums = to + (t.m - first_row) * step;
                          if (next.a != nullptr)
                              task.ahead = part_of(next, panel * row_count + t.m - first_row, all);
                          run_outer_tile(t.count, width, task);
                      });
    }
}

void reduce_weight(const WeightReduction& w, std::int64_t panel, std::int64_t first_row,
                   std::int64_t last_row) {
    const std::int64_t width = panel_width(w.panels, panel);
    const std::int64_t start = panel_start(w.panels, panel);
    const std::int64_t valid = smaller(width, w.panels.columns - start);
    const float* partials = w.partials + start * w.tap_count * w.rows;
    const auto add = [&](std::int64_t m, float* RESTRICT sum) __attribute__((always_inline)) {
        const float* RESTRICT from = partials + m * width;
#pragma omp simd
        for (std::int64_t j = 0; j < width; ++j) sum[j] = from[j];
        for (std::int64_t p = 1; p < w.partial_count; ++p) {
            const float* RESTRICT next = from + p * w.partial_size;
#pragma omp simd
            for (std::int64_t j = 0; j < width; ++j) sum[j] += next[j];
        }
    };
    if (w.lane_stride == 1) {  // lanes lie together in the weight too
        for (std::int64_t c = first_row; c < last_row; ++c) {
            float sum[WIDEST * VECTOR];
            add(c, sum);
            copy_floats(sum, w.weight + start + c * w.row_stride, valid);
        }
        return;
    }
    // Some rows are summed, in the order of the weight's memory, and turned into its lanes.
    constexpr std::int64_t ROWS = 64, LANES = WIDEST * VECTOR;
    const std::int64_t end = last_row * w.tap_count;
    for (std::int64_t m = first_row * w.tap_count; m < end; m += ROWS) {
        const std::int64_t rows = smaller(ROWS, end - m);
        float sums[ROWS][LANES];
        for (std::int64_t r = 0; r < rows; ++r)
            add((m + r) % w.tap_count * w.rows + (m + r) / w.tap_count, sums[r]);
        transpose(sums[0], LANES, rows, valid, w.weight + start * w.lane_stride + m, w.lane_stride);
    }
}

}  // namespace convlet::CONVLET_ISA
