// Depthwise convolution: every channel is filtered by itself, so the lanes run over the channels
// and each tap is one multiplication of a pixel by a row of weights.
//
// A few neighbouring output pixels of one or two rows are computed for all channels, a register of
// lanes at a time: memory is read as it lies, and each register of x serves all the taps and pixels
// that look at it.
#include "depthwise.hpp"

#include "activated.hpp"
#include "conv2d.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int PIXELS = 4;  // of a row at once: enough sums to hide the latency of adding

// Output pixels that are computed together, in one row or in two.
struct Group {
    const float* x;        // what the first of `columns` reads in tap row 0 of the first output row
    const float* weights;  // of that column in tap row 0: [row][tap][channel]
    float* y;
    std::int64_t columns;  // taps of a row that fall inside the image
    SharedRows rows;
};

// The part of an epilogue that follows when all channels of a pixel are stored: what needs more
// than a scale, a bias and a cut.
INLINE bool needs_more(const Epilogue& e) { return e.residual != nullptr || bends(e.activation); }

// Sums that began with their bias, or are to be scaled first.
template <int Lanes>
INLINE void store(const float (&sums)[Lanes], std::int64_t lanes, const Epilogue& e, std::int64_t c,
                  float* RESTRICT y) {
    const bool cutting = !needs_more(e);
    const float upper = cutting ? upper_cut(e.activation) : __builtin_huge_valf();
    if (e.scale != nullptr) {
        const float lower = cutting ? lower_cut(e.activation) : -__builtin_huge_valf();
        const float* RESTRICT scale = e.scale + c;
        const float* RESTRICT bias = e.bias == nullptr ? nullptr : e.bias + c;
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) {
            const float v = sums[l] * scale[l] + (bias == nullptr ? 0.0F : bias[l]);
            y[l] = cut(v, lower, upper);
        }
    } else if (cutting && cuts(e.activation)) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) y[l] = cut(sums[l], 0.0F, upper);
    } else {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) y[l] = sums[l];
    }
}

// Brings the stored sums of one pixel through the rest of the epilogue.
__attribute__((noinline)) void finish_pixel(const Correlation& g, float* y) {
    Epilogue e = g.epilogue;
    e.scale = e.bias = nullptr;
    if (e.residual != nullptr) e.residual += y - g.y;
    write_pixel(y, y, g.out_channels, e);
}

// Adds the taps of the rows `range` of x, which is not empty, to the sums of the output rows First
// to Last - 1.
template <int Lanes, int First, int Last, int Count, int Columns, int Step, int Rows>
INLINE void add_rows(const Correlation& g, const Group& group, const Range& range, std::int64_t c,
                     std::int64_t lanes, float (&sums)[Rows][Count][Lanes]) {
    const std::int64_t x_row = g.dilation_h * g.width * g.x_pixel, pixel = g.x_pixel;
    const std::int64_t w_tap = g.out_channels, w_row = g.kernel_w * w_tap;
    const float* RESTRICT x = group.x + range.first * x_row + c;
    const float* RESTRICT w = group.weights + (range.first - First * g.step_h) * w_row + c;
    const std::int64_t w_back = g.step_h * w_row;
    std::int64_t r = range.first;
    do {
        if constexpr (Columns > 0) {
            UNROLL
            for (int q = 0; q < (Count - 1) * Step + Columns; ++q) {
                const float* RESTRICT at = x + q * pixel;
                UNROLL
                for (int p = 0; p < Count; ++p) {
                    const int s = q - p * Step;
                    if (s < 0 || s >= Columns) continue;
                    UNROLL
                    for (int k = First; k < Last; ++k) {
                        const float* RESTRICT tap = w - (k - First) * w_back + s * w_tap;
#pragma omp simd
                        for (int l = 0; l < Lanes; ++l) sums[k][p][l] += tap[l] * at[l];
                    }
                }
            }
        } else {
            for (std::int64_t s = 0; s < group.columns; ++s) {
                const float* RESTRICT tap = w + s * w_tap;
                const float* RESTRICT at = x + s * g.dilation_w * pixel;
                UNROLL
                for (int p = 0; p < Count; ++p) {
#pragma omp simd
                    for (std::int64_t l = 0; l < lanes; ++l)
                        sums[First][p][l] += tap[l] * at[p * g.step_w * pixel + l];
                }
            }
        }
        x += x_row;
        w += w_row;
    } while (++r < range.last);
}

// Fetches what the same columns of the next Rows output rows read and write: the processor does not
// guess it, because a group walks along several pixels at once.
template <int Rows, int Count, int Step>
INLINE void fetch_next_rows(const Correlation& g, const Group& group, std::int64_t c) {
    const std::int64_t x_row = g.width * g.x_pixel;
    const float* x = group.x + ((Rows - 1) * g.step_h + g.kernel_h) * x_row + c;
    const float* y = group.y + Rows * g.y_row + c;
    UNROLL
    for (int k = 0; k < Rows * Step; ++k) {
        UNROLL
        for (int p = 0; p < Count * Step; ++p)
            __builtin_prefetch(x + k * x_row + p * g.x_pixel, 0, 2);
    }
    UNROLL
    for (int k = 0; k < Rows; ++k) {
        UNROLL
        for (int p = 0; p < Count; ++p) __builtin_prefetch(y + k * g.y_row + p * g.y_pixel, 1, 2);
    }
}

// One register of lanes from channel c on; `lanes` below Lanes leaves part of it empty.
template <int Lanes, int Rows, int Count, int Columns, int Step, int Parts>
INLINE void filter_lanes(const Correlation& g, const Group& group, std::int64_t c,
                         std::int64_t lanes) {
    const float* bias = g.epilogue.scale == nullptr ? g.epilogue.bias : nullptr;
    float sums[Rows][Count][Lanes];
    UNROLL
    for (int k = 0; k < Rows; ++k) {
        UNROLL
        for (int p = 0; p < Count; ++p) {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l)
                sums[k][p][l] = bias == nullptr ? 0.0F : bias[c + l];
        }
    }
    if constexpr ((Parts & UPPER) != 0)
        add_rows<Lanes, 0, 1, Count, Columns, Step>(g, group, group.rows.upper, c, lanes, sums);
    if constexpr ((Parts & SHARED) != 0)
        add_rows<Lanes, 0, 2, Count, Columns, Step>(g, group, group.rows.shared, c, lanes, sums);
    if constexpr ((Parts & LOWER) != 0)
        add_rows<Lanes, 1, 2, Count, Columns, Step>(g, group, group.rows.lower, c, lanes, sums);
    UNROLL
    for (int k = 0; k < Rows; ++k) {
        UNROLL
        for (int p = 0; p < Count; ++p)
            store(sums[k][p], lanes, g.epilogue, c, group.y + k * g.y_row + p * g.y_pixel + c);
    }
}

// `groups` groups side by side, all channels.
template <int Rows, int Count, int Columns, int Step, int Parts, bool Far = false>
__attribute__((noinline)) void filter(const Correlation& g, Group group, std::int64_t groups) {
    const std::int64_t channels = g.out_channels;
    for (std::int64_t n = 0; n < groups; ++n) {
        if (channels >= VECTOR) {
            for (std::int64_t block = 0; block * VECTOR < channels; ++block) {
                const std::int64_t c = lane_block_start(channels, block);
                if constexpr (Far) fetch_next_rows<Rows, Count, Step>(g, group, c);
                filter_lanes<VECTOR, Rows, Count, Columns, Step, Parts>(g, group, c, VECTOR);
            }
        } else if constexpr (Columns == 0) {
            filter_lanes<VECTOR, Rows, Count, 0, Step, Parts>(g, group, 0, channels);
        }
        if (needs_more(g.epilogue))
            for (int k = 0; k < Rows; ++k)
                for (int p = 0; p < Count; ++p)
                    finish_pixel(g, group.y + k * g.y_row + p * g.y_pixel);
        group.x += Count * g.step_w * g.x_pixel;
        group.y += Count * g.y_pixel;
    }
}

// The group of Rows output rows from row i on; where its columns start is said later.
template <int Rows>
INLINE Group group_of(const Correlation& g, const PixelBlock& b, std::int64_t i) {
    const std::int64_t top = i * g.step_h + g.origin_h;
    Group group{};
    group.x = g.x + (b.image * g.height + top) * g.width * g.x_pixel;
    group.y = g.y + b.image * g.y_image + i * g.y_row;
    if constexpr (Rows == 1) {
        group.rows.upper = taps_inside(top, g.dilation_h, g.kernel_h, g.height);
    } else {
        const Range image{-top, g.height - top};
        const std::int64_t apart = g.step_h, last = apart + g.kernel_h;
        group.rows.upper = common({0, smaller(apart, g.kernel_h)}, image);
        group.rows.shared = common({apart, g.kernel_h}, image);
        group.rows.lower = common({larger(apart, g.kernel_h), last}, image);
    }
    return group;
}

// The pixel in column j, of whose columns of taps any number may be inside the image.
template <int Rows, int Parts>
INLINE void filter_pixel(const Correlation& g, Group group, std::int64_t j, bool general) {
    const std::int64_t left = j * g.step_w + g.origin_w;
    const Range taps = taps_inside(left, g.dilation_w, g.kernel_w, g.width);
    group.x += (left + taps.first * g.dilation_w) * g.x_pixel;
    group.weights = g.packed + taps.first * g.out_channels;
    group.y += j * g.y_pixel;
    group.columns = taps.last - taps.first;
    if (general) return filter<1, 1, 0, 1, Parts & UPPER>(g, group, 1);
    switch (group.columns) {
        case 1:
            return filter<Rows, 1, 1, 1, Parts>(g, group, 1);
        case 2:
            return filter<Rows, 1, 2, 1, Parts>(g, group, 1);
        case 3:
            return filter<Rows, 1, 3, 1, Parts>(g, group, 1);
        case 4:
            return filter<Rows, 1, 4, 1, Parts>(g, group, 1);
        case 5:
            return filter<Rows, 1, 5, 1, Parts>(g, group, 1);
        default:  // none
            return filter<Rows, 1, 1, 1, 0>(g, group, 1);
    }
}

// Pixels [j, j + groups * Count), of which all taps of a row are inside the image.
template <int Rows, int Count, int Columns, int Step, int Parts>
INLINE void filter_inside(const Correlation& g, Group group, std::int64_t j, std::int64_t groups) {
    group.x += (j * g.step_w + g.origin_w) * g.x_pixel;
    group.weights = g.packed;
    group.y += j * g.y_pixel;
    group.columns = g.kernel_w;
    if constexpr (Count == PIXELS && Columns > 0) {
        if (is_far(g)) return filter<Rows, Count, Columns, Step, Parts, true>(g, group, groups);
    }
    filter<Rows, Count, Columns, Step, Parts>(g, group, groups);
}

// The columns [j0, j1) of Rows output rows, of which those of `inside` have all their taps of a row
// inside the image. Columns of 0 stands for taps of any number, distance and step.
template <int Rows, int Columns, int Step, int Parts>
__attribute__((noinline)) void filter_columns(const Correlation& g, const PixelBlock& b,
                                              const Group& row, const Range& inside) {
    constexpr bool GENERAL = Columns == 0;
    std::int64_t j = b.j0;
    for (; j < inside.first; ++j) filter_pixel<Rows, Parts>(g, row, j, GENERAL);
    const std::int64_t groups = (inside.last - j) / PIXELS;
    if (groups > 0) {
        filter_inside<Rows, PIXELS, Columns, Step, Parts>(g, row, j, groups);
        j += groups * PIXELS;
    }
    if constexpr (!GENERAL) {
        if (j + 2 <= inside.last) {
            filter_inside<Rows, 2, Columns, Step, Parts>(g, row, j, 1);
            j += 2;
        }
    }
    for (; j < b.j1; ++j) filter_pixel<Rows, Parts>(g, row, j, GENERAL);
}

template <int Columns, int Step>
INLINE void filter_row(const Correlation& g, const PixelBlock& b, std::int64_t i,
                       const Range& inside) {
    const Group row = group_of<1>(g, b, i);
    if (parts_of(row.rows) == UPPER)
        return filter_columns<1, Columns, Step, UPPER>(g, b, row, inside);
    filter_columns<1, Columns, Step, 0>(g, b, row, inside);
}

template <int Columns, int Step>
INLINE void filter_two_rows(const Correlation& g, const PixelBlock& b, std::int64_t i,
                            const Range& inside) {
    constexpr int ALL = UPPER | SHARED | LOWER;
    const Group rows = group_of<2>(g, b, i);
    switch (parts_of(rows.rows)) {
        case ALL:
            return filter_columns<2, Columns, Step, ALL>(g, b, rows, inside);
        case UPPER | SHARED:
            return filter_columns<2, Columns, Step, UPPER | SHARED>(g, b, rows, inside);
        case SHARED | LOWER:
            return filter_columns<2, Columns, Step, SHARED | LOWER>(g, b, rows, inside);
        default:
            filter_row<Columns, Step>(g, b, i, inside);
            return filter_row<Columns, Step>(g, b, i + 1, inside);
    }
}

template <int Columns, int Step>
__attribute__((noinline)) void filter_block(const Correlation& g, const PixelBlock& b) {
    const Range inside = common({b.j0, b.j1}, outputs_inside(g.out_width, g.origin_w, g.step_w,
                                                             g.kernel_w, g.dilation_w, g.width));
    std::int64_t i = b.i0;
    if constexpr (Columns > 0)
        for (; i + 2 <= b.i1; i += 2) filter_two_rows<Columns, Step>(g, b, i, inside);
    for (; i < b.i1; ++i) filter_row<Columns, Step>(g, b, i, inside);
}

}  // namespace

void depthwise(const Correlation& g, const PixelBlock& b) {
    const std::int64_t columns = is_plain(g) ? g.kernel_w : 0;
    if (columns == 1 && g.step_w == 1) return filter_block<1, 1>(g, b);
    if (columns == 2 && g.step_w == 1) return filter_block<2, 1>(g, b);
    if (columns == 3 && g.step_w == 1) return filter_block<3, 1>(g, b);
    if (columns == 5 && g.step_w == 1) return filter_block<5, 1>(g, b);
    if (columns == 3 && g.step_w == 2) return filter_block<3, 2>(g, b);
    if (columns == 5 && g.step_w == 2) return filter_block<5, 2>(g, b);
    filter_block<0, 1>(g, b);
}

}  // namespace convlet::CONVLET_ISA
