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

using Lane = float[VECTOR];

// 6 inputs -> 6 points.
INLINE void data_transform(const Lane* RESTRICT d, int d_step, Lane* RESTRICT o, int o_step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float d0 = d[0][l], d1 = d[d_step][l], d2 = d[2 * d_step][l];
        const float d3 = d[3 * d_step][l], d4 = d[4 * d_step][l], d5 = d[5 * d_step][l];
        const float u = d3 - d1, v = d4 - d2;
        o[0][l] = (d0 - d2) + v + 1.5F * u;
        o[o_step][l] = (u + v) + 1.5F * (d2 + d3);
        o[2 * o_step][l] = (v - u) - 1.5F * (d2 - d3);
        o[3 * o_step][l] = v + 2.0F * u;
        o[4 * o_step][l] = v - 0.5F * u;
        o[5 * o_step][l] = (d5 - d3) - u + 1.5F * v;
    }
}

// 6 points -> 4 outputs (a filter of 3 taps).
INLINE void output_transform(const Lane* RESTRICT m, int m_step, Lane* RESTRICT o, int o_step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[m_step][l], m2 = m[2 * m_step][l], m3 = m[3 * m_step][l];
        const float m4 = m[4 * m_step][l], s = m1 + m2, t = m1 - m2;
        o[0][l] = (m[0][l] + s) + (m3 + m4);
        o[o_step][l] = t + 0.5F * m3 - 2.0F * m4;
        o[2 * o_step][l] = s + 0.25F * m3 + 4.0F * m4;
        o[3 * o_step][l] = (t + m[5 * m_step][l]) + 0.125F * m3 - 8.0F * m4;
    }
}

// 3 taps -> 6 points.
INLINE void filter_transform(const Lane* RESTRICT g, int g_step, Lane* RESTRICT o, int o_step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[0][l], g1 = g[g_step][l], g2 = g[2 * g_step][l];
        const float e = (g0 + g2) * (1.0F / 3.0F), f = g1 * (1.0F / 3.0F);
        o[0][l] = g0;
        o[o_step][l] = e + f;
        o[2 * o_step][l] = f - e;
        o[3 * o_step][l] = (g0 + 0.5F * g1 + 0.25F * g2) * (-16.0F / 15.0F);
        o[4 * o_step][l] = (g0 - 2.0F * g1 + 4.0F * g2) * (1.0F / 15.0F);
        o[5 * o_step][l] = g2;
    }
}

// 4 outputs' gradients as a filter of 4 taps -> 6 points.
INLINE void gradient_transform(const Lane* RESTRICT g, int g_step, Lane* RESTRICT o, int o_step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float g0 = g[0][l], g1 = g[g_step][l], g2 = g[2 * g_step][l], g3 = g[3 * g_step][l];
        const float e = (g0 + g2) * (1.0F / 3.0F), f = (g1 + g3) * (1.0F / 3.0F);
        o[0][l] = g0;
        o[o_step][l] = e + f;
        o[2 * o_step][l] = f - e;
        o[3 * o_step][l] = (g0 + 0.5F * g1 + 0.25F * g2 + 0.125F * g3) * (-16.0F / 15.0F);
        o[4 * o_step][l] = (g0 - 2.0F * g1 + 4.0F * g2 - 8.0F * g3) * (1.0F / 15.0F);
        o[5 * o_step][l] = g3;
    }
}

// 6 points -> the gradients of 3 taps.
INLINE void tap_transform(const Lane* RESTRICT m, int m_step, Lane* RESTRICT o, int o_step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) {
        const float m1 = m[m_step][l], m2 = m[2 * m_step][l], m3 = m[3 * m_step][l];
        const float m4 = m[4 * m_step][l], s = m1 + m2, t = m1 - m2;
        o[0][l] = (m[0][l] + s) + (m3 + m4);
        o[o_step][l] = t + 0.5F * m3 - 2.0F * m4;
        o[2 * o_step][l] = (s + m[5 * m_step][l]) + 0.25F * m3 + 4.0F * m4;
    }
}

// The 6x6 inputs of a tile as pointers to its pixels; pixels outside the image point at zeros.
struct TilePixels {
    const float* at[POINTS * POINTS];
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
            p.at[i * POINTS + j] = inside ? image + (y * width + x) * pixel : zeros;
        }
    }
    return p;
}

// Transforms `channels` channels of a tile; point p goes to out + p * point_stride.
INLINE void transform_tile(const TilePixels& pixels, std::int64_t channels, float* RESTRICT out,
                           std::int64_t point_stride) {
    for (std::int64_t c = 0; c < channels; c += VECTOR) {
        const std::int64_t lanes = smaller(VECTOR, channels - c);
        Lane columns[POINTS * POINTS];
        for (int j = 0; j < POINTS; ++j) {
            Lane d[POINTS];
            for (int i = 0; i < POINTS; ++i) {
                const float* from = pixels.at[i * POINTS + j] + c;
                if (lanes == VECTOR) {
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) d[i][l] = from[l];
                } else {
                    for (int l = 0; l < VECTOR; ++l) d[i][l] = l < lanes ? from[l] : 0.0F;
                }
            }
            data_transform(d, 1, columns + j, POINTS);
        }
        for (int i = 0; i < POINTS; ++i) {
            Lane o[POINTS];
            data_transform(columns + i * POINTS, 1, o, 1);
            for (int j = 0; j < POINTS; ++j) {
                float* RESTRICT to = out + (i * POINTS + j) * point_stride + c;
                if (lanes == VECTOR) {
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) to[l] = o[j][l];
                } else {
                    for (int l = 0; l < lanes; ++l) to[l] = o[j][l];
                }
            }
        }
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
