// Gradient of the weight: a GEMM whose depth is the pixels.
//
// Rows are (tap, input channel), columns output channels; each pixel adds one outer product. A tile
// of sums stays in registers while the pixels of a block go by.
#include "conv2d.hpp"
#include "outer.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// The block's pixels of a narrow panel of dy, padded with zeros to the panel's width.
INLINE void copy_panel(const WeightGradient& w, const PixelBlock& b, std::int64_t start,
                       std::int64_t width, std::int64_t valid, float* RESTRICT to) {
    const Correlation& g = w.geometry;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        for (std::int64_t j = b.j0; j < b.j1; ++j) {
            const float* from = w.dy + b.image * g.y_image + i * g.y_row + j * g.y_pixel + start;
            copy_floats(from, to, valid);
            zero_floats(to + valid, width - valid);
            to += width;
        }
    }
}

}  // namespace

std::int64_t grad_weight_floats(const Correlation& g, const PixelBlock& largest) {
    const std::int64_t pixels = (largest.i1 - largest.i0) * (largest.j1 - largest.j0);
    return strip_size(g, largest) + pixels * WIDEST * VECTOR;
}

void grad_weight(const WeightGradient& w, const PixelBlock& block, std::int64_t first_row,
                 std::int64_t last_row, std::int64_t panel, float* scratch,
                 const WeightSums& sums) {
    const Correlation& g = w.geometry;
    const std::int64_t width = panel_width(g.panels, panel);
    const std::int64_t start = panel_start(g.panels, panel);
    const std::int64_t valid = smaller(width, g.panels.columns - start);
    const Strip strip = make_strip(g, block, scratch);

    OuterTask task{};
    task.rows = block.i1 - block.i0;
    task.columns = block.j1 - block.j0;
    task.a_row = g.step_h * strip.row;
    task.a_step = g.step_w * strip.pixel;
    task.resume = sums.resume;
    task.sums_step = sums.step;
    // Lanes beyond the panel's columns may add what they find there: nobody reads those sums.
    const float* b =
        w.dy + block.image * g.y_image + block.i0 * g.y_row + block.j0 * g.y_pixel + start;
    const float* last =
        b + (block.i1 - block.i0 - 1) * g.y_row + (block.j1 - block.j0 - 1) * g.y_pixel;
    if (last + width <= w.dy_end) {
        task.b = b;
        task.b_row = g.y_row;
        task.b_step = g.y_pixel;
    } else {
        float* copy = scratch + strip_size(g, block);
        copy_panel(w, block, start, width, valid, copy);
        task.b = copy;
        task.b_row = task.columns * width;
        task.b_step = width;
    }

    // Rows (r, s, c) of one image row of taps are neighbours when the taps are.
    const bool adjoin = g.dilation_w == 1 && strip.pixel == g.channels;
    const std::int64_t run = adjoin ? g.kernel_w * g.channels : g.channels;
    const std::int64_t most = outer_rows(static_cast<int>(width / VECTOR));
    for (std::int64_t m = first_row; m < last_row;) {
        const std::int64_t index = m / run, within = m % run;
        const std::int64_t r = adjoin ? index : index / g.kernel_w;
        const std::int64_t s = adjoin ? 0 : index % g.kernel_w;
        const std::int64_t left = smaller(run - within, last_row - m);
        const std::int64_t shares = (left + most - 1) / most;
        const std::int64_t rows = (left + shares - 1) / shares;
        task.a = strip.origin + r * strip.tap_row + s * strip.tap_pixel + within;
        task.sums = sums.to + (m - first_row) * sums.step;
        run_outer_tile(rows, width, task);
        m += rows;
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
    // A few rows are summed, then written lane by lane along the weight's memory.
    constexpr std::int64_t ROWS = 8;
    for (std::int64_t c0 = first_row; c0 < last_row; c0 += ROWS) {
        const std::int64_t rows = smaller(ROWS, last_row - c0);
        for (std::int64_t t = 0; t < w.tap_count; ++t) {
            float sums[ROWS][WIDEST * VECTOR];
            for (std::int64_t c = 0; c < rows; ++c) add(t * w.rows + c0 + c, sums[c]);
            for (std::int64_t j = 0; j < valid; ++j) {
                float* to = w.weight + (start + j) * w.lane_stride + c0 * w.row_stride + t;
                for (std::int64_t c = 0; c < rows; ++c) to[c * w.row_stride] = sums[c][j];
            }
        }
    }
}

}  // namespace convlet::CONVLET_ISA
