#include "conv2d.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t STRIP_FLOATS = 48 * 1024;  // a strip and a panel of weights share the L2
constexpr double TASK_FLOPS = 1e6;                // about 10 us of one core
constexpr std::int64_t MOST_TASKS = 512;

std::int64_t panel_count(const Panels& p) { return p.wide_count + (p.rest > 0 ? 1 : 0); }
std::int64_t padded_columns(const Panels& p) { return p.wide_count * p.wide + p.rest; }

double flops(const Correlation& g) {
    return 2.0 * static_cast<double>(g.images * g.out_height * g.out_width) *
           static_cast<double>(g.kernel_h * g.kernel_w * g.channels * g.out_channels);
}

// A 1x1 convolution has no neighbours: all its pixels are one long row, whatever their image.
void flatten_pixels(Correlation& g) {
    if (g.kernel_h != 1 || g.kernel_w != 1 || g.step_h != 1 || g.step_w != 1 || g.origin_h != 0 ||
        g.origin_w != 0 || g.height != g.out_height || g.width != g.out_width ||
        g.y_image != g.out_height * g.out_width * g.y_pixel)
        return;
    g.width = g.out_width = g.images * g.height * g.width;
    g.images = g.height = g.out_height = 1;
    g.y_image = g.y_row = g.width * g.y_pixel;
}

Blocks blocks_of(const Correlation& g) {
    const std::int64_t pixel = std::max<std::int64_t>(1, g.channels * g.step_h * g.step_w);
    return cut_blocks(g.images, g.out_height, g.out_width,
                      std::clamp<std::int64_t>(STRIP_FLOATS / pixel, 24, 480));
}

// Everything of one correlation that does not depend on the task.
struct Plan {
    Correlation geometry;
    Blocks blocks;
    std::int64_t panel_groups;  // the panels of a block are shared out among so many tasks
    std::int64_t tasks;
};

Plan make_plan(Correlation g) {
    flatten_pixels(g);
    Plan plan{g, blocks_of(g), 1, 0};
    const std::int64_t blocks = block_count(plan.blocks);
    if (blocks == 0) return plan;
    const auto wanted =
        static_cast<std::int64_t>(std::min<double>(MOST_TASKS, flops(g) / TASK_FLOPS));
    plan.panel_groups =
        std::clamp<std::int64_t>(ceil_div(wanted, blocks), 1, panel_count(g.panels));
    plan.tasks = blocks * plan.panel_groups;
    return plan;
}

// Runs several correlations as one parallel loop.
void run_plans(const std::vector<Plan>& plans) {
    std::vector<std::int64_t> first{0};
    std::int64_t scratch = 0;
    double cost = 0;
    for (const Plan& p : plans) {
        first.push_back(first.back() + p.tasks);
        scratch = std::max(scratch, kernels().strip_floats(p.geometry, largest_block(p.blocks)));
        cost += flops(p.geometry);
    }
    const KernelTable& table = kernels();
    parallel_for_scratch(first.back(), cost, scratch, [&](std::int64_t task, float* strip) {
        const auto at = std::upper_bound(first.begin(), first.end(), task) - first.begin() - 1;
        const Plan& p = plans[static_cast<std::size_t>(at)];
        const std::int64_t local = task - first[static_cast<std::size_t>(at)];
        const std::int64_t blocks = block_count(p.blocks), group = local / blocks;
        const std::int64_t panels = panel_count(p.geometry.panels);
        table.correlate(p.geometry, block_at(p.blocks, local % blocks),
                        group * panels / p.panel_groups, (group + 1) * panels / p.panel_groups,
                        strip);
    });
}

void pack_weights(const std::vector<WeightPacking>& packings) {
    std::vector<std::int64_t> first{0};
    double cost = 0;
    for (const WeightPacking& p : packings) {
        first.push_back(first.back() + panel_count(p.panels));
        cost += static_cast<double>(padded_columns(p.panels) * p.depth * p.tap_count);
    }
    const KernelTable& table = kernels();
    parallel_for(first.back(), cost, [&](std::int64_t task) {
        const auto at = std::upper_bound(first.begin(), first.end(), task) - first.begin() - 1;
        table.pack_weight(packings[static_cast<std::size_t>(at)],
                          task - first[static_cast<std::size_t>(at)]);
    });
}

// x -> y of one group; what is common to forward and the gradient of the weight.
Correlation forward_geometry(const Conv2dShape& s) {
    Correlation g{};
    g.images = s.images;
    g.height = s.height;
    g.width = s.width;
    g.channels = s.group_channels;
    g.x_pixel = s.channels;
    g.kernel_h = s.kernel.h;
    g.kernel_w = s.kernel.w;
    g.step_h = s.stride.h;
    g.step_w = s.stride.w;
    g.dilation_h = s.dilation.h;
    g.dilation_w = s.dilation.w;
    g.origin_h = -s.padding.h;
    g.origin_w = -s.padding.w;
    g.out_height = s.out_height;
    g.out_width = s.out_width;
    g.out_channels = s.group_out_channels;
    g.y_pixel = s.out_channels;
    g.y_row = s.out_width * g.y_pixel;
    g.y_image = s.out_height * g.y_row;
    g.panels = kernels().panels(g.out_channels);
    return g;
}

// The taps that reach the pixels h = phase, phase + stride, … of one axis of the input.
//
// dx[h] needs dy[i] with i*stride + r*dilation - padding = h. For one phase of h modulo the stride
// the taps r that divide evenly are an arithmetic progression, and i - h/stride falls along it: a
// plain correlation of stride 1 with the taps in reverse.
struct Phase {
    std::int64_t taps, last_tap, tap_step;  // taps last_tap, last_tap - tap_step, …
    std::int64_t dilation, origin, count;
};

Phase phase_of(std::int64_t phase, std::int64_t size, std::int64_t kernel, std::int64_t stride,
               std::int64_t padding, std::int64_t dilation) {
    const std::int64_t common = std::gcd(dilation, stride);
    Phase p{0, 0, stride / common, dilation / common, 0, ceil_div(size - phase, stride)};
    std::int64_t first = 0;
    while (first < std::min(kernel, p.tap_step) &&
           (phase + padding - first * dilation) % stride != 0)
        ++first;
    if (first >= std::min(kernel, p.tap_step)) return p;
    p.taps = (kernel - 1 - first) / p.tap_step + 1;
    p.last_tap = first + (p.taps - 1) * p.tap_step;
    p.origin = (phase + padding - p.last_tap * dilation) / stride;
    return p;
}

}  // namespace

void conv2d_forward(const Conv2dShape& s, const float* x, const float* weight, const float* bias,
                    Activation activation, float* y) {
    const Correlation common = forward_geometry(s);
    const std::int64_t taps = s.kernel.h * s.kernel.w, depth = s.group_channels;
    const std::int64_t size = padded_columns(common.panels) * depth * taps;
    const Scratch packed(size * s.groups);
    std::vector<std::int64_t> tap_offsets(static_cast<std::size_t>(taps));
    std::iota(tap_offsets.begin(), tap_offsets.end(), 0);

    std::vector<WeightPacking> packings;
    std::vector<Plan> plans;
    for (std::int64_t group = 0; group < s.groups; ++group) {
        const std::int64_t first = group * s.group_out_channels;
        packings.push_back({weight + first * depth * taps, depth, taps, depth * taps, taps,
                            tap_offsets.data(), common.panels, packed.data() + group * size});
        Correlation g = common;
        g.x = x + group * s.group_channels;
        g.y = y + first;
        g.packed = packings.back().packed;
        g.bias = bias == nullptr ? nullptr : bias + first;
        g.activation = activation;
        plans.push_back(make_plan(g));
    }
    pack_weights(packings);
    run_plans(plans);
}

void conv2d_grad_input(const Conv2dShape& s, const float* dy, const float* weight, float* dx) {
    const Panels panels = kernels().panels(s.group_channels);
    const std::int64_t taps = s.kernel.h * s.kernel.w, depth = s.group_out_channels;
    const std::int64_t size = padded_columns(panels) * depth * taps;
    const Scratch packed(size * s.groups);

    // Phases that no tap reaches stay zero.
    std::vector<Phase> rows, columns;
    for (std::int64_t h = 0; h < std::min(s.stride.h, s.height); ++h)
        rows.push_back(phase_of(h, s.height, s.kernel.h, s.stride.h, s.padding.h, s.dilation.h));
    for (std::int64_t w = 0; w < std::min(s.stride.w, s.width); ++w)
        columns.push_back(phase_of(w, s.width, s.kernel.w, s.stride.w, s.padding.w, s.dilation.w));
    const auto untouched = [](const Phase& p) { return p.taps == 0; };
    if (std::any_of(rows.begin(), rows.end(), untouched) ||
        std::any_of(columns.begin(), columns.end(), untouched))
        std::fill_n(dx, s.images * s.height * s.width * s.channels, 0.0F);

    std::vector<std::vector<std::int64_t>> tap_offsets;
    std::vector<WeightPacking> packings;
    std::vector<Plan> plans;
    for (std::size_t h = 0; h < rows.size(); ++h) {
        for (std::size_t w = 0; w < columns.size(); ++w) {
            const Phase &row = rows[h], &column = columns[w];
            if (row.taps * column.taps == 0) continue;
            std::vector<std::int64_t>& offsets = tap_offsets.emplace_back();
            for (std::int64_t a = 0; a < row.taps; ++a)
                for (std::int64_t b = 0; b < column.taps; ++b)
                    offsets.push_back((row.last_tap - a * row.tap_step) * s.kernel.w +
                                      column.last_tap - b * column.tap_step);
        }
    }
    std::size_t next = 0;
    float* free = packed.data();
    for (std::size_t h = 0; h < rows.size(); ++h) {
        for (std::size_t w = 0; w < columns.size(); ++w) {
            const Phase &row = rows[h], &column = columns[w];
            if (row.taps * column.taps == 0) continue;
            const std::vector<std::int64_t>& offsets = tap_offsets[next++];
            for (std::int64_t group = 0; group < s.groups; ++group) {
                const std::int64_t first = group * s.group_out_channels;
                packings.push_back(
                    {weight + first * s.group_channels * taps, depth, s.group_channels * taps, taps,
                     static_cast<std::int64_t>(offsets.size()), offsets.data(), panels, free});
                Correlation g{};
                g.x = dy + first;
                g.images = s.images;
                g.height = s.out_height;
                g.width = s.out_width;
                g.channels = s.group_out_channels;
                g.x_pixel = s.out_channels;
                g.kernel_h = row.taps;
                g.kernel_w = column.taps;
                g.step_h = g.step_w = 1;
                g.dilation_h = row.dilation;
                g.dilation_w = column.dilation;
                g.origin_h = row.origin;
                g.origin_w = column.origin;
                g.out_height = row.count;
                g.out_width = column.count;
                g.out_channels = s.group_channels;
                g.y_pixel = s.stride.w * s.channels;
                g.y_row = s.stride.h * s.width * s.channels;
                g.y_image = s.height * s.width * s.channels;
                g.y = dx +
                      (static_cast<std::int64_t>(h) * s.width + static_cast<std::int64_t>(w)) *
                          s.channels +
                      group * s.group_channels;
                g.packed = free;
                g.panels = panels;
                plans.push_back(make_plan(g));
                free += padded_columns(panels) * depth * static_cast<std::int64_t>(offsets.size());
            }
        }
    }
    pack_weights(packings);
    run_plans(plans);
}

void conv2d_grad_weight(const Conv2dShape& s, const float* dy, const float* x, float* dw) {
    Correlation g = forward_geometry(s);
    flatten_pixels(g);
    const Blocks blocks = blocks_of(g);
    const std::int64_t count = block_count(blocks), taps = s.kernel.h * s.kernel.w;
    const std::int64_t rows = taps * g.channels, panels = panel_count(g.panels);
    const std::int64_t size = rows * padded_columns(g.panels);
    if (count == 0) {
        std::fill_n(dw, s.out_channels * s.group_channels * taps, 0.0F);
        return;
    }
    // Chunks of pixels have partial sums of their own, as many as 4 MiB hold; the panels and then
    // the rows of the weight make the rest of the tasks.
    const double cost = flops(g) * static_cast<double>(s.groups);
    const auto wanted = static_cast<std::int64_t>(
        std::clamp(cost / TASK_FLOPS / static_cast<double>(s.groups), 1.0, 64.0));
    const std::int64_t chunks =
        std::clamp<std::int64_t>(std::min((std::int64_t{1} << 20) / size, wanted), 1, count);
    const std::int64_t splits =
        std::clamp<std::int64_t>(ceil_div(wanted, chunks * panels), 1, ceil_div(rows, 24));

    const KernelTable& table = kernels();
    const Scratch partials(s.groups * chunks * size);
    const std::int64_t scratch = table.grad_weight_floats(g, largest_block(blocks));
    parallel_for_scratch(
        s.groups * chunks * panels * splits, cost, scratch, [&](std::int64_t task, float* strip) {
            const std::int64_t split = task % splits, panel = task / splits % panels;
            const std::int64_t chunk = task / splits / panels % chunks;
            const std::int64_t group = task / splits / panels / chunks;
            WeightGradient w{g, dy + group * s.group_out_channels};
            w.geometry.x = x + group * s.group_channels;
            const std::int64_t first = split * rows / splits, last = (split + 1) * rows / splits;
            const std::int64_t start = panel * g.panels.wide;
            const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
            float* partial =
                partials.data() + (group * chunks + chunk) * size + start * rows + first * width;
            const std::int64_t from = chunk * count / chunks, to = (chunk + 1) * count / chunks;
            for (std::int64_t b = from; b < to; ++b)
                table.grad_weight(w, block_at(blocks, b), first, last, panel, strip, partial,
                                  b > from);
        });
    parallel_for(
        s.groups * panels, static_cast<double>(s.groups * chunks * size), [&](std::int64_t task) {
            const std::int64_t group = task / panels;
            table.reduce_weight({partials.data() + group * chunks * size, chunks, size, g.channels,
                                 taps, g.panels, dw + group * s.group_out_channels * rows},
                                task % panels);
        });
}

}  // namespace convlet
