// What the depthwise kernels share: which outputs lie inside the image, and how channels are cut.
#pragma once

#include "simd.hpp"
#include "windows.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t FAR_FLOATS = std::int64_t{1} << 22;  // more than the caches hold

// Whether x and y come from memory, so that fetching the next rows ahead pays.
INLINE bool is_far(const Correlation& g) {
    return g.images * (g.height * g.width * g.x_pixel + g.y_image) > FAR_FLOATS;
}

// Geometries of which the usual kernels have loops of their own.
INLINE bool is_plain(const Correlation& g) {
    return g.dilation_h == 1 && g.dilation_w == 1 && g.step_w <= 2 && g.out_channels >= VECTOR;
}

// First channel of a block of VECTOR lanes. The last block overlaps the one before: computing a
// channel twice is cheaper than filling part of a register.
INLINE std::int64_t lane_block_start(std::int64_t channels, std::int64_t block) {
    return larger(0, smaller(block * VECTOR, channels - VECTOR));
}

// Rows of x that serve only the first of two rows of y, both, only the second. Loops around sums
// must run once at least, so a kernel knows as a constant which of the three it has.
struct SharedRows {
    Range upper, shared, lower;
};
constexpr int UPPER = 1, SHARED = 2, LOWER = 4;

INLINE int parts_of(const SharedRows& rows) {
    return (rows.upper.first < rows.upper.last ? UPPER : 0) |
           (rows.shared.first < rows.shared.last ? SHARED : 0) |
           (rows.lower.first < rows.lower.last ? LOWER : 0);
}

// The outputs of one axis all of whose taps are inside the image.
INLINE Range outputs_inside(std::int64_t outputs, std::int64_t origin, std::int64_t step,
                            std::int64_t taps, std::int64_t dilation, std::int64_t size) {
    const std::int64_t room = size - 1 - origin - (taps - 1) * dilation;
    return common({0, outputs},
                  {ceil_div(larger(-origin, 0), step), room < 0 ? 0 : room / step + 1});
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
