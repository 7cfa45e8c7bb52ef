// Planes: the pixels of a block channel by channel, so that a register holds neighbouring pixels.
#pragma once

#include "simd.hpp"
#include "strip.hpp"
#include "transpose.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int TILE = WIDEST >= 4 ? 2 * VECTOR : VECTOR;  // pixels

// The strip of a block: for each of `rows` rows and each channel `width` floats, whole tiles and
// the taps.
struct Planes {
    std::int64_t rows, width;
};

INLINE Planes planes_of(const Correlation& g, const PixelBlock& b) {
    return {(b.i1 - b.i0 - 1) * g.step_h + 1 + (g.kernel_h - 1) * g.dilation_h,
            (b.j1 - b.j0 + TILE - 1) / TILE * TILE + (g.kernel_w - 1) * g.dilation_w};
}

__attribute__((noinline)) void transpose_block(const float* from, std::int64_t from_step,
                                               std::int64_t rows, std::int64_t columns, float* to,
                                               std::int64_t to_step) {
    transpose(from, from_step, rows, columns, to, to_step);
}

// Pixels outside the image are zeros.
INLINE void copy_planes(const Correlation& g, const PixelBlock& b, const Planes& planes,
                        float* RESTRICT to) {
    const float* image = g.x + b.image * g.height * g.width * g.x_pixel;
    const std::int64_t top = b.i0 * g.step_h + g.origin_h, left = b.j0 + g.origin_w;
    const std::int64_t first = smaller(larger(-left, 0), planes.width);
    const std::int64_t last = larger(first, smaller(planes.width, g.width - left));
    for (std::int64_t r = top; r < top + planes.rows; ++r, to += g.channels * planes.width) {
        if (r < 0 || r >= g.height) {
            zero_floats(to, g.channels * planes.width);
            continue;
        }
        for (std::int64_t c = 0; c < g.channels; ++c) {
            zero_floats(to + c * planes.width, first);
            zero_floats(to + c * planes.width + last, planes.width - last);
        }
        const float* from = image + (r * g.width + left + first) * g.x_pixel;
        if (g.x_pixel == 1)
            copy_floats(from, to + first, last - first);
        else
            transpose_block(from, g.x_pixel, last - first, g.channels, to + first, planes.width);
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
