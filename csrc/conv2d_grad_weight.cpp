#include <algorithm>

#include "conv2d.hpp"
#include "correlation.hpp"
#include "depthwise_grad_weight.hpp"
#include "dispatch.hpp"
#include "threads.hpp"
#include "winograd_grad_weight.hpp"

namespace convlet {
namespace {

constexpr double TASK_FLOPS = 1e6;                    // about 10 us of one core
constexpr double MOST_TASK_FLOPS = 1e9;               // so that Ctrl-C need not wait
constexpr std::int64_t CHANNELS_OF_TASK = 24;         // about the fewest
constexpr std::int64_t CHANNELS_OF_COPY = 64;         // of a single tap's, that share copied panels
constexpr std::int64_t ENOUGH_TASKS = 32;             // more only read the same pixels again
constexpr std::int64_t BLOCK_FLOATS = 128 * 1024;     // of both sides, for a single tap
constexpr std::int64_t FEW_BLOCK_FLOATS = 96 * 1024;  // of x, where lanes are pixels
constexpr std::int64_t MANY_ROWS = 48;                // of a single tap, eight tiles or so
constexpr std::int64_t CHANNELS_OF_REDUCTION = 64;

// The two sides of the sum over pixels: rows of the register tile come from one, lanes from the
// other, and each writes the weight at its own stride.
struct Sides {
    Correlation geometry;  // of the rows; panels and pixel strides are the lanes'
    const float *rows, *lanes, *lanes_end;
    std::int64_t rows_of_group, lanes_of_group;  // channels
    std::int64_t row_stride, lane_stride;
};

// x by (tap, input channel) gives the rows, dy by output channel the lanes.
Sides taps_by_outputs(const Conv2dShape& s, const float* dy, const float* x) {
    const Correlation g = forward_geometry(s);
    const std::int64_t taps = s.kernel.h * s.kernel.w;
    return {g,
            x,
            dy,
            dy + s.images * g.y_image,
            s.group_channels,
            s.group_out_channels,
            taps,
            taps * s.group_channels};
}

// A single tap: with the sides exchanged the sums lie as the weight does, input channels innermost.
Sides outputs_by_inputs(const Conv2dShape& s, const float* dy, const float* x) {
    Correlation g = forward_geometry(s);
    g.height = s.out_height;
    g.width = s.out_width;
    g.channels = s.group_out_channels;
    g.x_pixel = s.out_channels;
    g.step_h = g.step_w = 1;
    g.out_channels = s.group_channels;
    g.y_pixel = s.stride.w * s.channels;
    g.y_row = s.stride.h * s.width * s.channels;
    g.y_image = s.height * s.width * s.channels;
    g.panels = kernels().panels(g.out_channels, false);
    return {g,
            dy,
            x,
            x + s.images * g.y_image,
            s.group_out_channels,
            s.group_channels,
            s.group_channels,
            1};
}

// Whether input channels would leave more of their lanes empty than output channels of theirs.
bool leaves_lanes_empty(const Conv2dShape& s) {
    const auto padded = [](std::int64_t channels) {
        return padded_columns(kernels().panels(channels, false));
    };
    const std::int64_t in = s.group_channels, out = s.group_out_channels;
    return padded(in) * out * 5 > padded(out) * in * 6;
}

// Blocks of which both sides, that are read once, share the L2; where many tiles of rows read a
// panel of the lanes, it had better stay in the L1.
Blocks single_tap_blocks(const Correlation& g) {
    const std::int64_t fitting = BLOCK_FLOATS / (g.channels + g.out_channels);
    return cut_blocks(g.images, g.out_height, g.out_width,
                      g.channels >= MANY_ROWS ? std::clamp<std::int64_t>(fitting, 96, 128)
                                              : std::clamp<std::int64_t>(fitting, 192, 480));
}

// Where lanes are pixels: a row's sums lie in registers for as long as a block goes.
Blocks few_blocks(const Correlation& g) {
    return cut_blocks(g.images, g.out_height, g.out_width,
                      std::clamp<std::int64_t>(
                          FEW_BLOCK_FLOATS / std::max<std::int64_t>(1, g.channels), 24, 2048));
}

}  // namespace

void conv2d_grad_weight(const Conv2dShape& s, const float* dy, const float* x, float* dw) {
    const std::int64_t taps = s.kernel.h * s.kernel.w;
    const std::int64_t group_size = s.group_out_channels * s.group_channels * taps;
    const bool single_tap =
        taps == 1 && !has_border(s.padding) && !is_depthwise(s) && !leaves_lanes_empty(s);
    const Sides sides = single_tap ? outputs_by_inputs(s, dy, x) : taps_by_outputs(s, dy, x);
    Correlation g = sides.geometry;
    const auto gradient_of = [&](std::int64_t group) {
        WeightGradient w{g, sides.lanes + group * sides.lanes_of_group, sides.lanes_end};
        w.geometry.x = sides.rows + group * sides.rows_of_group;
        return w;
    };
    if (g.depthwise) {
        depthwise_grad_weight(gradient_of(0), dw);
        return;
    }
    const Algorithm algorithm = algorithm_for(g, true);
    const bool few = algorithm == Algorithm::few_channels;
    if (algorithm == Algorithm::winograd) {
        g.panels = kernels().panels(g.out_channels, true);
        for (std::int64_t group = 0; group < s.groups; ++group)
            winograd_grad_weight(gradient_of(group), dw + group * group_size);
        return;
    }
    flatten_pixels(g);
    const Blocks blocks = single_tap ? single_tap_blocks(g) : few ? few_blocks(g) : blocks_of(g);
    const std::int64_t count = block_count(blocks), panels = panel_count(g.panels);
    const std::int64_t rows = taps * g.channels, size = rows * padded_columns(g.panels);
    const std::int64_t groups = s.groups;
    if (count == 0) {
        std::fill_n(dw, s.groups * group_size, 0.0F);
        return;
    }
    // Chunks of pixels have partial sums of their own, as many as 4 MiB hold. Where they are not
    // enough tasks, panels make the rest, and then input channels; those first where a task copies
    // its channels for all panels at once.
    const auto wanted = static_cast<std::int64_t>(std::clamp(flops(g) / TASK_FLOPS, 1.0, 64.0));
    const std::int64_t chunks =
        std::clamp<std::int64_t>(std::min((std::int64_t{1} << 20) / size, wanted), 1, count);
    // One chunk of a single tap's sums, in whole registers, is the weight itself; its tasks own
    // whole rows, which are then written from one end to the other.
    const bool in_place =
        chunks == 1 && sides.lane_stride == 1 && padded_columns(g.panels) == g.panels.columns;
    const std::int64_t panel_groups =
        single_tap
            ? 1
            : std::clamp<std::int64_t>(ceil_div(std::min(wanted, ENOUGH_TASKS), chunks), 1, panels);
    const std::int64_t splits = std::clamp<std::int64_t>(
        ceil_div(wanted, chunks * panel_groups), 1,
        ceil_div(g.channels, single_tap ? CHANNELS_OF_COPY : CHANNELS_OF_TASK));
    const double cost = flops(g) * static_cast<double>(groups) / FLOPS_PER_COST;
    const KernelTable& table = kernels();
    const auto first_channel = [&](std::int64_t split) { return split * g.channels / splits; };
    const auto width = [&](std::int64_t panel) {
        return panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
    };
    const Scratch partials(in_place ? 0 : groups * chunks * size);
    const std::int64_t scratch = few ? table.few_grad_weight_floats(g, largest_block(blocks))
                                     : table.grad_weight_floats(g, largest_block(blocks));
    const std::int64_t tasks = groups * chunks * panel_groups * splits;
    // A task of enormous kernels is done in rounds, each of which takes up some of its blocks.
    const double task_flops = flops(g) * static_cast<double>(groups) / static_cast<double>(tasks);
    const std::int64_t rounds = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(task_flops / MOST_TASK_FLOPS), 1, ceil_div(count, chunks));
    const auto add_up = [&](std::int64_t round) {
        return [&, round](std::int64_t task, float* own) {
            const std::int64_t split = task % splits, part = task / splits % panel_groups;
            const std::int64_t chunk = task / splits / panel_groups % chunks;
            const std::int64_t group = task / splits / panel_groups / chunks;
            const std::int64_t first_panel = part * panels / panel_groups;
            const std::int64_t last_panel = (part + 1) * panels / panel_groups;
            WeightGradient w = gradient_of(group);
            const std::int64_t start = chunk * count / chunks;
            const std::int64_t blocks_here = (chunk + 1) * count / chunks - start;
            const std::int64_t from = start + round * blocks_here / rounds;
            const std::int64_t to = start + (round + 1) * blocks_here / rounds;
            const std::int64_t first = first_channel(split), last = first_channel(split + 1);
            if (in_place) {
                for (std::int64_t r = first; r < last; r += CHANNELS_OF_COPY) {
                    float* sums = dw + group * group_size + r * sides.row_stride;
                    for (std::int64_t b = from; b < to; ++b)
                        table.grad_weight(w, block_at(blocks, b), r,
                                          std::min(last, r + CHANNELS_OF_COPY), 0, panels, own,
                                          {sums, g.panels.wide, 0, sides.row_stride, b > start});
                }
                return;
            }
            float* partial = partials.data() + (group * chunks + chunk) * size;
            w.geometry.x += first;
            w.geometry.channels = last - first;
            if (few) {
                table.few_grad_weight_start(w.geometry, own);
                for (std::int64_t b = from; b < to; ++b)
                    table.few_grad_weight(w, block_at(blocks, b), own);
                table.few_grad_weight_finish(w.geometry, own,
                                             {partial, 0, first * taps, 0, from > start});
                return;
            }
            for (std::int64_t b = from; b < to; ++b)
                table.grad_weight(w, block_at(blocks, b), 0, taps * (last - first), first_panel,
                                  last_panel, own,
                                  {partial, g.panels.wide * rows, first * taps, 0, b > start});
        };
    };
    for (std::int64_t round = 0; round < rounds; ++round)
        parallel_for_scratch(tasks, cost / static_cast<double>(rounds), scratch, add_up(round));
    if (in_place) return;
    const std::int64_t most = ceil_div(g.channels, splits);
    const std::int64_t pieces = ceil_div(most, CHANNELS_OF_REDUCTION);
    parallel_for(groups * panels * splits * pieces, static_cast<double>(groups * chunks * size),
                 [&](std::int64_t task) {
                     const std::int64_t piece = task % pieces, split = task / pieces % splits;
                     const std::int64_t panel = task / pieces / splits % panels;
                     const std::int64_t group = task / pieces / splits / panels;
                     const std::int64_t first = first_channel(split);
                     const std::int64_t channels = first_channel(split + 1) - first;
                     // Where the panel would start if all of its rows were this split's.
                     const float* from = partials.data() + group * chunks * size +
                                         panel * g.panels.wide * taps * (g.channels - channels) +
                                         first * taps * width(panel);
                     const WeightReduction reduction{
                         from,
                         chunks,
                         size,
                         channels,
                         taps,
                         g.panels,
                         dw + group * group_size + first * sides.row_stride,
                         sides.lane_stride,
                         sides.row_stride};
                     table.reduce_weight(reduction, panel, piece * channels / pieces,
                                         (piece + 1) * channels / pieces);
                 });
}

}  // namespace convlet
