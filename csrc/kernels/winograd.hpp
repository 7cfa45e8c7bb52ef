// Winograd's minimal filtering over 6 or 5 points: the transforms, each on VECTOR channels at once.
//
// A correlation of 6 inputs with r taps gives 7 - r outputs from 6 products (Lavin and Gray 2015,
// arXiv:1509.09308), one of 5 inputs 6 - r outputs from 5. Points 0, 1, -1, 1/2, -2 and infinity,
// or 0, 1, -1/2, -2 and infinity: with Π(x) = product of (x - p),
//
//   data     row p = coefficients of Π(x) / (x - p)       the row of infinity: those of Π(x)
//   filter   row p = powers of p / Π'(p)                  the row of infinity: picks the last tap
//   output   column p = powers of p                       infinity adds to the last output
//
// Points below and above 1 balance the magnitudes of their powers (Barabasz et al. 2020,
// arXiv:1803.10986); these have the least error of those tried, a third of that of 0, ±1, ±2.
//
// A filter without its last tap is 0 at infinity: its products there need not be made.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int OUT = 4;    // outputs of a side of a tile
constexpr int LINE = 16;  // floats of a cache line

// Taps that as many points take, of a side.
constexpr int taps_of(int points) { return points + 1 - OUT; }

using Lane = float[VECTOR];
using Step1 = std::ptrdiff_t;  // floats from one input or output of a transform to the next

// The points ±A and ±B and what is made of them, all of them exact.
constexpr float A = 0.625F, A2 = A * A, A3 = A * A2;
constexpr float B = 1.5F, B2 = B * B, B3 = B * B2;
// 1 / Π'(A), 1 / Π'(B) and, as 0's row of the data stays as it is, 1 / Π'(0).
constexpr float OF_A = 1 / (2 * A2 * (A2 - B2)), OF_B = 1 / (2 * B2 * (B2 - A2));
constexpr float OF_0 = 1 / (A2 * B2);

// 6 inputs -> 6 points.
INLINE void data_transform(const float* const (&d)[6], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float d0 = d[0][l], d1 = d[1][l], d2 = d[2][l];
        const float d3 = d[3][l], d4 = d[4][l], d5 = d[5][l];
        const float even_a = d4 - B2 * d2, odd_a = d3 - B2 * d1;
        const float even_b = d4 - A2 * d2, odd_b = d3 - A2 * d1;
        o[l] = A2 * B2 * d0 - (A2 + B2) * d2 + d4;
        o[os + l] = even_a + A * odd_a;
        o[2 * os + l] = even_a - A * odd_a;
        o[3 * os + l] = even_b + B * odd_b;
        o[4 * os + l] = even_b - B * odd_b;
        o[5 * os + l] = A2 * B2 * d1 - (A2 + B2) * d3 + d5;
    }
}

// 5 inputs -> 5 points.
INLINE void data_transform(const float* const (&d)[5], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float d0 = d[0][l], d1 = d[1][l], d2 = d[2][l], d3 = d[3][l], d4 = d[4][l];
        o[l] = (d0 - d3) + 1.5F * (d1 - d2);
        o[os + l] = (d1 + d3) + 2.5F * d2;
        o[2 * os + l] = (d2 + d3) - 2.0F * d1;
        o[3 * os + l] = d3 - 0.5F * (d1 + d2);
        o[4 * os + l] = (d4 - d1) + 1.5F * (d3 - d2);
    }
}

// Points -> 4 outputs.
template <int Points>
INLINE void output_transform(const float* RESTRICT m, Step1 ms, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[ms + l], m2 = m[2 * ms + l], m3 = m[3 * ms + l];
        const float last = m[(Points - 1) * ms + l];
        if constexpr (Points == 6) {
            const float m4 = m[4 * ms + l];
            const float even_a = m1 + m2, odd_a = m1 - m2, even_b = m3 + m4, odd_b = m3 - m4;
            o[l] = m[l] + (even_a + even_b);
            o[os + l] = A * odd_a + B * odd_b;
            o[2 * os + l] = A2 * even_a + B2 * even_b;
            o[3 * os + l] = last + A3 * odd_a + B3 * odd_b;
        } else {
            o[l] = (m[l] + m1) + (m2 + m3);
            o[os + l] = m1 - 0.5F * m2 - 2.0F * m3;
            o[2 * os + l] = m1 + 0.25F * m2 + 4.0F * m3;
            o[3 * os + l] = (m1 + last) - 0.125F * m2 - 8.0F * m3;
        }
    }
}

// 3 taps -> 6 points.
INLINE void filter_transform(const float* const (&g)[3], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[0][l], g1 = g[1][l], g2 = g[2][l];
        const float even_a = g0 + A2 * g2, even_b = g0 + B2 * g2;
        o[l] = OF_0 * g0;
        o[os + l] = OF_A * (even_a + A * g1);
        o[2 * os + l] = OF_A * (even_a - A * g1);
        o[3 * os + l] = OF_B * (even_b + B * g1);
        o[4 * os + l] = OF_B * (even_b - B * g1);
        o[5 * os + l] = g2;
    }
}

// 2 taps -> 5 points.
INLINE void filter_transform(const float* const (&g)[2], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[0][l], g1 = g[1][l];
        o[l] = g0;
        o[os + l] = (g0 + g1) * (2.0F / 9.0F);
        o[2 * os + l] = (g0 - 0.5F * g1) * (8.0F / 9.0F);
        o[3 * os + l] = (g0 - 2.0F * g1) * (-1.0F / 9.0F);
        o[4 * os + l] = g1;
    }
}

// 4 outputs' gradients as a filter of 4 taps -> points.
template <int Points>
INLINE void gradient_transform(const float* const (&g)[OUT], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[0][l], g1 = g[1][l], g2 = g[2][l], g3 = g[3][l];
        if constexpr (Points == 6) {
            const float even_a = g0 + A2 * g2, odd_a = A * g1 + A3 * g3;
            const float even_b = g0 + B2 * g2, odd_b = B * g1 + B3 * g3;
            o[l] = OF_0 * g0;
            o[os + l] = OF_A * (even_a + odd_a);
            o[2 * os + l] = OF_A * (even_a - odd_a);
            o[3 * os + l] = OF_B * (even_b + odd_b);
            o[4 * os + l] = OF_B * (even_b - odd_b);
        } else {
            o[l] = g0;
            o[os + l] = ((g0 + g2) + (g1 + g3)) * (2.0F / 9.0F);
            o[2 * os + l] = (g0 - 0.5F * g1 + 0.25F * g2 - 0.125F * g3) * (8.0F / 9.0F);
            o[3 * os + l] = (g0 - 2.0F * g1 + 4.0F * g2 - 8.0F * g3) * (-1.0F / 9.0F);
        }
        o[(Points - 1) * os + l] = g3;
    }
}

// Points -> the gradients of the taps.
template <int Points>
INLINE void tap_transform(const float* RESTRICT m, Step1 ms, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[ms + l], m2 = m[2 * ms + l], m3 = m[3 * ms + l];
        const float last = m[(Points - 1) * ms + l];
        if constexpr (Points == 6) {
            const float m4 = m[4 * ms + l];
            const float even_a = m1 + m2, even_b = m3 + m4;
            o[l] = m[l] + (even_a + even_b);
            o[os + l] = A * (m1 - m2) + B * (m3 - m4);
            o[2 * os + l] = last + A2 * even_a + B2 * even_b;
        } else {
            o[l] = (m[l] + m1) + (m2 + m3);
            o[os + l] = (m1 + last) - 0.5F * m2 - 2.0F * m3;
        }
    }
}

// Where the tiles of an image are: those of every `out_h`th row and `out_w`th column together.
struct TileGrid {
    std::int64_t across, of_phase, of_image;
};

INLINE TileGrid grid_of(const Correlation& g, const WinogradKernel& k) {
    const std::int64_t rows = (g.out_height + k.out_h - 1) / k.out_h;
    const std::int64_t columns = (g.out_width + k.out_w - 1) / k.out_w;
    const std::int64_t across = (columns + OUT - 1) / OUT;
    const std::int64_t of_phase = (rows + OUT - 1) / OUT * across;
    return {across, of_phase,
            of_phase * smaller(k.out_h, g.out_height) * smaller(k.out_w, g.out_width)};
}

// A tile: its first pixel of y, and how many of its 4x4 pixels exist.
struct Tile {
    std::int64_t image, i, j, rows, columns;
};

INLINE std::int64_t pixels_left(std::int64_t size, std::int64_t first, std::int64_t step) {
    return larger(0, smaller(OUT, (size - first + step - 1) / step));
}

INLINE Tile tile_at(const Correlation& g, const WinogradKernel& k, std::int64_t number) {
    const TileGrid grid = grid_of(g, k);
    const std::int64_t in_image = number % grid.of_image;
    const std::int64_t phase = in_image / grid.of_phase, at = in_image % grid.of_phase;
    const std::int64_t phases_w = smaller(k.out_w, g.out_width);
    const std::int64_t i = phase / phases_w + at / grid.across * OUT * k.out_h;
    const std::int64_t j = phase % phases_w + at % grid.across * OUT * k.out_w;
    return {number / grid.of_image, i, j, pixels_left(g.out_height, i, k.out_h),
            pixels_left(g.out_width, j, k.out_w)};
}

// The inputs of a tile as pointers to its pixels; pixels outside the image point at zeros.
template <int Points>
struct TilePixels {
    const float* at[Points][Points];  // by column
};

template <int Points>
INLINE TilePixels<Points> pixels_of(const Correlation& g, const WinogradKernel& k, const Tile& tile,
                                    const WinogradPiece& piece, const float* zeros) {
    const float* image = g.x + tile.image * g.height * g.width * g.x_pixel;
    const std::int64_t top = tile.i * g.step_h + piece.first_row * g.dilation_h + g.origin_h;
    const std::int64_t left = tile.j * g.step_w + piece.first_column * g.dilation_w + g.origin_w;
    TilePixels<Points> p;
    for (int i = 0; i < Points; ++i) {
        const std::int64_t y = top + i * k.in_h;
        for (int j = 0; j < Points; ++j) {
            const std::int64_t x = left + j * k.in_w;
            const bool inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
            p.at[j][i] = inside ? image + (y * g.width + x) * g.x_pixel : zeros;
        }
    }
    return p;
}

// The channels from c on that do not fill a register, copied beside zeros: at[j][i] points at those
// of pixels[j][i].
template <int Size>
INLINE void copy_lanes(const float* const (&pixels)[Size][Size], std::int64_t c, std::int64_t lanes,
                       Lane (&copies)[Size * Size], const float* (&at)[Size][Size]) {
    for (int p = 0; p < Size * Size; ++p) {
        const float* from = pixels[p / Size][p % Size] + c;
        for (int l = 0; l < VECTOR; ++l) copies[p][l] = l < lanes ? from[l] : 0.0F;
        at[p / Size][p % Size] = copies[p];
    }
}

// A line of each of a tile's pixels.
template <int Size>
INLINE void fetch_pixels(const float* const (&pixels)[Size][Size], std::int64_t c) {
    UNROLL
    for (int j = 0; j < Size; ++j) {
        UNROLL
        for (int i = 0; i < Size; ++i) __builtin_prefetch(pixels[j][i] + c, 0, 3);
    }
}

// Transforms VECTOR channels of a tile, of which pixel (i, j) is at pixels[j][i] + c; point p goes
// to out + p * point_stride.
template <int Points>
INLINE void transform_lanes(const float* const (&pixels)[Points][Points], std::int64_t c,
                            float* RESTRICT out, std::int64_t point_stride) {
    Lane columns[Points * Points];
    for (int j = 0; j < Points; ++j) {
        const float* column[Points];
        UNROLL
        for (int i = 0; i < Points; ++i) column[i] = pixels[j][i] + c;
        data_transform(column, columns[j], Points * VECTOR);
    }
    for (int i = 0; i < Points; ++i) {
        const float* row[Points];
        UNROLL
        for (int j = 0; j < Points; ++j) row[j] = columns[i * Points + j];
        data_transform(row, out + i * Points * point_stride, point_stride);
    }
}

// Transforms channels [first, last) of a tile. The pixels of the tile after it are fetched
// meanwhile: they are more streams than processors follow.
template <int Points>
INLINE void transform_tile(const TilePixels<Points>& pixels, const TilePixels<Points>& next,
                           std::int64_t first, std::int64_t last, float* RESTRICT out,
                           std::int64_t point_stride) {
    std::int64_t c = first;
    for (; c + VECTOR <= last; c += VECTOR, out += VECTOR) {
        if (c % LINE == 0) fetch_pixels(next.at, c);
        transform_lanes(pixels.at, c, out, point_stride);
    }
    if (c == last) return;
    Lane inputs[Points * Points], points[Points * Points];
    const float* at[Points][Points];
    const std::int64_t lanes = last - c;
    copy_lanes(pixels.at, c, lanes, inputs, at);
    transform_lanes(at, 0, points[0], VECTOR);
    for (int p = 0; p < Points * Points; ++p)
        for (std::int64_t l = 0; l < lanes; ++l) out[p * point_stride + l] = points[p][l];
}

// The rows of the depth, pieces and their channels, that have products at a point.
struct DepthRange {
    std::int64_t first, last;
};

INLINE DepthRange depth_at(const WinogradKernel& k, int point, std::int64_t channels) {
    const bool last_row = point / k.points == k.points - 1;
    const bool last_column = point % k.points == k.points - 1;
    return {(last_column ? k.first_of_columns : 0) * channels, (last_row      ? k.last_of_rows
                                                                : last_column ? k.last_of_columns
                                                                              : k.count) *
                                                                   channels};
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
