// Winograd's minimal filtering over 6 points: the transforms, each on VECTOR channels at once.
//
// A correlation of 6 inputs with r taps gives 7 - r outputs from 6 products (Lavin and Gray 2015,
// arXiv:1509.09308). Points 0, 1, -1, 1/2, -2 and infinity: with Π(x) = product of (x - p),
//
//   data     row p = coefficients of Π(x) / (x - p)       the row of infinity: those of Π(x)
//   filter   row p = powers of p / Π'(p)                  the row of infinity: picks the last tap
//   output   column p = powers of p                       infinity adds to the last output
//
// Mixing 1/2 and -2 balances the magnitudes: half the rounding error of 0, ±1, ±2.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int POINTS = 6;
constexpr int LINE = 16;  // floats of a cache line

using Lane = float[VECTOR];
using Step1 = std::ptrdiff_t;  // floats from one input or output of a transform to the next

// 6 inputs -> 6 points.
INLINE void data_transform(const float* const (&d)[POINTS], float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float d0 = d[0][l], d1 = d[1][l], d2 = d[2][l];
        const float d3 = d[3][l], d4 = d[4][l], d5 = d[5][l];
        const float u = d3 - d1, v = d4 - d2;
        o[l] = (d0 - d2) + v + 1.5F * u;
        o[os + l] = (u + v) + 1.5F * (d2 + d3);
        o[2 * os + l] = (v - u) - 1.5F * (d2 - d3);
        o[3 * os + l] = v + 2.0F * u;
        o[4 * os + l] = v - 0.5F * u;
        o[5 * os + l] = (d5 - d3) - u + 1.5F * v;
    }
}

// 6 points -> 4 outputs (a filter of 3 taps).
INLINE void output_transform(const float* RESTRICT m, Step1 ms, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[ms + l], m2 = m[2 * ms + l], m3 = m[3 * ms + l], m4 = m[4 * ms + l];
        const float s = m1 + m2, t = m1 - m2;
        o[l] = (m[l] + s) + (m3 + m4);
        o[os + l] = t + 0.5F * m3 - 2.0F * m4;
        o[2 * os + l] = s + 0.25F * m3 + 4.0F * m4;
        o[3 * os + l] = (t + m[5 * ms + l]) + 0.125F * m3 - 8.0F * m4;
    }
}

// 3 taps -> 6 points.
INLINE void filter_transform(const float* RESTRICT g, Step1 gs, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[l], g1 = g[gs + l], g2 = g[2 * gs + l];
        const float e = (g0 + g2) * (1.0F / 3.0F), f = g1 * (1.0F / 3.0F);
        o[l] = g0;
        o[os + l] = e + f;
        o[2 * os + l] = f - e;
        o[3 * os + l] = (g0 + 0.5F * g1 + 0.25F * g2) * (-16.0F / 15.0F);
        o[4 * os + l] = (g0 - 2.0F * g1 + 4.0F * g2) * (1.0F / 15.0F);
        o[5 * os + l] = g2;
    }
}

// 4 outputs' gradients as a filter of 4 taps -> 6 points.
INLINE void gradient_transform(const float* RESTRICT g, Step1 gs, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[l], g1 = g[gs + l], g2 = g[2 * gs + l], g3 = g[3 * gs + l];
        const float e = (g0 + g2) * (1.0F / 3.0F), f = (g1 + g3) * (1.0F / 3.0F);
        o[l] = g0;
        o[os + l] = e + f;
        o[2 * os + l] = f - e;
        o[3 * os + l] = (g0 + 0.5F * g1 + 0.25F * g2 + 0.125F * g3) * (-16.0F / 15.0F);
        o[4 * os + l] = (g0 - 2.0F * g1 + 4.0F * g2 - 8.0F * g3) * (1.0F / 15.0F);
        o[5 * os + l] = g3;
    }
}

// 6 points -> the gradients of 3 taps.
INLINE void tap_transform(const float* RESTRICT m, Step1 ms, float* RESTRICT o, Step1 os) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[ms + l], m2 = m[2 * ms + l], m3 = m[3 * ms + l], m4 = m[4 * ms + l];
        const float s = m1 + m2, t = m1 - m2;
        o[l] = (m[l] + s) + (m3 + m4);
        o[os + l] = t + 0.5F * m3 - 2.0F * m4;
        o[2 * os + l] = (s + m[5 * ms + l]) + 0.25F * m3 + 4.0F * m4;
    }
}

// The 6x6 inputs of a tile as pointers to its pixels; pixels outside the image point at zeros.
struct TilePixels {
    const float* at[POINTS][POINTS];  // by column
};

INLINE TilePixels tile_pixels(const float* image, std::int64_t height, std::int64_t width,
                              std::int64_t pixel, std::int64_t top, std::int64_t left,
                              const float* zeros) {
    TilePixels p;
    for (int i = 0; i < POINTS; ++i) {
        const std::int64_t y = top + i;
        for (int j = 0; j < POINTS; ++j) {
            const std::int64_t x = left + j;
            const bool inside = y >= 0 && y < height && x >= 0 && x < width;
            p.at[j][i] = inside ? image + (y * width + x) * pixel : zeros;
        }
    }
    return p;
}

// Transforms VECTOR channels of a tile, of which pixel (i, j) is at pixels[j][i] + c; point p goes
// to out + p * point_stride.
INLINE void transform_lanes(const float* const (&pixels)[POINTS][POINTS], std::int64_t c,
                            float* RESTRICT out, std::int64_t point_stride) {
    Lane columns[POINTS * POINTS];
    for (int j = 0; j < POINTS; ++j) {
        const float* column[POINTS];
        UNROLL
        for (int i = 0; i < POINTS; ++i) column[i] = pixels[j][i] + c;
        data_transform(column, columns[j], POINTS * VECTOR);
    }
    for (int i = 0; i < POINTS; ++i) {
        const float* row[POINTS];
        UNROLL
        for (int j = 0; j < POINTS; ++j) row[j] = columns[i * POINTS + j];
        data_transform(row, out + i * POINTS * point_stride, point_stride);
    }
}

// Transforms `channels` channels of a tile. The pixels of the tile after it are fetched meanwhile:
// they are more streams than processors follow.
INLINE void transform_tile(const TilePixels& pixels, const TilePixels& next, std::int64_t channels,
                           float* RESTRICT out, std::int64_t point_stride) {
    std::int64_t c = 0;
    for (; c + VECTOR <= channels; c += VECTOR) {
        if (c % LINE == 0) {
            for (int p = 0; p < POINTS * POINTS; ++p) {
                __builtin_prefetch(next.at[p / POINTS][p % POINTS] + c);
            }
        }
        transform_lanes(pixels.at, c, out + c, point_stride);
    }
    if (c == channels) return;
    Lane inputs[POINTS * POINTS], points[POINTS * POINTS];
    const float* at[POINTS][POINTS];
    const std::int64_t lanes = channels - c;
    for (int p = 0; p < POINTS * POINTS; ++p) {
        const float* from = pixels.at[p / POINTS][p % POINTS] + c;
        for (int l = 0; l < VECTOR; ++l) inputs[p][l] = l < lanes ? from[l] : 0.0F;
        at[p / POINTS][p % POINTS] = inputs[p];
    }
    transform_lanes(at, 0, points[0], VECTOR);
    for (int p = 0; p < POINTS * POINTS; ++p)
        for (std::int64_t l = 0; l < lanes; ++l) out[p * point_stride + c + l] = points[p][l];
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
