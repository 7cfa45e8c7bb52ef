// The strip: the pixels of the input that a block of output pixels looks at, in one small buffer.
//
// Where no tap leaves the image the strip is the image itself; elsewhere rows are copied with zeros
// around them. It is no im2col: taps are offsets into it, and only where dilated taps lie so far
// apart that their rows or columns do not overlap does each have a piece of its own.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

struct Strip {
    const float* origin;              // where tap (0, 0) of output pixel (i0, j0) reads
    std::int64_t row, pixel;          // floats between neighbouring pixels of the input
    std::int64_t tap_row, tap_pixel;  // floats between neighbouring taps
};

// One axis of a strip: `pieces` runs of `length` pixels, each `apart` pixels after the one before.
struct StripAxis {
    std::int64_t start, pieces, length, apart;
};

INLINE StripAxis strip_axis(std::int64_t first, std::int64_t last, std::int64_t step,
                            std::int64_t origin, std::int64_t taps, std::int64_t dilation) {
    const std::int64_t span = (last - first - 1) * step + 1;
    const std::int64_t start = first * step + origin;
    if (dilation > span) return {start, taps, span, dilation};
    return {start, 1, span + (taps - 1) * dilation, 0};
}

INLINE StripAxis rows_of(const Correlation& g, const PixelBlock& b) {
    return strip_axis(b.i0, b.i1, g.step_h, g.origin_h, g.kernel_h, g.dilation_h);
}

INLINE StripAxis columns_of(const Correlation& g, const PixelBlock& b) {
    return strip_axis(b.j0, b.j1, g.step_w, g.origin_w, g.kernel_w, g.dilation_w);
}

INLINE std::int64_t strip_size(const Correlation& g, const PixelBlock& b) {
    const StripAxis rows = rows_of(g, b), columns = columns_of(g, b);
    return rows.pieces * rows.length * columns.pieces * columns.length * g.channels;
}

INLINE bool inside(const StripAxis& a, std::int64_t size) {
    return a.start >= 0 && a.start + (a.pieces - 1) * a.apart + a.length <= size;
}

// By registers, quarters of one and single floats: a call costs more than most copies here.
template <int Lanes>
INLINE std::int64_t copy_lanes(const float* RESTRICT from, float* RESTRICT to, std::int64_t i,
                               std::int64_t count) {
    for (; i + Lanes <= count; i += Lanes) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) to[i + l] = from[i + l];
    }
    return i;
}

INLINE void copy_floats(const float* RESTRICT from, float* RESTRICT to, std::int64_t count) {
    std::int64_t i = copy_lanes<VECTOR>(from, to, 0, count);
    if constexpr (VECTOR > 4) i = copy_lanes<4>(from, to, i, count);
    copy_lanes<1>(from, to, i, count);
}

template <int Lanes>
INLINE std::int64_t zero_lanes(float* RESTRICT to, std::int64_t i, std::int64_t count) {
    for (; i + Lanes <= count; i += Lanes) {
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) to[i + l] = 0.0F;
    }
    return i;
}

INLINE void zero_floats(float* RESTRICT to, std::int64_t count) {
    std::int64_t i = zero_lanes<VECTOR>(to, 0, count);
    if constexpr (VECTOR > 4) i = zero_lanes<4>(to, i, count);
    zero_lanes<1>(to, i, count);
}

// `length` pixels of an image row from column `start` on, zeros where they leave it.
INLINE void copy_run(const Correlation& g, const float* row, std::int64_t start,
                     std::int64_t length, float* to) {
    const std::int64_t before = smaller(larger(-start, 0), length);
    const std::int64_t after = smaller(larger(start + length - g.width, 0), length - before);
    const std::int64_t middle = length - before - after;
    zero_floats(to, before * g.channels);
    to += before * g.channels;
    const float* from = row + (start + before) * g.x_pixel;
    if (g.channels == g.x_pixel) {
        copy_floats(from, to, middle * g.channels);
    } else {
        for (std::int64_t p = 0; p < middle; ++p)
            copy_floats(from + p * g.x_pixel, to + p * g.channels, g.channels);
    }
    zero_floats(to + middle * g.channels, after * g.channels);
}

INLINE Strip make_strip(const Correlation& g, const PixelBlock& b, float* buffer,
                        bool must_copy = false) {
    const StripAxis rows = rows_of(g, b), columns = columns_of(g, b);
    const float* image = g.x + b.image * g.height * g.width * g.x_pixel;
    if (!must_copy && inside(rows, g.height) && inside(columns, g.width)) {
        const std::int64_t row = g.width * g.x_pixel;
        return {image + rows.start * row + columns.start * g.x_pixel, row, g.x_pixel,
                g.dilation_h * row, g.dilation_w * g.x_pixel};
    }
    const std::int64_t width = columns.pieces * columns.length * g.channels;
    float* to = buffer;
    for (std::int64_t piece = 0; piece < rows.pieces; ++piece) {
        for (std::int64_t r = 0; r < rows.length; ++r) {
            const std::int64_t y = rows.start + piece * rows.apart + r;
            if (y < 0 || y >= g.height) {
                zero_floats(to, width);
                to += width;
                continue;
            }
            for (std::int64_t q = 0; q < columns.pieces; ++q) {
                copy_run(g, image + y * g.width * g.x_pixel, columns.start + q * columns.apart,
                         columns.length, to);
                to += columns.length * g.channels;
            }
        }
    }
    return {buffer, width, g.channels, (rows.pieces > 1 ? rows.length : g.dilation_h) * width,
            (columns.pieces > 1 ? columns.length : g.dilation_w) * g.channels};
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
