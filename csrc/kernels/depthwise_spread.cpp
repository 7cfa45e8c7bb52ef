// Gradient of the input of a depthwise convolution with stride 2, all phases together.
//
// y[n, h, w, k] = sum over i, j of x[n, i, j, k] * b[h - 2i - origin_h, w - 2j - origin_w, k]
//
// Two neighbours of a row of y read the same pixels of x by every other tap each. Some such pairs
// of two rows are computed at once, a register of lanes at a time: rows of y are written as they
// lie, and each register of x serves all the taps and pixels that look at it. Sums are made in the
// order in which phases would make them.
#include "conv2d.hpp"
#include "depthwise.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int MOST_PAIRS = WIDEST > 2 ? 4 : 2;  // as many sums as the registers hold

// Pairs of pixels side by side, in one row of y or in two.
struct Pairs {
    const float* x;        // the first column that they read of row `row`
    const float* weights;  // of tap row `tap` for the first row of y
    float* y;
    SharedRows rows;  // counted from `row` on
};

// Which of its pair a tap of a row reaches, and by how many pixels of x later than the pair's own.
// Odd: a pair's first pixel is reached by the taps of odd number.
template <bool Odd>
constexpr int pixel_of(int tap) {
    return (tap + (Odd ? 1 : 0)) % 2;
}
template <bool Odd>
constexpr int shift_of(int tap) {
    return (pixel_of<Odd>(tap) + (Odd ? 1 : 0) - tap) / 2;  // without a remainder
}
template <int Columns, bool Odd>
constexpr int LEAST_SHIFT =
    shift_of<Odd>(Columns - 1) < shift_of<Odd>(Columns - 2) ? shift_of<Odd>(Columns - 1)
                                                            : shift_of<Odd>(Columns - 2);
template <bool Odd>
constexpr int MOST_SHIFT = Odd ? 1 : 0;

// Adds the rows `range` of x, which is not empty, to the sums of the rows First to Last - 1 of y.
template <int First, int Last, int Count, int Columns, bool Odd, int Rows>
INLINE void add_rows(const Correlation& g, const Pairs& pairs, const Range& range, std::int64_t c,
                     float (&sums)[Rows][2 * Count][VECTOR]) {
    constexpr int LEAST = LEAST_SHIFT<Columns, Odd>;
    const std::int64_t x_row = g.width * g.x_pixel, pixel = g.x_pixel;
    const std::int64_t w_tap = g.out_channels, w_row = g.kernel_w * w_tap;
    const float* RESTRICT x = pairs.x + range.first * x_row + c;
    const float* RESTRICT w = pairs.weights + (First - 2 * range.first) * w_row + c;
    std::int64_t i = range.first;
    do {  // loops around sums must run once at least
        UNROLL
        for (int q = 0; q < Count + MOST_SHIFT<Odd> - LEAST; ++q) {
            const float* RESTRICT at = x + q * pixel;
            UNROLL
            for (int s = Columns - 1; s >= 0; --s) {
                const int p = q + LEAST - shift_of<Odd>(s);
                if (p < 0 || p >= Count) continue;
                UNROLL
                for (int k = First; k < Last; ++k) {
                    const float* RESTRICT tap = w + (k - First) * w_row + s * w_tap;
                    float* RESTRICT sum = sums[k][2 * p + pixel_of<Odd>(s)];
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) sum[l] += tap[l] * at[l];
                }
            }
        }
        x += x_row;
        w -= 2 * w_row;
    } while (++i < range.last);
}

// Fetches what the same pairs of the next Rows rows of y read and write.
template <int Rows, int Count>
INLINE void fetch_next_rows(const Correlation& g, const Pairs& pairs, std::int64_t c) {
    const float* x =
        pairs.x + larger(pairs.rows.upper.last, pairs.rows.lower.last) * g.width * g.x_pixel + c;
    const float* y = pairs.y + Rows * g.y_row + c;
    UNROLL
    for (int p = 0; p < Count; ++p) __builtin_prefetch(x + p * g.x_pixel, 0, 2);
    UNROLL
    for (int k = 0; k < Rows; ++k) {
        UNROLL
        for (int p = 0; p < 2 * Count; ++p)
            __builtin_prefetch(y + k * g.y_row + p * g.y_pixel, 1, 2);
    }
}

// `groups` times Count pairs side by side, all channels.
template <int Rows, int Count, int Columns, bool Odd, int Parts, bool Far>
__attribute__((noinline)) void spread_pairs(const Correlation& g, Pairs pairs,
                                            std::int64_t groups) {
    const float* bias = g.epilogue.bias;
    for (std::int64_t n = 0; n < groups; ++n) {
        for (std::int64_t block = 0; block * VECTOR < g.out_channels; ++block) {
            const std::int64_t c = lane_block_start(g.out_channels, block);
            if constexpr (Far) fetch_next_rows<Rows, Count>(g, pairs, c);
            float sums[Rows][2 * Count][VECTOR];
            UNROLL
            for (int k = 0; k < Rows; ++k) {
                UNROLL
                for (int p = 0; p < 2 * Count; ++p) {
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l)
                        sums[k][p][l] = bias == nullptr ? 0.0F : bias[c + l];
                }
            }
            if constexpr ((Parts & UPPER) != 0)
                add_rows<0, 1, Count, Columns, Odd>(g, pairs, pairs.rows.upper, c, sums);
            if constexpr ((Parts & SHARED) != 0)
                add_rows<0, 2, Count, Columns, Odd>(g, pairs, pairs.rows.shared, c, sums);
            if constexpr ((Parts & LOWER) != 0)
                add_rows<1, 2, Count, Columns, Odd>(g, pairs, pairs.rows.lower, c, sums);
            UNROLL
            for (int k = 0; k < Rows; ++k) {
                UNROLL
                for (int p = 0; p < 2 * Count; ++p) {
                    float* RESTRICT y = pairs.y + k * g.y_row + p * g.y_pixel + c;
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) y[l] = sums[k][p][l];
                }
            }
        }
        pairs.x += Count * g.x_pixel;
        pairs.y += 2 * Count * g.y_pixel;
    }
}

// Pixels of x, counted from number (at - origin) / 2 on, that reach pixel `at` of y or the one
// after it, by taps inside the kernel.
INLINE Range reaching(std::int64_t at, std::int64_t origin, std::int64_t taps, std::int64_t size,
                      std::int64_t after) {
    const std::int64_t odd = (at - origin) % 2 + after, middle = (at - origin) / 2;
    return common({ceil_div(odd - taps + 1, 2), odd / 2 + 1}, {-middle, size - middle});
}

// One pixel of y, whose taps may be outside of x.
__attribute__((noinline)) void spread_pixel(const Correlation& g, std::int64_t image,
                                            std::int64_t h, std::int64_t w) {
    const Range rows = reaching(h, g.origin_h, g.kernel_h, g.height, 0);
    const Range columns = reaching(w, g.origin_w, g.kernel_w, g.width, 0);
    const std::int64_t i = (h - g.origin_h) / 2, j = (w - g.origin_w) / 2;
    const std::int64_t top = (h - g.origin_h) % 2, left = (w - g.origin_w) % 2;
    const float* x = g.x + ((image * g.height + i) * g.width + j) * g.x_pixel;
    const float* weights = g.packed + (top * g.kernel_w + left) * g.out_channels;
    float* y = g.y + image * g.y_image + h * g.y_row + w * g.y_pixel;
    for (std::int64_t block = 0; block * VECTOR < g.out_channels; ++block) {
        const std::int64_t c = lane_block_start(g.out_channels, block);
        float sum[VECTOR];
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l)
            sum[l] = g.epilogue.bias == nullptr ? 0.0F : g.epilogue.bias[c + l];
        for (std::int64_t a = rows.first; a < rows.last; ++a) {
            for (std::int64_t b = columns.first; b < columns.last; ++b) {
                const float* RESTRICT at = x + (a * g.width + b) * g.x_pixel + c;
                const float* RESTRICT tap = weights - 2 * (a * g.kernel_w + b) * g.out_channels + c;
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l) sum[l] += tap[l] * at[l];
            }
        }
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) y[c + l] = sum[l];
    }
}

// What Rows rows of y from row h on, all pairs of them, read and write.
template <int Rows>
INLINE Pairs pairs_of(const Correlation& g, const PixelBlock& b, std::int64_t h) {
    const Range first = reaching(h, g.origin_h, g.kernel_h, g.height, 0);
    const Range second = reaching(h, g.origin_h, g.kernel_h, g.height, 1);
    const std::int64_t row = (h - g.origin_h) / 2, tap = (h - g.origin_h) % 2;
    Pairs pairs{};
    pairs.x = g.x + (b.image * g.height + row) * g.width * g.x_pixel;
    pairs.weights = g.packed + tap * g.kernel_w * g.out_channels;
    pairs.y = g.y + b.image * g.y_image + h * g.y_row;
    if constexpr (Rows == 2) {
        pairs.rows.upper = {first.first, smaller(first.last, larger(first.first, second.first))};
        pairs.rows.shared = common(first, second);
        pairs.rows.lower = {larger(second.first, smaller(first.last, second.last)), second.last};
    } else {
        pairs.rows.upper = first;
    }
    return pairs;
}

// The columns of a block in Rows rows of y.
template <int Rows, int Columns, bool Odd, int Parts>
__attribute__((noinline)) void spread_columns(const Correlation& g, const PixelBlock& b,
                                              std::int64_t h, Pairs pairs) {
    constexpr int LEAST = LEAST_SHIFT<Columns, Odd>;
    const std::int64_t half = -g.origin_w / 2;  // pair p has pixel p + half of x as its own
    const Range inside =
        common({ceil_div(b.j0, 2), b.j1 / 2}, {-half - LEAST, g.width - half - MOST_SHIFT<Odd>});
    for (int k = 0; k < Rows; ++k)
        for (std::int64_t w = b.j0; w < 2 * inside.first; ++w) spread_pixel(g, b.image, h + k, w);
    pairs.x += (inside.first + half + LEAST) * g.x_pixel;
    pairs.y += 2 * inside.first * g.y_pixel;
    std::int64_t left = inside.last - inside.first;
    const auto spread = [&]<int Count>() __attribute__((always_inline)) {
        if (left < Count) return;
        const std::int64_t groups = left / Count;
        if (Count == MOST_PAIRS && is_far(g))
            spread_pairs<Rows, Count, Columns, Odd, Parts, Count == MOST_PAIRS>(g, pairs, groups);
        else
            spread_pairs<Rows, Count, Columns, Odd, Parts, false>(g, pairs, groups);
        pairs.x += groups * Count * g.x_pixel;
        pairs.y += groups * 2 * Count * g.y_pixel;
        left -= groups * Count;
    };
    spread.template operator()<MOST_PAIRS>();
    if constexpr (MOST_PAIRS > 2) spread.template operator()<2>();
    spread.template operator()<1>();
    for (int k = 0; k < Rows; ++k)
        for (std::int64_t w = 2 * inside.last; w < b.j1; ++w) spread_pixel(g, b.image, h + k, w);
}

template <int Columns, bool Odd>
INLINE void spread_row(const Correlation& g, const PixelBlock& b, std::int64_t h) {
    const Pairs row = pairs_of<1>(g, b, h);
    if (parts_of(row.rows) == UPPER) return spread_columns<1, Columns, Odd, UPPER>(g, b, h, row);
    spread_columns<1, Columns, Odd, 0>(g, b, h, row);
}

template <int Columns, bool Odd>
INLINE void spread_two_rows(const Correlation& g, const PixelBlock& b, std::int64_t h) {
    const Pairs rows = pairs_of<2>(g, b, h);
    switch (parts_of(rows.rows)) {
        case SHARED:
            return spread_columns<2, Columns, Odd, SHARED>(g, b, h, rows);
        case UPPER | SHARED:
            return spread_columns<2, Columns, Odd, UPPER | SHARED>(g, b, h, rows);
        case SHARED | LOWER:
            return spread_columns<2, Columns, Odd, SHARED | LOWER>(g, b, h, rows);
        default:
            spread_row<Columns, Odd>(g, b, h);
            return spread_row<Columns, Odd>(g, b, h + 1);
    }
}

template <int Columns, bool Odd>
__attribute__((noinline)) void spread_block(const Correlation& g, const PixelBlock& b) {
    std::int64_t h = b.i0;
    for (; h + 2 <= b.i1; h += 2) spread_two_rows<Columns, Odd>(g, b, h);
    for (; h < b.i1; ++h) spread_row<Columns, Odd>(g, b, h);
}

}  // namespace

void depthwise_spread(const Correlation& g, const PixelBlock& b) {
    const bool odd = -g.origin_w % 2 != 0;
    if (g.kernel_w == 3) return odd ? spread_block<3, true>(g, b) : spread_block<3, false>(g, b);
    return odd ? spread_block<5, true>(g, b) : spread_block<5, false>(g, b);
}

}  // namespace convlet::CONVLET_ISA
