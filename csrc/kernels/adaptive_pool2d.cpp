// Pooling to a given number of windows, which differ in size by a pixel and may overlap by one.
#include "adaptive_pool2d.hpp"

#include "largest.hpp"
#include "windows.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Pixels of window i, where an axis of `size` pixels is cut into `out` windows.
INLINE Range window_at(std::int64_t i, std::int64_t size, std::int64_t out) {
    return {i * size / out, ceil_div((i + 1) * size, out)};
}

// Windows over a pixel: the same rule with the roles of pixels and windows exchanged.
INLINE Range windows_over(std::int64_t pixel, std::int64_t size, std::int64_t out) {
    return window_at(pixel, out, size);
}

INLINE std::int64_t length(Range r) { return r.last - r.first; }

// Calls body(rows, columns, number) for each window of a block, in the order of memory.
template <class Body>
INLINE void for_windows(const AdaptivePooling& p, const PixelBlock& b, Body body) {
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        const Range rows = window_at(i, p.height, p.out_height);
        const std::int64_t row = (b.image * p.out_height + i) * p.out_width;
        for (std::int64_t j = b.j0; j < b.j1; ++j)
            body(rows, window_at(j, p.width, p.out_width), row + j);
    }
}

// Calls body(h, pixels, rows, columns) for runs of neighbouring pixels of row h over which the
// same windows lie.
template <class Body>
INLINE void for_pixel_runs(const AdaptivePooling& p, const PixelBlock& b, Body body) {
    for (std::int64_t h = b.i0; h < b.i1; ++h) {
        const Range rows = windows_over(h, p.height, p.out_height);
        for (std::int64_t w = b.j0; w < b.j1;) {
            const Range columns = windows_over(w, p.width, p.out_width);
            const std::int64_t ends = window_at(columns.first, p.width, p.out_width).last;
            const std::int64_t starts = window_at(columns.last, p.width, p.out_width).first;
            const std::int64_t next = smaller(smaller(ends, starts), b.j1);
            body(h, Range{w, next}, rows, columns);
            w = next;
        }
    }
}

// Whether the indices of a window's channels name pixels of the window.
INLINE bool all_in(Range rows, Range columns, std::int64_t width, const std::int32_t* indices,
                   std::int64_t channels) {
    using Unsigned = std::uint32_t;
    const auto count = static_cast<Unsigned>(length(columns));
    Unsigned wrong = 0;
    if (length(columns) == width) {  // one run of pixels
        const auto first = static_cast<Unsigned>(rows.first * width);
        const auto all = static_cast<Unsigned>(length(rows) * width);
#pragma omp simd reduction(| : wrong)
        for (std::int64_t c = 0; c < channels; ++c)
            wrong |= static_cast<Unsigned>(indices[c]) - first >= all ? 1U : 0U;
        return wrong == 0;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        Unsigned found = 0;
        for (std::int64_t h = rows.first; h < rows.last; ++h) {
            const auto first = static_cast<Unsigned>(h * width + columns.first);
            found |= static_cast<Unsigned>(indices[c]) - first < count ? 1U : 0U;
        }
        wrong |= found ^ 1U;
    }
    return wrong == 0;
}

}  // namespace

void adaptive_max_pool2d_forward(const AdaptivePooling& p, const PoolTask& task, const float* x,
                                 float* y, std::int32_t* indices) {
    const std::int64_t channels = p.channels;
    const float* image = x + task.block.image * p.height * p.width * channels;
    for_windows(p, task.block, [&](Range rows, Range columns, std::int64_t window) {
        const std::int64_t first = rows.first * p.width + columns.first;
        const Taps taps{p.width * channels, channels, length(rows),
                        length(columns),    first,    p.width};
        for_channels(task.c0, task.c1, channels < FEW,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             const std::int64_t at = window * channels + c;
                             largest<0, 0, Lanes>(taps, count, image + first * channels + c, y + at,
                                                  indices + at);
                         });
    });
}

bool adaptive_max_pool2d_valid(const AdaptivePooling& p, const PixelBlock& windows,
                               const std::int32_t* indices) {
    bool good = true;
    for_windows(p, windows, [&](Range rows, Range columns, std::int64_t window) {
        good &= all_in(rows, columns, p.width, indices + window * p.channels, p.channels);
    });
    return good;
}

void adaptive_max_pool2d_grad(const AdaptivePooling& p, const PixelBlock& pixels, const float* dy,
                              const std::int32_t* indices, float* dx) {
    const std::int64_t channels = p.channels;
    const std::int64_t first = pixels.image * p.out_height * p.out_width;
    const auto gather = [&](std::int64_t pixel, Range rows, Range columns) {
        float* to = dx + (pixels.image * p.height * p.width + pixel) * channels;
        const auto here = static_cast<std::int32_t>(pixel);
        for_channels(
            0, channels, channels < FEW,
            [&]<int Lanes>(std::int64_t c, std::int64_t count) __attribute__((always_inline)) {
                const std::int64_t lanes = lanes_or<Lanes>(count);
                float sum[ROOM<Lanes>];
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                for (std::int64_t i = rows.first; i < rows.last; ++i)
                    for (std::int64_t j = columns.first; j < columns.last; ++j) {
                        const std::int64_t at = (first + i * p.out_width + j) * channels + c;
                // dy is read whatever the index, which spares masked loads.
#pragma omp simd
                        for (std::int64_t l = 0; l < lanes; ++l) {
                            const float all = dy[at + l];
                            sum[l] += indices[at + l] == here ? all : 0.0F;
                        }
                    }
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) to[c + l] = sum[l];
            });
    };
    for_pixel_runs(p, pixels, [&](std::int64_t h, Range run, Range rows, Range columns) {
        for (std::int64_t w = run.first; w < run.last; ++w) gather(h * p.width + w, rows, columns);
    });
}

void adaptive_avg_pool2d_forward(const AdaptivePooling& p, const PoolTask& task, const float* x,
                                 float* y) {
    const std::int64_t channels = p.channels;
    const float* image = x + task.block.image * p.height * p.width * channels;
    for_windows(p, task.block, [&](Range rows, Range columns, std::int64_t window) {
        const auto area = static_cast<float>(length(rows) * length(columns));
        for_channels(
            task.c0, task.c1, channels < FEW,
            [&]<int Lanes>(std::int64_t c, std::int64_t count) __attribute__((always_inline)) {
                const std::int64_t lanes = lanes_or<Lanes>(count);
                float sum[ROOM<Lanes>];
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                for (std::int64_t h = rows.first; h < rows.last; ++h) {
                    const float* tap = image + (h * p.width + columns.first) * channels + c;
                    for (std::int64_t w = columns.first; w < columns.last; ++w, tap += channels) {
#pragma omp simd
                        for (std::int64_t l = 0; l < lanes; ++l) sum[l] += tap[l];
                    }
                }
                float* RESTRICT to = y + window * channels + c;
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) to[l] = sum[l] / area;
            });
    });
}

void adaptive_avg_pool2d_grad(const AdaptivePooling& p, const PixelBlock& pixels, const float* dy,
                              float* dx) {
    const std::int64_t channels = p.channels;
    const float* image = dy + pixels.image * p.out_height * p.out_width * channels;
    for_pixel_runs(p, pixels, [&](std::int64_t h, Range run, Range rows, Range columns) {
        float* to = dx + ((pixels.image * p.height + h) * p.width + run.first) * channels;
        for_channels(
            0, channels, channels < FEW,
            [&]<int Lanes>(std::int64_t c, std::int64_t count) __attribute__((always_inline)) {
                const std::int64_t lanes = lanes_or<Lanes>(count);
                float sum[ROOM<Lanes>];
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                for (std::int64_t i = rows.first; i < rows.last; ++i)
                    for (std::int64_t j = columns.first; j < columns.last; ++j) {
                        const auto area =
                            static_cast<float>(length(window_at(i, p.height, p.out_height)) *
                                               length(window_at(j, p.width, p.out_width)));
                        const float* RESTRICT from = image + (i * p.out_width + j) * channels + c;
#pragma omp simd
                        for (std::int64_t l = 0; l < lanes; ++l) sum[l] += from[l] / area;
                    }
                for (std::int64_t k = 0; k < length(run); ++k) {
#pragma omp simd
                    for (std::int64_t l = 0; l < lanes; ++l) to[k * channels + c + l] = sum[l];
                }
            });
    });
}

}  // namespace convlet::CONVLET_ISA
