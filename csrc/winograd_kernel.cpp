#include "winograd_kernel.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t MOST_TAPS = 3;    // of a side of a piece
constexpr std::int64_t TILE = 4;         // outputs of a side of a tile
constexpr std::int64_t LEAST_TILES = 8;  // of all images
constexpr double TRANSFORM_COST = 12;    // of a transformed float, in products
constexpr double WEIGHT_COST = 6;        // of a weight's, which may be kept from call to call
constexpr double LEAST_GAIN = 1.3;       // or the rounding errors are not worth it

struct Run {
    std::int64_t first, taps;
};

// One axis of a kernel. Outputs `out` pixels apart read inputs that are as far apart as every
// `tap`th tap reads, of which each run is a filter of its own.
struct Axis {
    std::int64_t out, tap;
    std::vector<Run> runs;
};

Axis cut_axis(std::int64_t kernel, std::int64_t step, std::int64_t dilation) {
    const std::int64_t common = std::gcd(step, dilation);
    Axis axis{dilation / common, step / common, {}};
    for (std::int64_t phase = 0; phase < std::min(axis.tap, kernel); ++phase) {
        const std::int64_t taps = ceil_div(kernel - phase, axis.tap);
        const std::int64_t runs = ceil_div(taps, MOST_TAPS);
        for (std::int64_t r = 0; r < runs; ++r) {
            const std::int64_t first = r * taps / runs, last = (r + 1) * taps / runs;
            axis.runs.push_back({phase + first * axis.tap, last - first});
        }
    }
    return axis;
}

std::int64_t longest(const Axis& axis) {
    std::int64_t most = 0;
    for (const Run& run : axis.runs) most = std::max(most, run.taps);
    return most;
}

// Points of a side of all tiles along one axis, without infinity and at it. The last outputs of an
// image take a point less for each that a tile of four has more; those that are apart do not.
struct SidePoints {
    std::int64_t finite, infinite;
};

SidePoints side_points(std::int64_t size, std::int64_t apart, bool neighbours,
                       const WinogradKernel& k) {
    const std::int64_t finite = k.points - 1, rest = neighbours ? size % TILE : 0;
    const std::int64_t phases = std::min(apart, size);
    const std::int64_t tiles = phases * ceil_div(ceil_div(size, apart), TILE);
    return {tiles * finite - (rest > 0 ? TILE - rest : 0), tiles};
}

// What the tiles of all images have together: points, and products of an input and an output
// channel.
struct TileSums {
    std::int64_t points, products;
};

TileSums tile_sums(const Correlation& g, const WinogradKernel& k) {
    const bool neighbours = k.out_h == 1 && k.out_w == 1;
    const SidePoints rows = side_points(g.out_height, k.out_h, neighbours, k);
    const SidePoints columns = side_points(g.out_width, k.out_w, neighbours, k);
    const std::int64_t products =
        rows.finite * columns.finite * k.count + rows.infinite * columns.finite * k.last_of_rows +
        rows.finite * columns.infinite * (k.last_of_columns - k.first_of_columns) +
        rows.infinite * columns.infinite * (k.last_of_rows - k.first_of_columns);
    const std::int64_t points = (rows.finite + rows.infinite) * (columns.finite + columns.infinite);
    return {g.images * points, g.images * products};
}

}  // namespace

WinogradKernel winograd_kernel(const Correlation& g) {
    const Axis rows = cut_axis(g.kernel_h, g.step_h, g.dilation_h);
    const Axis columns = cut_axis(g.kernel_w, g.step_w, g.dilation_w);
    const std::int64_t most = std::max(longest(rows), longest(columns));
    WinogradKernel k{};
    if (longest(rows) < 2 || longest(columns) < 2 ||
        rows.runs.size() * columns.runs.size() > MOST_PIECES)
        return k;
    k.points = static_cast<int>(most) + 3;
    k.in_h = rows.tap * g.dilation_h;
    k.in_w = columns.tap * g.dilation_w;
    k.out_h = rows.out;
    k.out_w = columns.out;
    k.tap_h = rows.tap;
    k.tap_w = columns.tap;
    k.kernel_w = g.kernel_w;
    k.tap_count = g.kernel_h * g.kernel_w;
    const auto add = [&](bool whole_rows, bool whole_columns) {
        for (const Run& r : rows.runs)
            for (const Run& c : columns.runs)
                if ((r.taps == most) == whole_rows && (c.taps == most) == whole_columns)
                    k.pieces[k.count++] = {r.first, c.first, static_cast<int>(r.taps),
                                           static_cast<int>(c.taps)};
        return k.count;
    };
    k.first_of_columns = add(true, false);
    k.last_of_rows = add(true, true);
    k.last_of_columns = add(false, true);
    add(false, false);
    return k;
}

bool winograd_gains(const Correlation& g, const WinogradKernel& k, bool weights) {
    if (k.count == 0) return false;
    const std::int64_t tiles = kernels().winograd_tiles(g, k);
    const auto channels = static_cast<double>(g.channels);
    const auto outputs = static_cast<double>(g.out_channels);
    const auto depth = static_cast<double>(k.count) * channels;
    const auto points = static_cast<double>(k.points * k.points);
    const TileSums all = tile_sums(g, k);
    const double winograd = static_cast<double>(all.products) * channels * outputs +
                            TRANSFORM_COST * static_cast<double>(all.points) * (depth + outputs) +
                            (weights ? WEIGHT_COST * points * depth * outputs : 0);
    const double direct = static_cast<double>(g.images * g.out_height * g.out_width * k.tap_count) *
                          channels * outputs;
    return tiles >= LEAST_TILES && winograd * LEAST_GAIN <= direct;
}

}  // namespace convlet
