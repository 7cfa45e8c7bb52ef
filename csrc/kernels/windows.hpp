// Which taps of a window lie in the image, and which windows a pixel lies in.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// A half-open range: of taps, of pixels, of windows.
struct Range {
    std::int64_t first, last;
};

INLINE std::int64_t ceil_div(std::int64_t a, std::int64_t b) {  // b > 0, a of either sign
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

// The part of a that lies in b; an empty one ends where it begins, inside a.
INLINE Range common(Range a, Range b) {
    const std::int64_t first = smaller(larger(a.first, b.first), a.last);
    return {first, larger(first, smaller(a.last, b.last))};
}

// Taps of a window that starts at pixel `start` and lie in [0, size).
INLINE Range taps_inside(std::int64_t start, std::int64_t dilation, std::int64_t kernel,
                         std::int64_t size) {
    return common({0, kernel}, {ceil_div(-start, dilation), ceil_div(size - start, dilation)});
}

// One axis of a pooling.
struct Axis {
    std::int64_t size, kernel, stride, padding, dilation, out_size;
};

INLINE Axis rows_of(const Pooling& p) {
    return {p.height, p.kernel_h, p.stride_h, p.padding_h, p.dilation_h, p.out_height};
}
INLINE Axis columns_of(const Pooling& p) {
    return {p.width, p.kernel_w, p.stride_w, p.padding_w, p.dilation_w, p.out_width};
}

INLINE std::int64_t start_of(const Axis& a, std::int64_t window) {
    return window * a.stride - a.padding;
}

INLINE Range taps_of(const Axis& a, std::int64_t window) {
    return taps_inside(start_of(a, window), a.dilation, a.kernel, a.size);
}

// Windows whose taps are all inside the image.
INLINE Range whole_windows(const Axis& a) {
    const std::int64_t span = (a.kernel - 1) * a.dilation;
    return {ceil_div(a.padding, a.stride), ceil_div(a.size - span + a.padding, a.stride)};
}

// Windows whose first and last tap have the pixel between them.
INLINE Range windows_over(const Axis& a, std::int64_t pixel) {
    const std::int64_t span = (a.kernel - 1) * a.dilation;
    return common({0, a.out_size}, {ceil_div(pixel + a.padding - span, a.stride),
                                    ceil_div(pixel + a.padding + 1, a.stride)});
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
