#include "correlation.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "moments.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t NEAR_FLOATS = 32 * 1024;  // that are written before their moments are taken

std::int64_t packed_floats(const Plan& p) {
    if (!p.packed_ahead) return 0;
    const std::int64_t floats =
        p.algorithm == Algorithm::winograd
            ? kernels().winograd_packed_floats(p.kernel, p.packing)
            : padded_columns(p.packing.panels) * p.packing.depth * p.packing.tap_count;
    return (floats + 15) / 16 * 16;  // whole cache lines, so that every plan starts at one
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

// Floats of all plans' packed weights; those that are kept are packed ahead.
std::int64_t place_ahead(std::vector<Plan>& plans, bool keep) {
    std::int64_t floats = 0;
    for (Plan& p : plans) {
        if (keep && !reads_in_place(p)) p.packed_ahead = true;
        floats += packed_floats(p);
    }
    return floats;
}

PackedWeight::Memory kept_weights(std::vector<Plan>& plans, std::int64_t floats, Keeping kept) {
    const WeightPacking& w = plans.front().packing;
    const std::int64_t count =
        static_cast<std::int64_t>(plans.size()) * w.panels.columns * w.depth * w.tap_count;
    const std::int64_t layout =
        w.panels.wide * 8 + static_cast<std::int64_t>(plans.front().algorithm);
    return kept.packed->get(w.weight, count, kept.version, layout, floats, [&](float* packed) {
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
    // All panels of a block together: the thread that has transformed its tiles reads them, and
    // writes pixels as the next layer shares them out.
    const bool tiles = p.algorithm == Algorithm::winograd;
    const std::int64_t block = tiles ? task / p.panel_groups : task % p.block_tasks;
    const std::int64_t group = tiles ? task % p.panel_groups : task / p.block_tasks;
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

}  // namespace

PlacedWeights::PlacedWeights(std::vector<Plan>& plans, Keeping kept)
    : own_(kept.packed == nullptr ? place_ahead(plans, false) : 0) {
    if (kept.packed == nullptr) {
        place_weights(plans, own_.data());
        pack_weights(plans);
    } else if (const std::int64_t floats = place_ahead(plans, true); floats > 0) {
        kept_ = kept_weights(plans, floats, kept);
        place_weights(plans, kept_->data());
    } else {
        place_weights(plans, nullptr);
    }
}

void run_plans(std::vector<Plan>& plans, Keeping kept, OutputMoments* moments) {
    cut_for_threads(plans, get_num_threads(), moments != nullptr);
    std::vector<std::int64_t> first{0};
    std::int64_t scratch = 0;
    double cost = 0;
    for (const Plan& p : plans) {
        first.push_back(first.back() + p.block_tasks * p.panel_groups);
        if (p.block_tasks > 0) scratch = std::max(scratch, scratch_floats(p));
        cost += flops(p.geometry) / FLOPS_PER_COST;
    }
    if (first.back() == 0) return;
    const PlacedWeights weights(plans, kept);
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
