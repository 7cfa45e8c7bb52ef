// Direct convolution: a GEMM whose left matrix is never written down.
//
// Rows are output pixels, columns output channels, the depth runs over taps and input channels. In
// NHWC the channels of neighbouring taps lie side by side, so one row of taps is one contiguous run
// of the depth (a Step), read straight from the strip.
#include "conv2d.hpp"

#include "gemm.hpp"
#include "pack.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t DEPTH_BLOCK = 256;  // x 64 columns: half of a 128 KiB share of L2
constexpr int MAX_STEPS = 32;

// Walks the depth in order, handing out runs of at most DEPTH_BLOCK floats in all.
struct DepthWalk {
    std::int64_t tap, within;  // next run: tap index, floats of it already handed out
    bool finished;
};

// A run covers a whole row of taps where they are neighbours, else one tap.
INLINE bool taps_adjoin(const Correlation& g, const Strip& s) {
    return g.dilation_w == 1 && s.pixel == g.channels;
}

INLINE int next_steps(const Correlation& g, const Strip& strip, DepthWalk& walk, Step* steps,
                      std::int64_t& depth) {
    const bool rows = taps_adjoin(g, strip);
    const std::int64_t runs = rows ? g.kernel_h : g.kernel_h * g.kernel_w;
    const std::int64_t run = rows ? g.kernel_w * g.channels : g.channels;
    int count = 0;
    depth = 0;
    while (walk.tap < runs && count < MAX_STEPS && depth < DEPTH_BLOCK) {
        const std::int64_t r = rows ? walk.tap : walk.tap / g.kernel_w;
        const std::int64_t s = rows ? 0 : walk.tap % g.kernel_w;
        const std::int64_t take = smaller(run - walk.within, DEPTH_BLOCK - depth);
        steps[count++] = {r * strip.tap_row + s * strip.tap_pixel + walk.within, take};
        depth += take;
        walk.within += take;
        if (walk.within == run) {
            walk.within = 0;
            ++walk.tap;
        }
    }
    walk.finished = walk.tap >= runs;
    return count;
}

// The epilogue of a panel, scale and bias as wide as its tiles; a scale always has a bias.
INLINE Epilogue padded_epilogue(const Epilogue& e, std::int64_t start, std::int64_t valid,
                                std::int64_t width, float* scale, float* bias) {
    for (std::int64_t j = 0; j < width; ++j) {
        scale[j] = e.scale != nullptr && j < valid ? e.scale[start + j] : 0.0F;
        bias[j] = e.bias != nullptr && j < valid ? e.bias[start + j] : 0.0F;
    }
    return {e.scale == nullptr ? nullptr : scale,
            e.bias == nullptr && e.scale == nullptr ? nullptr : bias, e.residual, e.activation};
}

}  // namespace

Panels panels(std::int64_t columns, bool whole_registers) {
    const std::int64_t wide = WIDEST * VECTOR;
    const std::int64_t rest = columns % wide;
    const std::int64_t lanes = rest <= HALF && !whole_registers ? HALF : VECTOR;
    return {columns, wide, columns / wide, (rest + lanes - 1) / lanes * lanes};
}

void pack_weight(const WeightPacking& p, std::int64_t panel) {
    const std::int64_t width = panel_width(p.panels, panel);
    const std::int64_t start = panel_start(p.panels, panel);
    const std::int64_t valid = smaller(width, p.panels.columns - start);
    float* to = p.packed + start * p.depth * p.tap_count;
    const std::int64_t tap = p.depth * width;
    if (valid < width) zero_floats(to, p.tap_count * tap);
    // Lanes that are neighbours are copied a panel at a time, others a register.
    const std::int64_t lanes = p.lane_stride == 1 ? width : VECTOR;
    for (std::int64_t k = 0; k < valid; k += lanes)
        for (std::int64_t d = 0; d < p.depth; d += PACK_DEPTH)
            read_weights(p, d, smaller(p.depth, d + PACK_DEPTH), start + k,
                         smaller(lanes, valid - k), {to + d * width + k, tap, width});
}

std::int64_t strip_floats(const Correlation& g, const PixelBlock& largest) {
    return strip_size(g, largest);
}

void correlate(const Correlation& g, const PixelBlock& block, std::int64_t first_panel,
               std::int64_t last_panel, float* buffer) {
    const Strip strip = make_strip(g, block, buffer);
    const std::int64_t columns = block.j1 - block.j0;
    const std::int64_t pixels = (block.i1 - block.i0) * columns;
    const std::int64_t depth_of_all = g.kernel_h * g.kernel_w * g.channels;
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        const int most = rows_for(width);
        const float* b = g.packed + (g.packed_step == 0 ? start * depth_of_all : start);
        Step steps[MAX_STEPS];
        float scale[WIDEST * VECTOR], bias[WIDEST * VECTOR];
        const float* a[8];
        float* c[8];
        TileTask task{};
        task.a = a;
        task.c = c;
        task.steps = steps;
        task.b_step = g.packed_step == 0 ? width : g.packed_step;
        task.valid = smaller(width, g.panels.columns - start);
        const Epilogue epilogue =
            padded_epilogue(g.epilogue, start, task.valid, width, scale, bias);
        task.epilogue = &epilogue;
        task.origin = g.y;
        DepthWalk walk{0, 0, false};
        do {
            std::int64_t depth = 0;
            task.step_count = next_steps(g, strip, walk, steps, depth);
            task.complete = walk.finished;
            task.b = b;
            // Equal shares: 7 pixels are 4 + 3, not 6 + 1.
            std::int64_t left = (pixels + most - 1) / most;
            std::int64_t i = 0, j = 0;
            for (std::int64_t p = 0; p < pixels; --left) {
                const int rows = static_cast<int>((pixels - p + left - 1) / left);
                for (int q = 0; q < rows; ++q) {
                    a[q] = strip.origin + i * g.step_h * strip.row + j * g.step_w * strip.pixel;
                    c[q] = g.y + block.image * g.y_image + (block.i0 + i) * g.y_row +
                           (block.j0 + j) * g.y_pixel + start;
                    if (++j == columns) {
                        j = 0;
                        ++i;
                    }
                }
                run_tile(rows, width, task);
                p += rows;
            }
            b += depth * task.b_step;
            task.resume = true;
        } while (!walk.finished);
    }
}

}  // namespace convlet::CONVLET_ISA
