#include "winograd_grad_weight.hpp"

#include <algorithm>

#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t BLOCK_FLOATS = std::int64_t{1} << 20;  // a block's transforms stay in L3
constexpr std::int64_t SUMS_FLOATS = std::int64_t{1} << 20;   // sums beyond these leave the L3
constexpr std::int64_t CHANNELS_OF_TASK = 48;
constexpr std::int64_t TILES_OF_TASK = 4;

struct Split {
    std::int64_t first, last;
};

std::int64_t points_of(const WinogradGradient& w) { return w.kernel.points * w.kernel.points; }

// Rows of the sums: the channels of all pieces of the kernel.
std::int64_t depth_of(const WinogradGradient& w) {
    return w.kernel.count * w.gradient.geometry.channels;
}

Split split_at(std::int64_t index, std::int64_t count, std::int64_t size) {
    return {index * size / count, (index + 1) * size / count};
}

void transform_block(const WinogradGradient& w, float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const double cost =
        static_cast<double>(w.tiles * (depth_of(w) + g.panels.columns) * points_of(w) * 6);
    parallel_for(ceil_div(w.tiles, TILES_OF_TASK), cost, [&](std::int64_t task) {
        const std::int64_t first = task * TILES_OF_TASK;
        for (std::int64_t t = first; t < std::min(w.tiles, first + TILES_OF_TASK); ++t)
            table.winograd_gradient_tile(w, t, zeros);
    });
}

double product_cost(const WinogradGradient& w) {
    const Correlation& g = w.gradient.geometry;
    return 2.0 * static_cast<double>(points_of(w) * w.tiles * depth_of(w) * g.panels.columns) /
           FLOPS_PER_COST;
}

// The sums of all points of some channels and a panel, transformed back at once: they never leave
// the L2.
void multiply_and_transform(const WinogradGradient& w, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const std::int64_t splits = ceil_div(depth_of(w), CHANNELS_OF_TASK / 2);
    const std::int64_t stride = ceil_div(depth_of(w), splits) * g.panels.wide;
    parallel_for_scratch(panel_count(g.panels) * splits, product_cost(w), points_of(w) * stride,
                         [&](std::int64_t task, float* sums) {
                             const Split c = split_at(task % splits, splits, depth_of(w));
                             const std::int64_t panel = task / splits;
                             for (std::int64_t p = 0; p < points_of(w); ++p)
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
    const std::int64_t splits = ceil_div(depth_of(w), CHANNELS_OF_TASK);
    parallel_for(points_of(w) * panels * splits, product_cost(w), [&](std::int64_t task) {
        const Split c = split_at(task % splits, splits, depth_of(w));
        const std::int64_t panel = task / splits % panels, point = task / splits / panels;
        const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
        table.winograd_gradient_point(
            w, point, c.first, c.last, panel,
            sums + point * stride + panel * g.panels.wide * depth_of(w) + c.first * width, resume);
    });
}

void transform_sums(const WinogradGradient& w, const float* sums, std::int64_t stride, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const KernelTable& table = kernels();
    const std::int64_t panels = panel_count(g.panels), splits = ceil_div(depth_of(w), 8);
    parallel_for(
        panels * splits, static_cast<double>(points_of(w) * stride), [&](std::int64_t task) {
            const Split c = split_at(task % splits, splits, depth_of(w));
            const std::int64_t panel = task / splits;
            const std::int64_t width = panel < g.panels.wide_count ? g.panels.wide : g.panels.rest;
            table.winograd_gradient_taps(
                w, c.first, c.last, panel,
                sums + panel * g.panels.wide * depth_of(w) + c.first * width, stride, dw);
        });
}

}  // namespace

void winograd_grad_weight(const WeightGradient& gradient, float* dw) {
    const Correlation& g = gradient.geometry;
    const WinogradKernel kernel = winograd_kernel(g);
    const std::int64_t all = kernels().winograd_tiles(g, kernel);
    const std::int64_t columns = padded_columns(g.panels);
    const std::int64_t points = kernel.points * kernel.points, depth = kernel.count * g.channels;
    const std::int64_t size = depth * columns;
    const bool large = points * size > SUMS_FLOATS;
    const std::int64_t per_tile = points * (depth + columns);
    const std::int64_t most =
        std::clamp<std::int64_t>((large ? 4 : 1) * BLOCK_FLOATS / per_tile, 64, 1024);
    const std::int64_t blocks = ceil_div(all, most), tiles = ceil_div(all, blocks);

    // One more line between points: a power of two would put all in the same sets of the cache.
    const std::int64_t data_stride = tiles * depth + 16, filter_stride = tiles * columns + 16;
    const Scratch transformed(points * (data_stride + filter_stride));
    const Scratch zeros(std::max(g.channels, columns) + 16);
    std::fill_n(zeros.data(), std::max(g.channels, columns) + 16, 0.0F);
    WinogradGradient w{gradient,
                       kernel,
                       0,
                       0,
                       transformed.data(),
                       transformed.data() + points * data_stride,
                       data_stride,
                       filter_stride};
    const bool at_once = large && blocks == 1;
    const std::int64_t stride = size + 16;
    const Scratch sums(at_once ? 16 : points * stride);
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
