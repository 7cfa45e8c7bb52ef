#include "roi_align.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t COLUMNS = 5;            // of a region
constexpr double FARTHEST = 1 << 20;           // pixels: a region's points are all visited
constexpr std::int64_t MOST_POINTS = 1 << 12;  // of a bin, along an axis
constexpr std::int64_t CHANNELS_OF_TASK = 64;

RoiAlign geometry(const Extents4& input, const Pair& output_size) {
    return {input[1], input[2], input[3], output_size.h, output_size.w};
}

std::int64_t points(std::int64_t sampling_ratio, float bin_size) {
    if (sampling_ratio > 0) return sampling_ratio;
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(bin_size)));
}

double cost_of(const RoiAlign& p, const std::vector<Region>& regions) {
    double samples = 0;
    for (const Region& r : regions) samples += static_cast<double>(r.grid_height * r.grid_width);
    return samples * static_cast<double>(p.out_height * p.out_width * p.channels) * 2;
}

}  // namespace

std::vector<Region> checked_regions(const Extents4& input, const float* rois, std::int64_t count,
                                    const RoiAlignArguments& a) {
    checked_size(a.op, "x", input);
    if (input[2] < 1 || input[3] < 1) reject(a.op, ": x must have at least 1 pixel");
    if (a.output_size.h < 1 || a.output_size.w < 1)
        reject(a.op, ": output_size must be at least 1, got (", a.output_size.h, ", ",
               a.output_size.w, ")");
    if (!(a.spatial_scale > 0 && std::isfinite(a.spatial_scale)))
        reject(a.op, ": spatial_scale must be a positive number, got ", a.spatial_scale);
    if (a.sampling_ratio > MOST_POINTS)
        reject(a.op, ": sampling_ratio must be at most ", MOST_POINTS, ", got ", a.sampling_ratio);
    checked_size(a.op, "output", {count, input[1], a.output_size.h, a.output_size.w});
    const auto scale = static_cast<float>(a.spatial_scale);
    const float shift = a.aligned ? 0.5F : 0.0F;
    std::vector<Region> regions;
    for (std::int64_t i = 0; i < count; ++i, rois += COLUMNS) {
        const float image = rois[0];
        if (!(image >= 0 && image < static_cast<float>(input[0])) || image != std::floor(image))
            reject(a.op, ": boxes must name an image in [0, ", input[0], "), got ", image,
                   " in row ", i);
        for (std::int64_t c = 1; c < COLUMNS; ++c)
            if (!(std::fabs(rois[c]) * a.spatial_scale <= FARTHEST))
                reject(a.op, ": boxes must lie within 2^20 pixels, got ", rois[c], " in row ", i);
        const float left = rois[1] * scale - shift, top = rois[2] * scale - shift;
        float width = rois[3] * scale - shift - left, height = rois[4] * scale - shift - top;
        if (!a.aligned) {  // regions have at least a pixel
            width = std::max(width, 1.0F);
            height = std::max(height, 1.0F);
        }
        const float bin_height = height / static_cast<float>(a.output_size.h);
        const float bin_width = width / static_cast<float>(a.output_size.w);
        regions.push_back({static_cast<std::int64_t>(image), top, left, bin_height, bin_width,
                           points(a.sampling_ratio, bin_height),
                           points(a.sampling_ratio, bin_width)});
    }
    return regions;
}

void roi_align_forward(const Extents4& input, const std::vector<Region>& regions,
                       const Pair& output_size, const float* x, float* y) {
    const RoiAlign p = geometry(input, output_size);
    const std::int64_t size = p.out_height * p.out_width * p.channels;
    const KernelTable& table = kernels();
    parallel_for(static_cast<std::int64_t>(regions.size()), cost_of(p, regions),
                 [&](std::int64_t i) {
                     table.roi_align(p, regions[static_cast<std::size_t>(i)], x, y + i * size);
                 });
}

// Regions overlap, so a task adds up all of an image, and has some channels of it for its own.
void roi_align_grad(const Extents4& input, const std::vector<Region>& regions,
                    const Pair& output_size, const float* dy, float* dx) {
    const RoiAlign p = geometry(input, output_size);
    if (p.channels == 0) return;
    std::vector<std::vector<std::int64_t>> of_image(static_cast<std::size_t>(input[0]));
    for (std::size_t i = 0; i < regions.size(); ++i)
        of_image[static_cast<std::size_t>(regions[i].image)].push_back(
            static_cast<std::int64_t>(i));
    const std::int64_t pieces = ceil_div(p.channels, CHANNELS_OF_TASK);
    const double cost =
        cost_of(p, regions) + static_cast<double>(input[0] * p.height * p.width * p.channels);
    const KernelTable& table = kernels();
    parallel_for(input[0] * pieces, cost, [&](std::int64_t task) {
        const std::int64_t image = task / pieces;
        const std::int64_t first = task % pieces * CHANNELS_OF_TASK;
        const std::int64_t last = std::min(p.channels, first + CHANNELS_OF_TASK);
        float* pixel = dx + image * p.height * p.width * p.channels;
        for (std::int64_t i = 0; i < p.height * p.width; ++i, pixel += p.channels)
            std::fill(pixel + first, pixel + last, 0.0F);
        const std::vector<std::int64_t>& numbers = of_image[static_cast<std::size_t>(image)];
        table.roi_align_grad(p, regions.data(), numbers.data(),
                             static_cast<std::int64_t>(numbers.size()), dy, first, last, dx);
    });
}

}  // namespace convlet
