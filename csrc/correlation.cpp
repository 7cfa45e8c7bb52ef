#include "correlation.hpp"

#include <algorithm>
#include <atomic>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t STRIP_FLOATS = 48 * 1024;
constexpr std::int64_t TILE_FLOATS = 128 * 1024;  // Winograd's transformed tiles, per thread
constexpr double TASK_FLOPS = 1e6;                // about 10 us of one core
constexpr std::int64_t MOST_TASKS = 512;
constexpr std::int64_t WINOGRAD_POINTS = 36;

std::atomic<bool> exact{false};

std::int64_t packed_floats(const Plan& p) {
    const std::int64_t taps =
        p.algorithm == Algorithm::winograd ? WINOGRAD_POINTS : p.packing.tap_count;
    // Whole cache lines, so that every plan's panels start at one.
    return (padded_columns(p.packing.panels) * p.packing.depth * taps + 15) / 16 * 16;
}

// Index of the plan that a running number belongs to, given where each plan's numbers start.
std::size_t owner(const std::vector<std::int64_t>& first, std::int64_t number) {
    return static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), number) -
                                    first.begin() - 1);
}

void pack_weights(const std::vector<Plan>& plans) {
    std::vector<std::int64_t> first{0};
    double cost = 0;
    for (const Plan& p : plans) {
        first.push_back(first.back() + panel_count(p.packing.panels));
        cost += static_cast<double>(packed_floats(p));
    }
    const KernelTable& table = kernels();
    parallel_for(first.back(), cost, [&](std::int64_t task) {
        const std::size_t at = owner(first, task);
        const Plan& p = plans[at];
        const auto pack =
            p.algorithm == Algorithm::winograd ? table.winograd_pack : table.pack_weight;
        pack(p.packing, task - first[at]);
    });
}

void run_task(const Plan& p, std::int64_t task, float* scratch) {
    const KernelTable& table = kernels();
    const std::int64_t block = task % p.block_tasks, group = task / p.block_tasks;
    const std::int64_t panels = panel_count(p.geometry.panels);
    const std::int64_t first = group * panels / p.panel_groups;
    const std::int64_t last = (group + 1) * panels / p.panel_groups;
    if (p.algorithm == Algorithm::winograd) {
        const std::int64_t all = table.winograd_tiles(p.geometry);
        table.winograd(p.geometry, block * all / p.block_tasks, (block + 1) * all / p.block_tasks,
                       first, last, scratch);
    } else {
        table.correlate(p.geometry, block_at(p.blocks, block), first, last, scratch);
    }
}

std::int64_t scratch_floats(const Plan& p) {
    return p.algorithm == Algorithm::winograd
               ? kernels().winograd_floats(p.geometry, p.tiles)
               : kernels().strip_floats(p.geometry, largest_block(p.blocks));
}

}  // namespace

void use_exact_conv(bool value) { exact.store(value); }
bool exact_conv() { return exact.load(std::memory_order_relaxed); }

double flops(const Correlation& g) {
    return 2.0 * static_cast<double>(g.images * g.out_height * g.out_width) *
           static_cast<double>(g.kernel_h * g.kernel_w * g.channels * g.out_channels);
}

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

// Winograd's F(4x4, 3x3) saves 3 of 4 products, less what whole tiles of 4x4 waste at the border of
// a small map, and pays for its transforms: with the channels on both sides, and with the weights
// of few tiles.
Algorithm algorithm_for(const Correlation& g) {
    if (exact_conv() || g.kernel_h != 3 || g.kernel_w != 3 || g.step_h != 1 || g.step_w != 1 ||
        g.dilation_h != 1 || g.dilation_w != 1 || g.channels < 16 || g.out_channels < 16)
        return Algorithm::direct;
    const std::int64_t tiles = kernels().winograd_tiles(g);
    const std::int64_t pixels = g.images * g.out_height * g.out_width;
    return tiles >= 16 && pixels >= tiles * 8 ? Algorithm::winograd : Algorithm::direct;
}

Plan make_plan(Correlation g, const WeightPacking& packing) {
    flatten_pixels(g);
    Plan plan{g, packing, algorithm_for(g), {}, 0, 0, 1};
    if (plan.algorithm == Algorithm::winograd) {
        const std::int64_t all = kernels().winograd_tiles(g);
        const std::int64_t tile = WINOGRAD_POINTS * (g.channels + g.panels.wide);
        const std::int64_t most = std::clamp<std::int64_t>(TILE_FLOATS / tile / 6 * 6, 24, 48);
        plan.block_tasks = ceil_div(all, most);
        plan.tiles = ceil_div(all, plan.block_tasks);
    } else {
        plan.blocks = blocks_of(g);
        plan.block_tasks = block_count(plan.blocks);
    }
    if (plan.block_tasks == 0) return plan;
    const auto wanted =
        static_cast<std::int64_t>(std::min<double>(MOST_TASKS, flops(g) / TASK_FLOPS));
    plan.panel_groups =
        std::clamp<std::int64_t>(ceil_div(wanted, plan.block_tasks), 1, panel_count(g.panels));
    return plan;
}

void run_plans(std::vector<Plan>& plans) {
    std::vector<std::int64_t> first{0};
    std::int64_t packed_size = 0, scratch = 0;
    double cost = 0;
    for (const Plan& p : plans) {
        first.push_back(first.back() + p.block_tasks * p.panel_groups);
        packed_size += packed_floats(p);
        if (p.block_tasks > 0) scratch = std::max(scratch, scratch_floats(p));
        cost += flops(p.geometry);
    }
    if (first.back() == 0) return;
    const Scratch packed(packed_size);
    float* free = packed.data();
    for (Plan& p : plans) {
        p.geometry.packed = p.packing.packed = free;
        free += packed_floats(p);
    }
    pack_weights(plans);
    parallel_for_scratch(first.back(), cost, scratch, [&](std::int64_t task, float* memory) {
        const std::size_t at = owner(first, task);
        run_task(plans[at], task - first[at], memory);
    });
}

}  // namespace convlet
