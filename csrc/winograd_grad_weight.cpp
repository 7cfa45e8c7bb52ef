#include "winograd_grad_weight.hpp"

#include <algorithm>

#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t POINTS = 36;
constexpr std::int64_t BLOCK_FLOATS = std::int64_t{1} << 20;  // a block's transforms stay in L3
constexpr std::int64_t SUMS_FLOATS = std::int64_t{1} << 20;   // sums beyond these leave the L3
constexpr std::int64_t CHANNELS_OF_TASK = 48;
constexpr std::int64_t TILES_OF_TASK = 4;

struct Split {
    std::int64_t first, last;
};

Split split_at(std::int64_t index, std::int64_t count, std::int64_t size) {
    return {index * size / count, (index + 1) * size / count};
}

void transform_block(const WinogradGradient& w, float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const double cost =
        static_cast<double>(w.tiles * (g.channels + g.panels.columns)) * (POINTS * 6.0);
    parallel_for(ceil_div(w.tiles, TILES_OF_TASK), cost, [&](std::int64_t task) {
        const std::int64_t first = task * TILES_OF_TASK;
        for (std::int64_t t = first; t < std::min(w.tiles, first + TILES_OF_TASK); ++t)
            table.winograd_gradient_tile(w, t, zeros);
    });
}

double product_cost(const WinogradGradient& w) {
    const Correlation& g = w.gradient.geometry;
    return 2.0 * POINTS * static_cast<double>(w.tiles * g.channels * g.panels.columns) /
           FLOPS_PER_COST;
}

// All 36 sums of some channels and a panel, transformed back at once: they never leave the L2.
void multiply_and_transform(const WinogradGradient& w, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const std::int64_t splits = ceil_div(g.channels, CHANNELS_OF_TASK / 2);
    const std::int64_t stride = ceil_div(g.channels, splits) * g.panels.wide;
    parallel_for_scratch(panel_count(g.panels) * splits, product_cost(w), POINTS * stride,
                         [&](std::int64_t task, float* sums) {
                             const Split c = split_at(task % splits, splits, g.channels);
                             const std::int64_t panel = task / splits;
                             for (std::int64_t p = 0; p < POINTS; ++p)
                                 table.winograd_gradient_point(w, p, c.first, c.last, panel,
                                                               sums + p * stride, false);
                             table.winograd_gradient_taps(w, c.first, c.last, panel, sums, stride,
                                                          dw);
                         });
}

// Sums of every point, channel and panel, kept from block to block: [point][panel][channel][lane].
void multiply(const WinogradGradient& w, float* sums, std::int64_t stride, bool resume) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const std::int64_t panels = panel_count(g.panels);
    const std::int64_t splits = ceil_div(g.channels, CHANNELS_OF_TASK);
    parallel_for(POINTS * panels * splits, product_cost(w), [&](std::int64_t task) {
        const Split c = split_at(task % splits, splits, g.channels);
        const std::int64_t panel = task / splits % panels, point = task / splits / panels;
        const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
        table.winograd_gradient_point(
            w, point, c.first, c.last, panel,
            sums + point * stride + panel * g.panels.wide * g.channels + c.first * width, resume);
    });
}

void transform_sums(const WinogradGradient& w, const float* sums, std::int64_t stride, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const std::int64_t panels = panel_count(g.panels), splits = ceil_div(g.channels, 8);
    parallel_for(panels * splits, static_cast<double>(POINTS * stride), [&](std::int64_t task) {
        const Split c = split_at(task % splits, splits, g.channels);
        const std::int64_t panel = task / splits;
        const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
        table.winograd_gradient_taps(w, c.first, c.last, panel,
                                     sums + panel * g.panels.wide * g.channels + c.first * width,
                                     stride, dw);
    });
}

}  // namespace

void winograd_grad_weight(const WeightGradient& gradient, float* dw) {
    const Correlation& g = gradient.geometry;
    const std::int64_t all = kernels().winograd_tiles(g), columns = padded_columns(g.panels);
    const std::int64_t size = g.channels * columns;
    const bool large = POINTS * size > SUMS_FLOATS;
    const std::int64_t per_tile = POINTS * (g.channels + columns);
    const std::int64_t most =
        std::clamp<std::int64_t>((large ? 4 : 1) * BLOCK_FLOATS / per_tile, 64, 1024);
    const std::int64_t blocks = ceil_div(all, most), tiles = ceil_div(all, blocks);

    // One more line between points: a power of two would put all 36 in the same sets of the cache.
    const std::int64_t data_stride = tiles * g.channels + 16, filter_stride = tiles * columns + 16;
    const Scratch transformed(POINTS * (data_stride + filter_stride));
    const Scratch zeros(std::max(g.channels, columns) + 16);
    std::fill_n(zeros.data(), std::max(g.channels, columns) + 16, 0.0F);
    WinogradGradient w{gradient,
                       0,
                       0,
                       transformed.data(),
                       transformed.data() + POINTS * data_stride,
                       data_stride,
                       filter_stride};
    const bool at_once = large && blocks == 1;
    const std::int64_t stride = size + 16;
    const Scratch sums(at_once ? 16 : POINTS * stride);
    for (std::int64_t b = 0; b < blocks; ++b) {
        w.first_tile = b * tiles;
        w.tiles = std::min(tiles, all - w.first_tile);
        transform_block(w, zeros.data());
        if (at_once)
            multiply_and_transform(w, dw);
        else
            multiply(w, sums.data(), stride, b > 0);
    }
    if (!at_once) transform_sums(w, sums.data(), stride, dw);
}

}  // namespace convlet
