// What a tile's inputs and its gradients are at two rows of points, as the gradient of a weight
// takes them.
#pragma once

#include "winograd_tiles.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Rows of points that are made together, those whose transforms have most in common; -1 for none.
struct PointRows {
    int at[2];
};

template <int Points>
constexpr PointRows point_rows(int group) {
    if (group == 0) return {{1, 2}};
    if (Points == 6) return group == 1 ? PointRows{{3, 4}} : PointRows{{0, 5}};
    return group == 1 ? PointRows{{0, 4}} : PointRows{{3, -1}};
}

// Where a tile's gradients are, by column; outside the image these are zeros.
struct TileGradients {
    const float* at[OUT][OUT];
};

// Column j of a transform's half-way results: the two rows of points that are wanted.
template <int Points, int First, int Second, int Columns>
INLINE void keep_rows(const Lane (&all)[Points], Lane (&half)[2][Columns], int j) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) half[0][j][l] = all[First][l];
    if constexpr (Second >= 0) {
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) half[1][j][l] = all[Second][l];
    }
}

// VECTOR channels of the data: two rows of points go to out, [row, column] `stride` apart.
template <int Points, int First, int Second>
INLINE void data_lanes(const float* const (&pixels)[Points][Points], std::int64_t c,
                       float* RESTRICT out, std::int64_t stride) {
    Lane half[2][Points];
    for (int j = 0; j < Points; ++j) {
        const float* column[Points];
        UNROLL
        for (int i = 0; i < Points; ++i) column[i] = pixels[j][i] + c;
        Lane all[Points];
        data_transform(column, all[0], VECTOR);
        keep_rows<Points, First, Second>(all, half, j);
    }
    for (int r = 0; r < (Second < 0 ? 1 : 2); ++r) {
        const float* row[Points];
        UNROLL
        for (int j = 0; j < Points; ++j) row[j] = half[r][j];
        data_transform(row, out + r * Points * stride, stride);
    }
}

template <int Points, int First, int Second>
INLINE void transform_data(const TilePixels<Points>& pixels, const Sides& sides,
                           const TilePixels<Points>* next, std::int64_t first, std::int64_t last,
                           float* RESTRICT out, std::int64_t stride) {
    constexpr PointRows ROWS{{First, Second}};
    const bool whole = are_whole(sides);
    std::int64_t c = first;
    for (; c + VECTOR <= last; c += VECTOR, out += VECTOR) {
        if (next != nullptr && c % LINE == 0) fetch_pixels(next->at, c);
        if (whole)
            data_lanes<Points, First, Second>(pixels.at, c, out, stride);
        else
            short_lanes<Side::data, Points>(pixels.at, sides, ROWS.at, c, out, stride);
    }
    if (c == last) return;
    Lane inputs[Points * Points], points[2 * Points] = {};
    const float* at[Points][Points];
    const std::int64_t lanes = last - c;
    copy_lanes(pixels.at, c, lanes, inputs, at);
    if (whole)
        data_lanes<Points, First, Second>(at, 0, points[0], VECTOR);
    else
        short_lanes<Side::data, Points>(at, sides, ROWS.at, 0, points[0], VECTOR);
    for (int p = 0; p < (Second < 0 ? 1 : 2) * Points; ++p)
        for (std::int64_t l = 0; l < lanes; ++l) out[p * stride + l] = points[p][l];
}

// VECTOR lanes of the filters.
template <int Points, int First, int Second>
INLINE void filter_lanes(const float* const (&gradients)[OUT][OUT], std::int64_t k,
                         float* RESTRICT out, std::int64_t stride) {
    Lane half[2][OUT];
    for (int j = 0; j < OUT; ++j) {
        const float* column[OUT];
        UNROLL
        for (int i = 0; i < OUT; ++i) column[i] = gradients[j][i] + k;
        Lane all[Points];
        gradient_transform<Points>(column, all[0], VECTOR);
        keep_rows<Points, First, Second>(all, half, j);
    }
    for (int r = 0; r < (Second < 0 ? 1 : 2); ++r) {
        const float* row[OUT];
        UNROLL
        for (int j = 0; j < OUT; ++j) row[j] = half[r][j];
        gradient_transform<Points>(row, out + r * Points * stride, stride);
    }
}

// A panel's filters, of which `valid` lanes exist.
template <int Points, int First, int Second>
INLINE void transform_filters(const TileGradients& gradients, const Sides& sides,
                              const TileGradients* next, std::int64_t start, std::int64_t width,
                              std::int64_t valid, float* RESTRICT out, std::int64_t stride) {
    constexpr PointRows ROWS{{First, Second}};
    const bool whole = are_whole(sides);
    const auto lanes_of = [&](const float* const(&at)[OUT][OUT], std::int64_t k,
                              float* to) __attribute__((always_inline)) {
        if (whole)
            filter_lanes<Points, First, Second>(at, k, to, stride);
        else
            short_lanes<Side::gradients, Points>(at, sides, ROWS.at, k, to, stride);
    };
    std::int64_t j = 0;
    for (; j + VECTOR <= valid; j += VECTOR) {
        if (next != nullptr && j % LINE == 0) fetch_pixels(next->at, start + j);
        lanes_of(gradients.at, start + j, out + j);
    }
    for (; j < width; j += VECTOR) {
        Lane copies[OUT * OUT];
        const float* at[OUT][OUT];
        copy_lanes(gradients.at, start + j, valid - j, copies, at);
        lanes_of(at, 0, out + j);
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
