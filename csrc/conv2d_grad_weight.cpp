#include <algorithm>

#include "conv2d.hpp"
#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"
#include "winograd_grad_weight.hpp"

namespace convlet {
namespace {

constexpr double TASK_FLOPS = 1e6;  // about 10 us of one core

}  // namespace

void conv2d_grad_weight(const Conv2dShape& s, const float* dy, const float* x, float* dw) {
    Correlation g = forward_geometry(s);
    const float* dy_end = dy + s.images * g.y_image;
    if (algorithm_for(g) == Algorithm::winograd) {
        g.panels = kernels().panels(g.out_channels, true);
        for (std::int64_t group = 0; group < s.groups; ++group) {
            WeightGradient w{g, dy + group * s.group_out_channels, dy_end};
            w.geometry.x = x + group * s.group_channels;
            winograd_grad_weight(w, dw + group * s.group_out_channels * s.group_channels * 9);
        }
        return;
    }
    flatten_pixels(g);
    const Blocks blocks = blocks_of(g);
    const std::int64_t count = block_count(blocks), taps = s.kernel.h * s.kernel.w;
    const std::int64_t rows = taps * g.channels, panels = panel_count(g.panels);
    const std::int64_t size = rows * padded_columns(g.panels);
    if (count == 0) {
        std::fill_n(dw, s.out_channels * s.group_channels * taps, 0.0F);
        return;
    }
    const std::int64_t groups = g.depthwise ? 1 : s.groups;
    // Chunks of pixels have partial sums of their own, as many as 4 MiB hold; the panels and then
    // the rows of the weight make the rest of the tasks.
    const double cost = flops(g) * static_cast<double>(groups);
    const auto wanted = static_cast<std::int64_t>(
        std::clamp(cost / TASK_FLOPS / static_cast<double>(groups), 1.0, 64.0));
    const std::int64_t chunks =
        std::clamp<std::int64_t>(std::min((std::int64_t{1} << 20) / size, wanted), 1, count);
    const std::int64_t splits = std::clamp<std::int64_t>(ceil_div(wanted, chunks * panels), 1,
                                                         g.depthwise ? 1 : ceil_div(rows, 24));

    const KernelTable& table = kernels();
    const Scratch partials(groups * chunks * size);
    const std::int64_t scratch = g.depthwise
                                     ? table.depthwise_grad_weight_floats(g, largest_block(blocks))
                                     : table.grad_weight_floats(g, largest_block(blocks));
    parallel_for_scratch(
        groups * chunks * panels * splits, cost, scratch, [&](std::int64_t task, float* strip) {
            const std::int64_t split = task % splits, panel = task / splits % panels;
            const std::int64_t chunk = task / splits / panels % chunks;
            const std::int64_t group = task / splits / panels / chunks;
            WeightGradient w{g, dy + group * s.group_out_channels, dy_end};
            w.geometry.x = x + group * s.group_channels;
            const std::int64_t first = split * rows / splits, last = (split + 1) * rows / splits;
            const std::int64_t start = panel * g.panels.wide;
            const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
            float* partial =
                partials.data() + (group * chunks + chunk) * size + start * rows + first * width;
            const std::int64_t from = chunk * count / chunks, to = (chunk + 1) * count / chunks;
            for (std::int64_t b = from; b < to; ++b) {
                if (g.depthwise)
                    table.depthwise_grad_weight(w, block_at(blocks, b), panel, strip, partial,
                                                b > from);
                else
                    table.grad_weight(w, block_at(blocks, b), first, last, panel, strip, partial,
                                      b > from);
            }
        });
    parallel_for(
        groups * panels, static_cast<double>(groups * chunks * size), [&](std::int64_t task) {
            const std::int64_t group = task / panels;
            table.reduce_weight({partials.data() + group * chunks * size, chunks, size, g.channels,
                                 taps, g.panels, dw + group * s.group_out_channels * rows},
                                task % panels);
        });
}

}  // namespace convlet
