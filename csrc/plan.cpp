// How a correlation's work is cut: what follows from its shape and the cache of a core, and how
// much further for many threads.
#include <algorithm>

#include "caches.hpp"
#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t STRIP_FLOATS = 48 * 1024;
constexpr std::int64_t LEAST_PIXELS = 96;      // of a block that is small for the tasks' sake
constexpr std::int64_t PIXELS_IN_PLACE = 128;  // at most, of weights that are not packed
constexpr double TASK_FLOPS = 1e6;             // about 10 us of one core
constexpr std::int64_t ENOUGH_TASKS = 128;     // of the direct algorithm,
constexpr std::int64_t TILE_TASKS = 16;        // and of Winograd's
constexpr double DEPTHWISE_FLOPS = 2e5;        // of a block of pixels, at least, and how many
constexpr std::int64_t DEPTHWISE_BLOCKS = 64;
constexpr std::int64_t FEW_DEPTHWISE_BLOCKS = 16;
constexpr std::int64_t SHORT_ROWS = 128;      // pixels of two rows that are not cut
constexpr std::int64_t LEAST_TILES = 12;      // of a block
constexpr std::int64_t MOST_TILES = 36;       // of a block
constexpr std::int64_t SMALLEST_TILES = 6;    // where threads have too few
constexpr std::int64_t FEW_TILES = 192;       // of a layer whose tasks share its tiles, and
constexpr std::int64_t TILES_OF_PANEL = 64;   // so many for each of its panels;
constexpr std::int64_t SHARED_TILES = 128;    // blocks have so many at most,
constexpr std::int64_t LEAST_SHARED = 24;     // fewer to make
constexpr std::int64_t SHARED_TASKS = 8;      // so many tasks
constexpr std::int64_t FEW_BLOCKS = 2;        // that each transform the weights
constexpr std::int64_t MOST_SUMMED = 64;      // at once, for the digits' sake
constexpr std::int64_t MOMENT_REGISTERS = 2;  // of channels that pixel_moments() sums at once
constexpr std::int64_t LARGE_WEIGHTS = std::int64_t{1} << 18;  // transformed, in floats,
constexpr std::int64_t HUGE_WEIGHTS = std::int64_t{1} << 22;   // half of an L3

// Rows of x are read again by the next block, so blocks are large as long as there are many: twice
// as high as what is read again, if that leaves a few. An even number of rows, because the kernel
// computes two at once, and two at least of short ones.
Blocks depthwise_blocks(const Correlation& g) {
    const std::int64_t pixels = g.images * g.out_height * g.out_width;
    const double pixel_flops = flops(g) / static_cast<double>(std::max<std::int64_t>(1, pixels));
    const auto least = static_cast<std::int64_t>(DEPTHWISE_FLOPS / pixel_flops) + 1;
    const std::int64_t two_rows = std::min(2 * g.out_width, SHORT_ROWS);
    Blocks blocks = cut_blocks(g.images, g.out_height, g.out_width,
                               std::max({least, pixels / DEPTHWISE_BLOCKS, two_rows}));
    if (blocks.column_count == 1 && blocks.rows < g.out_height) {
        const std::int64_t again = (g.kernel_h - 1) * g.dilation_h + 1 - g.step_h;
        const std::int64_t most = g.images * g.out_height / FEW_DEPTHWISE_BLOCKS;
        blocks.rows = std::max(blocks.rows, std::min(2 * again, most));
        blocks.rows = std::min(blocks.rows + blocks.rows % 2, g.out_height);
        blocks.row_count = ceil_div(g.out_height, blocks.rows);
    }
    return blocks;
}

// Blocks as strips need them, or smaller ones where these are few. Where lanes are pixels, rows of
// strips cost most, and share the L2 with next to no weights.
Blocks direct_blocks(const Correlation& g, Algorithm algorithm) {
    const std::int64_t few = std::clamp<std::int64_t>(
        2 * STRIP_FLOATS / std::max<std::int64_t>(1, g.channels), 24, 2048);
    const Blocks blocks = algorithm == Algorithm::few_channels
                              ? cut_blocks(g.images, g.out_height, g.out_width, few)
                              : blocks_of(g);
    const std::int64_t most = blocks.rows * blocks.columns;
    const std::int64_t pixels = ceil_div(g.images * g.out_height * g.out_width, ENOUGH_TASKS);
    return cut_blocks(g.images, g.out_height, g.out_width,
                      std::clamp(pixels, std::min<std::int64_t>(LEAST_PIXELS, most), most));
}

// Halves panels until there are so many tasks, or each is so wide.
void narrow_panels(Plan& p, std::int64_t wanted, std::int64_t narrowest) {
    Panels& panels = p.geometry.panels;
    const std::int64_t columns = padded_columns(panels);
    while (p.block_tasks * panel_count(panels) < wanted && panels.wide > narrowest) {
        const std::int64_t wide = panels.wide / 2;
        panels = {panels.columns, wide, columns / wide, columns % wide};
    }
    p.packing.panels = panels;
}

// Makes blocks of Winograd's tiles smaller until there are so many tasks, or the blocks are small.
void shrink_blocks(Plan& p, std::int64_t wanted) {
    const std::int64_t all = kernels().winograd_tiles(p.geometry, p.kernel);
    const std::int64_t blocks = ceil_div(wanted, panel_count(p.geometry.panels));
    const std::int64_t tiles = std::max(SMALLEST_TILES, ceil_div(all, blocks));
    if (tiles >= p.tiles) return;
    p.tiles = tiles;
    p.block_tasks = ceil_div(all, tiles);
    if (p.block_tasks > FEW_BLOCKS) p.packed_ahead = true;
}

}  // namespace

std::int64_t channels_at_once() { return 36 * 64 * 64 <= l2_floats() * 2 / 3 ? 64 : 32; }

bool reads_in_place(const Plan& p) {
    const Correlation& g = p.geometry;
    return p.algorithm == Algorithm::direct && p.packing.tap_count == 1 &&
           p.packing.lane_stride == 1 &&
           padded_columns(p.packing.panels) == p.packing.panels.columns &&
           (panel_count(p.packing.panels) == 1 ||
            g.images * g.out_height * g.out_width <= PIXELS_IN_PLACE);
}

double flops(const Correlation& g) {
    const std::int64_t shared = g.spread ? g.step_h * g.step_w : 1;  // pixels that share the taps
    return 2.0 / static_cast<double>(shared) *
           static_cast<double>(g.images * g.out_height * g.out_width) *
           static_cast<double>(g.kernel_h * g.kernel_w * g.channels * g.out_channels);
}

void flatten_pixels(Correlation& g) {
    if (g.depthwise || g.kernel_h != 1 || g.kernel_w != 1 || g.step_h != 1 || g.step_w != 1 ||
        g.origin_h != 0 || g.origin_w != 0 || g.height != g.out_height || g.width != g.out_width ||
        g.y_image != g.out_height * g.out_width * g.y_pixel)
        return;
    g.width = g.out_width = g.images * g.height * g.width;
    g.images = g.height = g.out_height = 1;
    g.y_image = g.y_row = g.width * g.y_pixel;
}

Blocks blocks_of(const Correlation& g) {
    // Between the pixels of a strided row lie others; those of a far stride are taken one by one.
    const std::int64_t step =
        std::min<std::int64_t>(g.step_h, 1024) * std::min<std::int64_t>(g.step_w, 1024);
    const std::int64_t pixel = std::max<std::int64_t>(1, g.channels * step);
    return cut_blocks(g.images, g.out_height, g.out_width,
                      std::clamp<std::int64_t>(STRIP_FLOATS / pixel, step > 64 ? 1 : 24, 480));
}

Plan make_plan(Correlation g, const WeightPacking& packing) {
    flatten_pixels(g);
    Plan plan{g, packing, algorithm_for(g), {}, {}, 0, 0, true, 0, 1};
    if (plan.algorithm == Algorithm::winograd) {
        plan.kernel = winograd_kernel(g);
        plan.geometry.panels = plan.packing.panels = kernels().panels(g.out_channels, true);
        const std::int64_t all = kernels().winograd_tiles(g, plan.kernel);
        const std::int64_t points = plan.kernel.points * plan.kernel.points;
        const std::int64_t depth = plan.kernel.count * g.channels;
        const std::int64_t weights = points * depth * g.out_channels;
        const std::int64_t count = panel_count(plan.geometry.panels);
        const bool few =
            weights >= LARGE_WEIGHTS && all <= std::min(FEW_TILES, TILES_OF_PANEL * count);
        if (few) {
            // Weights that serve few tiles cost less to transform in each task, a run of channels
            // at a time, than to write out and read back: tasks are panels of many tiles.
            const std::int64_t wanted = std::min(SHARED_TASKS / count, all / LEAST_SHARED);
            plan.tiles = ceil_div(all, std::max(ceil_div(all, SHARED_TILES), wanted));
        } else {
            // Equal blocks of whole register tiles, whose inputs and sums take half of the L2; but
            // large ones where weights leave the L3 from one to the next.
            const std::int64_t fitting = l2_floats() / 2 / (points * (depth + g.panels.wide));
            const std::int64_t most =
                weights >= HUGE_WEIGHTS ? MOST_TILES : std::clamp(fitting, LEAST_TILES, MOST_TILES);
            plan.tiles = ceil_div(ceil_div(all, ceil_div(all, most)), 6) * 6;
        }
        plan.block_tasks = ceil_div(all, plan.tiles);
        // Kept weights are written out, but summed in the same runs, for the bits must not tell.
        plan.packed_ahead = !few || plan.block_tasks > FEW_BLOCKS;
        plan.run = few ? std::min(g.channels, channels_at_once()) : MOST_SUMMED;
    } else {
        if (g.depthwise)  // all channels of a tap side by side: one panel
            plan.geometry.panels = plan.packing.panels = {g.out_channels, g.out_channels, 1, 0};
        plan.packed_ahead = !reads_in_place(plan);
        plan.blocks = g.depthwise ? depthwise_blocks(g) : direct_blocks(g, plan.algorithm);
        plan.block_tasks = block_count(plan.blocks);
    }
    if (plan.block_tasks == 0) return plan;
    // Where blocks are enough, to share out their panels would only read x more often, and tiles
    // that several tasks read have left the L2 when they do.
    const bool tiles = plan.algorithm == Algorithm::winograd;
    const auto most = static_cast<double>(tiles ? TILE_TASKS : ENOUGH_TASKS);
    const auto wanted = static_cast<std::int64_t>(std::min(most, flops(g) / TASK_FLOPS));
    plan.panel_groups = std::clamp<std::int64_t>(
        tiles ? wanted / plan.block_tasks : ceil_div(wanted, plan.block_tasks), 1,
        panel_count(plan.geometry.panels));
    return plan;
}

void cut_for_threads(std::vector<Plan>& plans, std::int64_t threads, bool moments) {
    std::int64_t tasks = 0;
    double work = 0;
    for (const Plan& p : plans) {
        tasks += p.block_tasks * p.panel_groups;
        work += flops(p.geometry);
    }
    const double wanted = std::min(static_cast<double>(threads), work / TASK_FLOPS);
    if (static_cast<double>(tasks) >= wanted) return;
    const auto each =
        ceil_div(static_cast<std::int64_t>(wanted), static_cast<std::int64_t>(plans.size()));
    const std::int64_t lanes = kernels().panels(1, true).rest, at_once = MOMENT_REGISTERS * lanes;
    for (Plan& p : plans) {
        if (p.block_tasks == 0) continue;
        if (moments) {
            if (p.algorithm != Algorithm::winograd || p.geometry.out_channels % at_once != 0)
                continue;
            narrow_panels(p, each, at_once);
        } else if (p.algorithm == Algorithm::direct) {
            narrow_panels(p, each, lanes);
            p.packed_ahead = !reads_in_place(p);
        } else if (p.algorithm == Algorithm::winograd) {
            narrow_panels(p, each, lanes);
            shrink_blocks(p, each);
        } else {
            continue;
        }
        // As many panels in each group.
        const std::int64_t panels = panel_count(p.geometry.panels);
        const std::int64_t groups = std::max(p.panel_groups, ceil_div(each, p.block_tasks));
        p.panel_groups = ceil_div(panels, std::max<std::int64_t>(1, panels / groups));
    }
}

}  // namespace convlet
