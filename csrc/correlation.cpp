#include "correlation.hpp"

#include <algorithm>

#include "caches.hpp"
#include "dispatch.hpp"
#include "moments.hpp"
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
constexpr std::int64_t SHORT_ROWS = 128;         // pixels of two rows that are not cut
constexpr std::int64_t NEAR_FLOATS = 32 * 1024;  // that are written before their moments are taken
constexpr std::int64_t LEAST_TILES = 12;         // of a block
constexpr std::int64_t MOST_TILES = 36;          // of a block
constexpr std::int64_t FEW_TILES = 192;          // of a layer whose tasks share its tiles, and
constexpr std::int64_t TILES_OF_PANEL = 64;      // so many for each of its panels;
constexpr std::int64_t SHARED_TILES = 128;       // blocks have so many at most,
constexpr std::int64_t LEAST_SHARED = 24;        // fewer to make
constexpr std::int64_t SHARED_TASKS = 8;         // so many tasks
constexpr std::int64_t FEW_BLOCKS = 2;           // that each transform the weights
constexpr std::int64_t MOST_SUMMED = 64;         // at once, for the digits' sake
constexpr std::int64_t LARGE_WEIGHTS = std::int64_t{1} << 18;  // transformed, in floats,
constexpr std::int64_t HUGE_WEIGHTS = std::int64_t{1} << 22;   // half of an L3

// Channels whose weights a task transforms at once, for 64 outputs half of the L2 at most.
std::int64_t channels_at_once() { return 36 * 64 * 64 <= l2_floats() / 2 ? 64 : 32; }

std::int64_t packed_floats(const Plan& p) {
    if (!p.packed_ahead) return 0;
    const std::int64_t floats =
        p.algorithm == Algorithm::winograd
            ? kernels().winograd_packed_floats(p.kernel, p.packing)
            : padded_columns(p.packing.panels) * p.packing.depth * p.packing.tap_count;
    return (floats + 15) / 16 * 16;  // whole cache lines, so that every plan starts at one
}

// A single tap whose columns are neighbours in the weight, in whole registers, is read in place: as
// one panel, or for so few pixels that packing would take longer than the cache lines apart do.
bool reads_in_place(const Plan& p) {
    const Correlation& g = p.geometry;
    return p.algorithm == Algorithm::direct && p.packing.tap_count == 1 &&
           p.packing.lane_stride == 1 &&
           padded_columns(p.packing.panels) == p.packing.panels.columns &&
           (panel_count(p.packing.panels) == 1 ||
            g.images * g.out_height * g.out_width <= PIXELS_IN_PLACE);
}

// Index of the plan that a running number belongs to, given where each plan's numbers start.
std::size_t owner(const std::vector<std::int64_t>& first, std::int64_t number) {
    return static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), number) -
                                    first.begin() - 1);
}

// Gives every plan its part of `packed`; weights that are read in place have none.
void place_weights(std::vector<Plan>& plans, float* packed) {
    for (Plan& p : plans) {
        if (reads_in_place(p)) {
            p.geometry.packed = p.packing.weight + p.packing.taps[0];
            p.geometry.packed_step = p.packing.depth_stride;
            continue;
        }
        p.geometry.packed = p.packing.packed = packed;
        packed += packed_floats(p);
    }
}

void pack_weights(const std::vector<Plan>& plans) {
    std::vector<std::int64_t> first{0};
    double cost = 0;
    for (const Plan& p : plans) {
        first.push_back(first.back() + (p.packed_ahead ? panel_count(p.packing.panels) : 0));
        cost += static_cast<double>(packed_floats(p));
    }
    const KernelTable& table = kernels();
    parallel_for(first.back(), cost, [&](std::int64_t task) {
        const std::size_t at = owner(first, task);
        const Plan& p = plans[at];
        if (p.algorithm == Algorithm::winograd)
            table.winograd_pack(p.kernel, p.packing, task - first[at]);
        else
            table.pack_weight(p.packing, task - first[at]);
    });
}

// The packed weights of all plans, which are alike, as `kept` has them.
PackedWeight::Memory kept_weights(std::vector<Plan>& plans, std::int64_t floats,
                                  PackedWeight& kept) {
    const WeightPacking& w = plans.front().packing;
    const std::int64_t count =
        static_cast<std::int64_t>(plans.size()) * w.panels.columns * w.depth * w.tap_count;
    const auto layout = static_cast<std::int64_t>(plans.front().algorithm);
    return kept.get(w.weight, count, layout, floats, [&](float* packed) {
        place_weights(plans, packed);
        pack_weights(plans);
    });
}

struct TileBlock {
    std::int64_t first, count;
};

TileBlock tile_block(const Plan& p, std::int64_t block) {
    const std::int64_t first = block * p.tiles;
    return {first, std::min(p.tiles, kernels().winograd_tiles(p.geometry, p.kernel) - first)};
}

std::int64_t input_floats(const Plan& p) {
    return kernels().winograd_input_floats(p.geometry, p.kernel, p.tiles);
}

// Whether several tasks read the same transformed tiles, which are then made before them.
bool shares_inputs(const Plan& p) {
    return p.algorithm == Algorithm::winograd && p.panel_groups > 1;
}

// Memory of the plans that share their inputs, and zeros for pixels outside of images.
class SharedInputs {
   public:
    explicit SharedInputs(const std::vector<Plan>& plans)
        : inputs_(total(plans)), zeros_(widest(plans)) {
        std::fill_n(zeros_.data(), widest(plans), 0.0F);
    }

    const float* zeros() const { return zeros_.data(); }

    // Of one block of one plan.
    float* at(const std::vector<Plan>& plans, std::size_t plan, std::int64_t block) const {
        std::int64_t offset = 0;
        for (std::size_t i = 0; i < plan; ++i) offset += size(plans[i]);
        return inputs_.data() + offset + block * input_floats(plans[plan]);
    }

   private:
    static std::int64_t size(const Plan& p) {
        return shares_inputs(p) ? p.block_tasks * input_floats(p) : 0;
    }
    static std::int64_t total(const std::vector<Plan>& plans) {
        std::int64_t sum = 0;
        for (const Plan& p : plans) sum += size(p);
        return sum;
    }
    static std::int64_t widest(const std::vector<Plan>& plans) {
        std::int64_t most = 0;
        for (const Plan& p : plans)
            if (p.algorithm == Algorithm::winograd) most = std::max(most, p.geometry.channels + 16);
        return most;
    }

    Scratch inputs_, zeros_;
};

void transform_shared(const std::vector<Plan>& plans, const SharedInputs& shared) {
    constexpr std::int64_t PIECES = 8;  // of a block
    const KernelTable& table = kernels();
    for (std::size_t i = 0; i < plans.size(); ++i) {
        const Plan& p = plans[i];
        if (!shares_inputs(p)) continue;
        const double cost = static_cast<double>(p.block_tasks * input_floats(p)) * 6;
        parallel_for(p.block_tasks * PIECES, cost, [&](std::int64_t task) {
            const std::int64_t block = task / PIECES, piece = task % PIECES;
            const TileBlock b = tile_block(p, block);
            table.winograd_inputs(p.geometry, p.kernel, p.run, b.first, b.count,
                                  piece * b.count / PIECES, (piece + 1) * b.count / PIECES,
                                  shared.zeros(), shared.at(plans, i, block));
        });
    }
}

// Panels [first, last) of a block of pixels.
void run_block(const Plan& p, const PixelBlock& b, std::int64_t first, std::int64_t last,
               float* scratch) {
    const KernelTable& table = kernels();
    if (p.algorithm == Algorithm::depthwise) return table.depthwise(p.geometry, b);
    if (p.algorithm == Algorithm::depthwise_spread) return table.depthwise_spread(p.geometry, b);
    if (p.algorithm == Algorithm::few_channels) return table.correlate_few(p.geometry, b, scratch);
    table.correlate(p.geometry, b, first, last, scratch);
}

// As many rows of a block as stay in the caches while their moments are taken. Depthwise kernels
// compute two rows at once; the strips of others are made once.
std::int64_t near_rows(const Plan& p, const PixelBlock& b) {
    if (p.algorithm != Algorithm::depthwise) return std::max<std::int64_t>(1, b.i1 - b.i0);
    return ceil_div(NEAR_FLOATS, 2 * (b.j1 - b.j0) * p.geometry.out_channels) * 2;
}

void run_task(const std::vector<Plan>& plans, std::size_t plan, std::int64_t task,
              const SharedInputs& shared, float* scratch, OutputMoments* moments) {
    const KernelTable& table = kernels();
    const Plan& p = plans[plan];
    const std::int64_t block = task % p.block_tasks, group = task / p.block_tasks;
    const std::int64_t panels = panel_count(p.geometry.panels);
    const std::int64_t first = group * panels / p.panel_groups;
    const std::int64_t last = (group + 1) * panels / p.panel_groups;
    std::int64_t pixels = 0;
    if (p.algorithm != Algorithm::winograd) {
        PixelBlock b = block_at(p.blocks, block);
        if (moments == nullptr) return run_block(p, b, first, last, scratch);
        BlockMoments of_block = moments->of(p.geometry, block, first, last);
        const std::int64_t end = b.i1, rows = near_rows(p, b);
        for (; b.i0 < end; b.i0 = b.i1) {
            b.i1 = std::min(end, b.i0 + rows);
            run_block(p, b, first, last, scratch);
            of_block.add(b);
        }
        pixels = of_block.finish();
    } else {
        const TileBlock b = tile_block(p, block);
        const float* inputs = nullptr;
        if (shares_inputs(p)) {
            inputs = shared.at(plans, plan, block);
        } else {
            table.winograd_inputs(p.geometry, p.kernel, p.run, b.first, b.count, 0, b.count,
                                  shared.zeros(), scratch);
            inputs = scratch;
            scratch += input_floats(p);
        }
        const auto run_panels = [&](std::int64_t from, std::int64_t to) {
            table.winograd(p.geometry, p.kernel, p.packed_ahead ? nullptr : &p.packing, p.run,
                           b.first, b.count, inputs, from, to, scratch);
        };
        if (moments == nullptr) return run_panels(first, last);
        for (std::int64_t panel = first; panel < last; ++panel) {
            run_panels(panel, panel + 1);
            BlockMoments of_panel = moments->of(p.geometry, block, panel, panel + 1);
            of_panel.add_tiles(p.kernel, b.first, b.count);
            pixels = of_panel.finish();
        }
    }
    // All plans and groups of panels have the same blocks.
    if (plan == 0 && group == 0) moments->set_size(block, pixels);
}

std::int64_t scratch_floats(const Plan& p) {
    if (p.geometry.depthwise) return 0;
    if (p.algorithm == Algorithm::few_channels)
        return kernels().few_channels_floats(p.geometry, largest_block(p.blocks));
    if (p.algorithm == Algorithm::direct)
        return kernels().strip_floats(p.geometry, largest_block(p.blocks));
    return kernels().winograd_floats(p.kernel, p.tiles, channels_at_once()) +
           (shares_inputs(p) ? 0 : input_floats(p));
}

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

}  // namespace

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

void run_plans(std::vector<Plan>& plans, PackedWeight* kept, OutputMoments* moments) {
    std::vector<std::int64_t> first{0};
    std::int64_t packed_size = 0, scratch = 0;
    double cost = 0;
    for (Plan& p : plans) {
        if (kept != nullptr && !reads_in_place(p)) p.packed_ahead = true;
        first.push_back(first.back() + p.block_tasks * p.panel_groups);
        packed_size += packed_floats(p);
        if (p.block_tasks > 0) scratch = std::max(scratch, scratch_floats(p));
        cost += flops(p.geometry) / FLOPS_PER_COST;
    }
    if (first.back() == 0) return;
    const Scratch packed(kept == nullptr ? packed_size : 0);
    PackedWeight::Memory memory;
    if (kept != nullptr && packed_size > 0) {
        memory = kept_weights(plans, packed_size, *kept);
        place_weights(plans, memory->data());
    } else {
        place_weights(plans, packed.data());
        pack_weights(plans);
    }
    const SharedInputs shared(plans);
    transform_shared(plans, shared);
    // Phases of as many tasks take turns: they read the same pixels and write between each other's.
    const auto turns = static_cast<std::int64_t>(plans.size());
    const bool alike = plans.front().algorithm == Algorithm::depthwise &&
                       std::all_of(plans.begin(), plans.end(), [&](const Plan& p) {
                           return p.block_tasks == plans.front().block_tasks;
                       });
    parallel_for_scratch(first.back(), cost, scratch, [&](std::int64_t task, float* own) {
        const std::size_t at = alike ? static_cast<std::size_t>(task % turns) : owner(first, task);
        run_task(plans, at, alike ? task / turns : task - first[at], shared, own, moments);
    });
}

}  // namespace convlet
