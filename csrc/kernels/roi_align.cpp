// Bins of regions, averaged over points between the pixels (He et al., 2017, "Mask R-CNN").
//
//   y[bin] = 1/n * sum over the n points of the bin of the bilinear value there
//
// Lanes are channels. A point's four pixels and weights are found once for all of them.
#include "roi_align.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Where a point lies along one axis: between two pixels, or outside of the image.
struct Place {
    std::int64_t low, high;
    float weight;  // of `high`
    bool inside;
};

INLINE Place place_of(float at, std::int64_t size) {
    if (!(at >= -1.0F && at <= static_cast<float>(size))) return {0, 0, 0.0F, false};
    if (at <= 0.0F) return {0, 0, 0.0F, true};
    const auto low = static_cast<std::int64_t>(at);
    if (low >= size - 1) return {size - 1, size - 1, 0.0F, true};
    return {low, low + 1, at - static_cast<float>(low), true};
}

INLINE float point_at(float start, float bin_size, std::int64_t bin, std::int64_t i,
                      std::int64_t grid) {
    return start + static_cast<float>(bin) * bin_size +
           (static_cast<float>(i) + 0.5F) * bin_size / static_cast<float>(grid);
}

// Calls visit(offsets of four pixels, their weights) for each point of a bin that is inside.
template <class Visit>
INLINE void for_points(const RoiAlign& p, const Region& r, std::int64_t i, std::int64_t j,
                       Visit visit) {
    for (std::int64_t a = 0; a < r.grid_height; ++a) {
        const Place row = place_of(point_at(r.top, r.bin_height, i, a, r.grid_height), p.height);
        if (!row.inside) continue;
        for (std::int64_t b = 0; b < r.grid_width; ++b) {
            const Place column =
                place_of(point_at(r.left, r.bin_width, j, b, r.grid_width), p.width);
            if (!column.inside) continue;
            const std::int64_t high = row.high * p.width, low = row.low * p.width;
            const std::int64_t offsets[4] = {
                (low + column.low) * p.channels, (low + column.high) * p.channels,
                (high + column.low) * p.channels, (high + column.high) * p.channels};
            const float weights[4] = {
                (1.0F - row.weight) * (1.0F - column.weight), (1.0F - row.weight) * column.weight,
                row.weight * (1.0F - column.weight), row.weight * column.weight};
            visit(offsets, weights);
        }
    }
}

INLINE float share_of(const Region& r) {
    return 1.0F / static_cast<float>(larger(r.grid_height * r.grid_width, 1));
}

}  // namespace

void roi_align(const RoiAlign& p, const Region& region, const float* x, float* y) {
    const float* image = x + region.image * p.height * p.width * p.channels;
    const float share = share_of(region);
    for (std::int64_t i = 0; i < p.out_height; ++i)
        for (std::int64_t j = 0; j < p.out_width; ++j) {
            float* RESTRICT bin = y + (i * p.out_width + j) * p.channels;
#pragma omp simd
            for (std::int64_t c = 0; c < p.channels; ++c) bin[c] = 0.0F;
            for_points(p, region, i, j,
                       [&](const std::int64_t (&at)[4], const float (&w)[4])
                           __attribute__((always_inline)) {
                               const float *a = image + at[0], *b = image + at[1];
                               const float *d = image + at[2], *e = image + at[3];
#pragma omp simd
                               for (std::int64_t c = 0; c < p.channels; ++c)
                                   bin[c] += w[0] * a[c] + w[1] * b[c] + w[2] * d[c] + w[3] * e[c];
                           });
#pragma omp simd
            for (std::int64_t c = 0; c < p.channels; ++c) bin[c] *= share;
        }
}

void roi_align_grad(const RoiAlign& p, const Region* regions, const std::int64_t* numbers,
                    std::int64_t count, const float* dy, std::int64_t first, std::int64_t last,
                    float* dx) {
    for (std::int64_t k = 0; k < count; ++k) {
        const Region& region = regions[numbers[k]];
        float* image = dx + region.image * p.height * p.width * p.channels;
        const float share = share_of(region);
        const float* grad = dy + numbers[k] * p.out_height * p.out_width * p.channels;
        for (std::int64_t i = 0; i < p.out_height; ++i)
            for (std::int64_t j = 0; j < p.out_width; ++j) {
                const float* RESTRICT bin = grad + (i * p.out_width + j) * p.channels;
                for_points(p, region, i, j,
                           [&](const std::int64_t (&at)[4], const float (&w)[4])
                               __attribute__((always_inline)) {
                                   for (int t = 0; t < 4; ++t) {
                                       const float weight = w[t] * share;
                                       float* RESTRICT pixel = image + at[t];
#pragma omp simd
                                       for (std::int64_t c = first; c < last; ++c)
                                           pixel[c] += weight * bin[c];
                                   }
                               });
            }
    }
}

}  // namespace convlet::CONVLET_ISA
