#include "winograd_grad_weight.hpp"

#include <algorithm>
#include <array>

#include "caches.hpp"
#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t TILES_OF_SHARE = 128;  // at least, or adding shares up takes too much
constexpr std::int64_t ENOUGH_TASKS = 16;
constexpr std::int64_t PARTIAL_FLOATS = std::int64_t{1} << 20;  // of all shares
constexpr std::int64_t ROWS_OF_REDUCTION = 64;

// Rows and columns of the sums that a task makes.
struct PartSize {
    std::int64_t rows, columns;
};
constexpr PartSize USUAL{64, 64};

struct Parts {
    std::int64_t splits, rows;  // of the depth
    std::int64_t panel_groups;
    std::int64_t count() const { return splits * panel_groups; }
};

Parts cut_parts(std::int64_t depth, const Panels& panels, PartSize size) {
    const std::int64_t rows = ceil_div(ceil_div(depth, ceil_div(depth, size.rows)), 16) * 16;
    const std::int64_t together = std::max<std::int64_t>(1, size.columns / panels.wide);
    return {ceil_div(depth, rows), rows, ceil_div(panel_count(panels), together)};
}

// Every part transforms what it reads: the larger they are, the less is transformed again. Large
// ones must leave tasks for all threads, and two fifths of their sums at least stay in the L2. No
// sum is made in another way for it, so the bits do not tell how the parts were cut.
Parts parts_for(std::int64_t depth, const Panels& panels, std::int64_t points,
                std::int64_t shares) {
    constexpr std::array<PartSize, 5> sizes{{{128, 128}, {64, 128}, USUAL, {32, 64}, {16, 64}}};
    const std::int64_t tasks = 2 * get_num_threads();
    Parts parts{};
    for (const PartSize& size : sizes) {
        if (points * size.rows * size.columns > std::max(5 * l2_floats() / 2, points * 64 * 64))
            continue;
        parts = cut_parts(depth, panels, size);
        if (parts.count() * shares >= tasks) break;
    }
    return parts;
}

// Chunks of the tiles with sums of their own, a power of two of them.
std::int64_t share_count(std::int64_t tiles, std::int64_t parts, std::int64_t size) {
    std::int64_t shares = 1;
    while (2 * shares * TILES_OF_SHARE <= tiles && shares * parts < ENOUGH_TASKS &&
           2 * shares * size <= PARTIAL_FLOATS)
        shares *= 2;
    return shares;
}

}  // namespace

void winograd_grad_weight(const WeightGradient& gradient, float* dw) {
    const Correlation& g = gradient.geometry;
    const WinogradGradient w{gradient, winograd_kernel(g)};
    const KernelTable& table = kernels();
    const std::int64_t tiles = table.winograd_tiles(g, w.kernel);
    const std::int64_t depth = w.kernel.count * g.channels, panels = panel_count(g.panels);
    const std::int64_t points = w.kernel.points * w.kernel.points;
    const std::int64_t size = w.kernel.tap_count * g.channels * padded_columns(g.panels);

    const std::int64_t shares = share_count(tiles, cut_parts(depth, g.panels, USUAL).count(), size);
    const Parts parts = parts_for(depth, g.panels, points, shares);
    const auto part_of = [&](std::int64_t task) {
        const std::int64_t split = task % parts.splits;
        const std::int64_t group = task / parts.splits % parts.panel_groups;
        const std::int64_t share = task / parts.count();
        return WinogradPart{share * tiles / shares,
                            (share + 1) * tiles / shares,
                            split * parts.rows,
                            std::min(depth, (split + 1) * parts.rows),
                            group * panels / parts.panel_groups,
                            (group + 1) * panels / parts.panel_groups};
    };
    std::int64_t scratch = 0;
    for (std::int64_t task = 0; task < parts.count(); ++task)
        scratch = std::max(scratch, table.winograd_gradient_floats(w, part_of(task)));
    const std::int64_t most = std::max(g.channels, padded_columns(g.panels)) + 16;
    const bool adds = shares > 1 || w.kernel.count > 1;
    const Scratch zeros(most), partials(adds ? shares * size : 0);
    std::fill_n(zeros.data(), most, 0.0F);
    const double flops = 2.0 * static_cast<double>(points * tiles * depth * g.panels.columns);
    parallel_for_scratch(parts.count() * shares, flops / FLOPS_PER_COST, scratch,
                         [&](std::int64_t task, float* own) {
                             const WinogradTarget target{
                                 partials.data() + task / parts.count() * size,
                                 adds ? nullptr : dw};
                             table.winograd_gradient(w, part_of(task), zeros.data(), own, target);
                         });
    if (!adds) return;
    const WeightReduction reduction{
        partials.data(),    shares,   size, g.channels,
        w.kernel.tap_count, g.panels, dw,   w.kernel.tap_count * g.channels,
        w.kernel.tap_count};
    const std::int64_t pieces = ceil_div(g.channels, ROWS_OF_REDUCTION);
    parallel_for(panels * pieces, static_cast<double>(shares * size), [&](std::int64_t task) {
        const std::int64_t piece = task % pieces;
        table.reduce_weight(reduction, task / pieces, piece * g.channels / pieces,
                            (piece + 1) * g.channels / pieces);
    });
}

}  // namespace convlet
