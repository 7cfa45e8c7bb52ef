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

}  // namespace
}  // namespace convlet::CONVLET_ISA
