// Gradient of the weight of a depthwise convolution: sums over pixels, a register of lanes per tap.
//
// A row of dy is summed into the taps of a block of channels before the next block, so memory is
// read row by row; the sums of some tap rows stay in registers along it, and each register of x
// serves all the taps that look at it. Taps outside the image read zeros, as NumPy would: what dy
// holds there reaches the sums if it is not finite.
#include "conv2d.hpp"
#include "depthwise.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int PIXELS = 4;
constexpr int MOST_COLUMNS = 5;           // of taps that are summed at once
constexpr std::int64_t RUN_PIXELS = 128;  // of dy, before another block of channels

// Rows of dy, and the tap rows of x that the first one is multiplied with.
struct RowTask {
    std::int64_t rows, x_down, dy_down;       // and the distances to the next row's
    const float* x;                           // what tap (0, 0) of column 0 would read
    std::int64_t x_row, x_pixel;              // between rows of taps, between pixels
    std::int64_t origin, step, dilation;      // of columns
    std::int64_t width, out_width, dy_pixel;  // of x and of dy
    const float* dy;
    float* sums;  // [tap row][tap][VECTOR]
    std::int64_t sums_row, lanes;
    Range inside;  // columns of dy whose taps are inside the image, in whole groups of PIXELS
    const float* next_x;  // row of x to fetch meanwhile: the first that the next row of dy adds
};

template <int Rows, int Columns>
INLINE void load_sums(const RowTask& t, float (&sums)[Rows][Columns][VECTOR]) {
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int s = 0; s < Columns; ++s) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l)
                sums[r][s][l] = t.sums[r * t.sums_row + s * VECTOR + l];
        }
    }
}

template <int Rows, int Columns>
INLINE void store_sums(const RowTask& t, const float (&sums)[Rows][Columns][VECTOR]) {
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int s = 0; s < Columns; ++s) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l)
                t.sums[r * t.sums_row + s * VECTOR + l] = sums[r][s][l];
        }
    }
}

// Pixels [j, j + PIXELS) of row i, whose columns of taps are inside the image.
template <int Step, int Rows, int Columns>
INLINE void add_pixels(const RowTask& t, std::int64_t i, std::int64_t j,
                       float (&sums)[Rows][Columns][VECTOR]) {
    const float* RESTRICT d = t.dy + i * t.dy_down + j * t.dy_pixel;
    const float* RESTRICT x = t.x + i * t.x_down + (j * Step + t.origin) * t.x_pixel;
    UNROLL
    for (int r = 0; r < Rows; ++r) {
        UNROLL
        for (int q = 0; q < (PIXELS - 1) * Step + Columns; ++q) {
            UNROLL
            for (int p = 0; p < PIXELS; ++p) {
                const int s = q - p * Step;
                if (s < 0 || s >= Columns) continue;
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l)
                    sums[r][s][l] += d[p * t.dy_pixel + l] * x[r * t.x_row + q * t.x_pixel + l];
            }
        }
    }
}

// Column j of all rows: each of its columns of taps may be outside the image. Lanes of 0 stands for
// fewer than VECTOR.
template <int Lanes, int Rows, int Columns>
INLINE void add_column(const RowTask& t, std::int64_t j, const float* zeros,
                       float (&sums)[Rows][Columns][VECTOR]) {
    const std::int64_t lanes = Lanes > 0 ? Lanes : t.lanes;
    const float* x[Columns];
    std::int64_t x_row[Columns], x_down[Columns];
    UNROLL
    for (int s = 0; s < Columns; ++s) {
        const std::int64_t column = j * t.step + t.origin + s * t.dilation;
        const bool inside = column >= 0 && column < t.width;
        x[s] = inside ? t.x + column * t.x_pixel : zeros;
        x_row[s] = inside ? t.x_row : 0;
        x_down[s] = inside ? t.x_down : 0;
    }
    const float* RESTRICT d = t.dy + j * t.dy_pixel;
    for (std::int64_t i = 0; i < t.rows; ++i, d += t.dy_down) {
        UNROLL
        for (int s = 0; s < Columns; ++s) {
            UNROLL
            for (int r = 0; r < Rows; ++r) {
                const float* RESTRICT at = x[s] + r * x_row[s];
#pragma omp simd
                for (std::int64_t l = 0; l < lanes; ++l) sums[r][s][l] += d[l] * at[l];
            }
            x[s] += x_down[s];
        }
    }
}

// Fetches what the next row of dy, and its new rows of x, have in the columns of these pixels.
template <int Step>
INLINE void fetch_next_row(const RowTask& t, std::int64_t i, std::int64_t j) {
    const float* x = t.next_x + i * t.x_down + j * Step * t.x_pixel;
    const float* dy = t.dy + (i + 1) * t.dy_down + j * t.dy_pixel;
    UNROLL
    for (int k = 0; k < Step; ++k) {
        UNROLL
        for (int q = 0; q < PIXELS * Step; ++q)
            __builtin_prefetch(x + k * t.x_row + q * t.x_pixel, 0, 2);
    }
    UNROLL
    for (int p = 0; p < PIXELS; ++p) __builtin_prefetch(dy + p * t.dy_pixel, 0, 2);
}

// All columns of all rows. A Step of 0 stands for any step and dilation.
template <int Lanes, int Rows, int Columns, int Step, bool Far = false>
__attribute__((noinline)) void add_rows(const RowTask& t, const float* zeros) {
    float sums[Rows][Columns][VECTOR];
    load_sums(t, sums);
    if constexpr (Step > 0) {
        for (std::int64_t i = 0; i < t.rows; ++i) {
            for (std::int64_t j = t.inside.first; j < t.inside.last; j += PIXELS) {
                if constexpr (Far) fetch_next_row<Step>(t, i, j);
                add_pixels<Step>(t, i, j, sums);
            }
        }
    }
    for (std::int64_t j = 0; j < t.out_width; ++j) {
        if (Step > 0 && j == t.inside.first) j = t.inside.last;
        if (j < t.out_width) add_column<Lanes>(t, j, zeros, sums);
    }
    store_sums(t, sums);
}

template <int Columns>
INLINE void add_some_columns(std::int64_t count, const RowTask& t, const float* zeros) {
    if constexpr (Columns > 0) {
        if (count == Columns)
            t.lanes == VECTOR ? add_rows<VECTOR, 1, Columns, 0>(t, zeros)
                              : add_rows<0, 1, Columns, 0>(t, zeros);
        else
            add_some_columns<Columns - 1>(count, t, zeros);
    }
}

// A tap row outside the image: its taps see zeros, whichever the column.
template <int Lanes>
__attribute__((noinline)) void add_nothing(const RowTask& t) {
    const std::int64_t lanes = Lanes > 0 ? Lanes : t.lanes;
    float sum[VECTOR] = {};
    for (std::int64_t j = 0; j < t.out_width; ++j) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) sum[l] += t.dy[j * t.dy_pixel + l] * 0.0F;
    }
    for (std::int64_t s = 0; s < t.sums_row; s += VECTOR) {
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) t.sums[s + l] += sum[l];
    }
}

// One row of dy into all taps of one block of channels; Columns of 0 stands for any geometry.
template <int Rows, int Columns, int Step>
INLINE void add_taps(const Correlation& g, RowTask t, const Range& inside, const float* zeros,
                     bool far) {
    const float* x = t.x;
    float* sums = t.sums;
    for (std::int64_t r = 0; r < g.kernel_h;) {
        t.x = x + r * t.x_row;
        t.sums = sums + r * t.sums_row;
        const std::int64_t left = r < inside.first ? 0 : inside.last - r;
        if (left <= 0) {
            t.lanes == VECTOR ? add_nothing<VECTOR>(t) : add_nothing<0>(t);
            ++r;
        } else if constexpr (Columns == 0) {
            for (std::int64_t s = 0; s < g.kernel_w; s += MOST_COLUMNS) {
                RowTask some = t;
                some.origin += s * g.dilation_w;
                some.sums += s * VECTOR;
                add_some_columns<MOST_COLUMNS>(smaller(MOST_COLUMNS, g.kernel_w - s), some, zeros);
            }
            ++r;
        } else if (left >= Rows) {
            if (far && r == inside.first)
                add_rows<VECTOR, Rows, Columns, Step, true>(t, zeros);
            else
                add_rows<VECTOR, Rows, Columns, Step>(t, zeros);
            r += Rows;
        } else if (Rows > 2 && left == 2) {
            add_rows<VECTOR, 2, Columns, Step>(t, zeros);
            r += 2;
        } else {
            add_rows<VECTOR, 1, Columns, Step>(t, zeros);
            ++r;
        }
    }
}

template <int Rows, int Columns, int Step>
__attribute__((noinline)) void add_images(const WeightGradient& w, const LaneBlocks& b,
                                          std::int64_t first_row, std::int64_t last_row,
                                          float* partial) {
    const Correlation& g = w.geometry;
    const std::int64_t size = g.kernel_h * g.kernel_w * VECTOR;
    const bool far = is_far(g);
    zero_floats(partial + b.first * size, (b.last - b.first) * size);
    float zeros[VECTOR];
    zero_floats(zeros, VECTOR);
    RowTask t{};
    t.inside = outputs_inside(g.out_width, g.origin_w, g.step_w, g.kernel_w, g.dilation_w, g.width);
    t.inside.last -= (t.inside.last - t.inside.first) % PIXELS;
    t.x_row = g.dilation_h * g.width * g.x_pixel;
    t.x_pixel = g.x_pixel;
    t.origin = g.origin_w;
    t.step = g.step_w;
    t.dilation = g.dilation_w;
    t.width = g.width;
    t.out_width = g.out_width;
    t.dy_pixel = g.y_pixel;
    t.sums_row = g.kernel_w * VECTOR;
    t.lanes = smaller(VECTOR, g.out_channels);
    t.x_down = g.step_h * g.width * g.x_pixel;
    t.dy_down = g.y_row;
    const Range full =
        outputs_inside(g.out_height, g.origin_h, g.step_h, g.kernel_h, g.dilation_h, g.height);
    for (std::int64_t row = first_row; row < last_row; row += t.rows) {
        const std::int64_t image = row / g.out_height, i = row % g.out_height;
        const std::int64_t top = i * g.step_h + g.origin_h;
        // Rows of which all taps are inside the image go together as far as they are short.
        t.rows = 1;
        if (i >= full.first && i < full.last)
            t.rows = smaller(smaller(full.last - i, last_row - row),
                             larger(1, RUN_PIXELS / g.out_width));
        const Range inside = taps_inside(top, g.dilation_h, g.kernel_h, g.height);
        const float* x = g.x + (image * g.height + top) * g.width * g.x_pixel;
        const float* dy = w.dy + image * g.y_image + i * g.y_row;
        for (std::int64_t block = b.first; block < b.last; ++block) {
            const std::int64_t c = lane_block_start(g.out_channels, block);
            t.x = x + c;
            t.dy = dy + c;
            t.sums = partial + block * size;
            t.next_x = t.x + g.kernel_h * t.x_row;
            add_taps<Rows, Columns, Step>(g, t, inside, zeros, far);
        }
    }
}

}  // namespace

std::int64_t depthwise_lane_blocks(std::int64_t channels) {
    return (channels + VECTOR - 1) / VECTOR;
}

std::int64_t depthwise_partial_floats(const Correlation& g) {
    return depthwise_lane_blocks(g.out_channels) * g.kernel_h * g.kernel_w * VECTOR;
}

void depthwise_grad_weight(const WeightGradient& w, const LaneBlocks& blocks,
                           std::int64_t first_row, std::int64_t last_row, float* partial) {
    const Correlation& g = w.geometry;
    const std::int64_t columns = is_plain(g) ? g.kernel_w : 0;
    if (columns == 3 && g.step_w == 1)
        return add_images<3, 3, 1>(w, blocks, first_row, last_row, partial);
    if (columns == 3) return add_images<3, 3, 2>(w, blocks, first_row, last_row, partial);
    if (columns == 5 && g.step_w == 1)
        return add_images<2, 5, 1>(w, blocks, first_row, last_row, partial);
    if (columns == 5) return add_images<2, 5, 2>(w, blocks, first_row, last_row, partial);
    add_images<1, 0, 0>(w, blocks, first_row, last_row, partial);
}

void depthwise_reduce_weight(const Correlation& g, const float* partials, std::int64_t count,
                             std::int64_t block, float* dw) {
    const std::int64_t taps = g.kernel_h * g.kernel_w, size = depthwise_partial_floats(g);
    const std::int64_t lanes = smaller(VECTOR, g.out_channels);
    const std::int64_t start = lane_block_start(g.out_channels, block);
    float* to = dw + start * taps;
    for (std::int64_t t = 0; t < taps; ++t) {
        const float* from = partials + (block * taps + t) * VECTOR;
        float sum[VECTOR];
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) sum[l] = from[l];
        for (std::int64_t p = 1; p < count; ++p) {
            const float* RESTRICT next = from + p * size;
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) sum[l] += next[l];
        }
        for (std::int64_t l = block * VECTOR - start; l < lanes; ++l) to[l * taps + t] = sum[l];
    }
}

}  // namespace convlet::CONVLET_ISA
