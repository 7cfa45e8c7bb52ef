// The loops that max and average pooling share: over windows, and over pixels for the gradients.
//
// Each has a fast part for what lies inside the image, where taps are the same from one window or
// pixel to the next, and a general one for the border.
#pragma once

#include "channels.hpp"
#include "windows.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Windows of one row, one after the other. Pixels and windows are numbered through all images.
struct WindowRun {
    std::int64_t i, j;    // the first window
    std::int64_t count;   // of windows; their taps that lie in the image are the same
    Range rows, columns;  // of these taps
    std::int64_t input;   // the pixel of the first window's first tap; then every stride_w
    std::int64_t output;  // the number of the first window
    bool exact;           // lanes must not leave a pixel's channels
};

// Cuts the windows of a block into runs, in the order of their memory.
template <class Body>
INLINE void for_window_runs(const Pooling& p, const PixelBlock& b, Body body) {
    const Axis down = rows_of(p), across = columns_of(p);
    const Range whole = whole_windows(across);
    const std::int64_t pixels = p.images * p.height * p.width, extra = overrun(p.channels);
    const bool full_width = b.j0 == 0 && b.j1 == p.out_width;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        const Range rows = taps_of(down, i);
        const std::int64_t row = (b.image * p.out_height + i) * p.out_width;
        const std::int64_t first_row =
            b.image * p.height + start_of(down, i) + rows.first * p.dilation_h;
        const std::int64_t last_row = first_row + (rows.last - 1 - rows.first) * p.dilation_h;
        // Lanes may run over into the windows of this block and over pixels that exist.
        const std::int64_t end = (full_width ? (b.i1 - i) * p.out_width : b.j1) - extra;
        const std::int64_t reach = (p.kernel_w - 1) * p.dilation_w - p.padding_w + extra;
        const std::int64_t readable = ceil_div(pixels - last_row * p.width - reach, p.stride_w);
        const std::int64_t free = extra == 0 ? b.j1 : smaller(end, readable);
        for (std::int64_t j = b.j0; j < b.j1;) {
            const bool inside = j >= whole.first && j < smaller(whole.last, free);
            const std::int64_t next = inside ? smaller(smaller(whole.last, free), b.j1) : j + 1;
            const Range columns = inside ? Range{0, p.kernel_w} : taps_of(across, j);
            body(WindowRun{i, j, next - j, rows, columns,
                           first_row * p.width + start_of(across, j) + columns.first * p.dilation_w,
                           row + j, j >= free});
            j = next;
        }
    }
}

// A window with a tap on some pixel, and the position of that tap in the window.
struct Tap {
    std::int64_t window, position;
};

constexpr std::int64_t MOST_TAPS = 64, MOST_PHASES = 16;

struct TapList {
    std::int64_t count;
    Tap taps[MOST_TAPS];
};

// Windows [rows) x [columns) that may have a tap on pixel (h, w), visited in their order.
struct Covering {
    std::int64_t image, h, w;
    Range rows, columns;
    std::int64_t i, j;  // the next one
};

// Whether a tap lies `distance` after the start of its window, and which; mostly no division.
INLINE bool is_tap(std::int64_t distance, std::int64_t dilation, std::int64_t& tap) {
    tap = distance;
    if (dilation == 1) return true;
    tap = distance / dilation;
    return tap * dilation == distance;
}

// Lists the next taps on the pixel, as many as fit; false when there are no more to come.
INLINE bool next_taps(const Pooling& p, Covering& at, TapList& list) {
    std::int64_t r, s;
    for (; at.i < at.rows.last; ++at.i, at.j = at.columns.first) {
        if (!is_tap(at.h + p.padding_h - at.i * p.stride_h, p.dilation_h, r)) continue;
        const std::int64_t row = (at.image * p.out_height + at.i) * p.out_width;
        for (; at.j < at.columns.last; ++at.j) {
            if (!is_tap(at.w + p.padding_w - at.j * p.stride_w, p.dilation_w, s)) continue;
            if (list.count == MOST_TAPS) return true;
            list.taps[list.count++] = {row + at.j, r * p.kernel_w + s};
        }
    }
    return false;
}

// Pixels a stride apart are of the same phase: their windows lie alike.
struct Phases {
    std::int64_t first_window[MOST_PHASES];  // counted from the last that starts before the pixel
    // Of the first pixel whose windows all exist: its phase, and the last window that starts
    // before it.
    std::int64_t start_phase, start_window;
};

INLINE bool fit_phases(const Pooling& p) {
    return p.stride_w <= MOST_PHASES && p.kernel_h * p.kernel_w <= MOST_TAPS;
}

INLINE Phases phases_of(const Pooling& p, std::int64_t start) {
    const std::int64_t span = (p.kernel_w - 1) * p.dilation_w;
    Phases phases;
    for (std::int64_t phase = 0; phase < p.stride_w; ++phase)
        phases.first_window[phase] = ceil_div(phase - span, p.stride_w);
    phases.start_phase = (start + p.padding_w) % p.stride_w;
    phases.start_window = (start + p.padding_w) / p.stride_w;
    return phases;
}

// The taps on the pixels of one row by phase.
struct RowTaps {
    std::int64_t first[MOST_PHASES + 1];  // of a phase, in the list
    TapList list;
};

__attribute__((noinline)) inline void find_row_taps(const Pooling& p, const Phases& phases,
                                                    std::int64_t image, std::int64_t h, Range rows,
                                                    RowTaps& taps) {
    taps.list.count = 0;
    for (std::int64_t phase = 0; phase < p.stride_w; ++phase) {
        taps.first[phase] = taps.list.count;
        const Range columns{phases.first_window[phase], 1};
        Covering at{image, h, phase - p.padding_w, rows, columns, rows.first, columns.first};
        next_taps(p, at, taps.list);
    }
    taps.first[p.stride_w] = taps.list.count;
}

// Pixels [first, last) of row h, whose windows may lie beyond the border.
template <class Source>
__attribute__((noinline)) void gather_border(const Pooling& p, std::int64_t image, std::int64_t h,
                                             Range pixels, std::int64_t free, const Source& source,
                                             float* dx) {
    const Axis across = columns_of(p);
    const Range rows = windows_over(rows_of(p), h);
    for (std::int64_t w = pixels.first; w < pixels.last; ++w) {
        const Range columns = windows_over(across, w);
        Covering at{image, h, w, rows, columns, rows.first, columns.first};
        float* to = dx + ((image * p.height + h) * p.width + w) * p.channels;
        for (bool more = true, resume = false; more; resume = true) {
            TapList list;
            list.count = 0;
            more = next_taps(p, at, list);
            for_channels(0, p.channels, w >= free,
                         [&]<int Lanes>(std::int64_t c, std::int64_t count)
                             __attribute__((always_inline)) {
                                 add_taps<Lanes>(source, list.taps, list.count, 0, p.channels, c,
                                                 count, resume, to + c);
                             });
        }
    }
}

// dx of a block of pixels: each is the sum of add_taps<Lanes>(source, …) over its taps.
template <class Source>
INLINE void gather(const Pooling& p, const PixelBlock& b, const Source& source, float* dx) {
    const std::int64_t windows = p.images * p.out_height * p.out_width;
    const std::int64_t extra = overrun(p.channels);
    const bool full_width = b.j0 == 0 && b.j1 == p.width;
    const Range all{b.j0, b.j1};
    // Pixels whose windows all exist.
    const std::int64_t span = (p.kernel_w - 1) * p.dilation_w;
    const Range inner = common(all, fit_phases(p) ? Range{span - p.padding_w - p.stride_w + 1,
                                                          p.out_width * p.stride_w - p.padding_w}
                                                  : Range{0, 0});
    Phases phases;
    if (inner.first < inner.last) phases = phases_of(p, inner.first);
    for (std::int64_t h = b.i0; h < b.i1; ++h) {
        const Range rows = windows_over(rows_of(p), h);
        // Lanes may run over into the pixels of this block and over windows that exist.
        const std::int64_t last = (b.image * p.out_height + rows.last) * p.out_width;
        const std::int64_t end = (full_width ? (b.i1 - h) * p.width : b.j1) - extra;
        const std::int64_t free = last + extra > windows && extra > 0 ? b.j0 : end;
        const Range fast = {inner.first, smaller(inner.last, free)};
        if (fast.first >= fast.last) {
            gather_border(p, b.image, h, all, free, source, dx);
            continue;
        }
        if (b.j0 < fast.first) gather_border(p, b.image, h, {b.j0, fast.first}, free, source, dx);
        RowTaps taps;
        find_row_taps(p, phases, b.image, h, rows, taps);
        float* to = dx + ((b.image * p.height + h) * p.width + fast.first) * p.channels;
        std::int64_t phase = phases.start_phase, base = phases.start_window;
        for (std::int64_t w = fast.first; w < fast.last; ++w, to += p.channels) {
            const Tap* first = taps.list.taps + taps.first[phase];
            const std::int64_t count = taps.first[phase + 1] - taps.first[phase];
            for_channels(0, p.channels, false,
                         [&]<int Lanes>(std::int64_t c, std::int64_t)
                             __attribute__((always_inline)) {
                                 add_taps<Lanes>(source, first, count, base, p.channels, c, Lanes,
                                                 false, to + c);
                             });
            if (++phase == p.stride_w) {
                phase = 0;
                ++base;
            }
        }
        if (fast.last < b.j1) gather_border(p, b.image, h, {fast.last, b.j1}, free, source, dx);
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
