// The strip: the pixels of the input that a block of output pixels looks at, in one small buffer.
//
// Where no tap leaves the image the strip is the image itself; elsewhere rows are copied with zeros
// around them. It never holds a pixel twice (no im2col): taps are offsets into it.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

struct Strip {
    const float* origin;      // where tap (0, 0) of output pixel (i0, j0) reads
    std::int64_t row, pixel;  // floats between its rows and pixels
};

struct Window {
    std::int64_t top, left, rows, columns;  // in input pixels; top and left may be negative
};

INLINE Window window_of(const Correlation& g, const PixelBlock& b) {
    return {b.i0 * g.step_h + g.origin_h, b.j0 * g.step_w + g.origin_w,
            (b.i1 - b.i0 - 1) * g.step_h + (g.kernel_h - 1) * g.dilation_h + 1,
            (b.j1 - b.j0 - 1) * g.step_w + (g.kernel_w - 1) * g.dilation_w + 1};
}

INLINE std::int64_t strip_size(const Correlation& g, const PixelBlock& b) {
    const Window w = window_of(g, b);
    return w.rows * w.columns * g.channels;
}

INLINE void copy_floats(const float* RESTRICT from, float* RESTRICT to, std::int64_t count) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

INLINE void zero_floats(float* RESTRICT to, std::int64_t count) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i] = 0.0F;
}

INLINE Strip make_strip(const Correlation& g, const PixelBlock& b, float* buffer) {
    const Window w = window_of(g, b);
    const float* image = g.x + b.image * g.height * g.width * g.x_pixel;
    const bool inside =
        w.top >= 0 && w.left >= 0 && w.top + w.rows <= g.height && w.left + w.columns <= g.width;
    if (inside)
        return {image + (w.top * g.width + w.left) * g.x_pixel, g.width * g.x_pixel, g.x_pixel};

    const std::int64_t before = smaller(larger(-w.left, 0), w.columns);
    const std::int64_t after = smaller(larger(w.left + w.columns - g.width, 0), w.columns - before);
    const std::int64_t middle = w.columns - before - after;
    for (std::int64_t r = 0; r < w.rows; ++r) {
        float* to = buffer + r * w.columns * g.channels;
        const std::int64_t y = w.top + r;
        if (y < 0 || y >= g.height) {
            zero_floats(to, w.columns * g.channels);
            continue;
        }
        zero_floats(to, before * g.channels);
        to += before * g.channels;
        const float* from = image + (y * g.width + w.left + before) * g.x_pixel;
        if (g.channels == g.x_pixel) {
            copy_floats(from, to, middle * g.channels);
        } else {
            for (std::int64_t p = 0; p < middle; ++p)
                copy_floats(from + p * g.x_pixel, to + p * g.channels, g.channels);
        }
        zero_floats(to + middle * g.channels, after * g.channels);
    }
    return {buffer, w.columns * g.channels, g.channels};
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
