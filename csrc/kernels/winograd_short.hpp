// Sides of a tile with fewer outputs, at the end of an image: each output less is a point less, at
// which no product need be made.
//
// These sides take the first points of winograd.hpp and infinity. What a weight is at a point stays
// as it is, c(p) times the powers of p, so one transformed weight serves all tiles. With Π(x) =
// product of (x - p) over the finite points that are taken,
//
//   data       row p = coefficients of Π(x) / (x - p), by Π'(p) c(p)      infinity: those of Π(x)
//   outputs    column p = powers of p                                     infinity: the last one
//   gradients  row p = c(p) times the powers of p                         infinity: the last one
#pragma once

#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Outputs of each side of a tile.
struct Sides {
    int rows, columns;
};

INLINE bool are_whole(const Sides& s) { return s.rows == OUT && s.columns == OUT; }

// How many points a side of so many outputs takes, and the `q`th of them.
constexpr int points_of(int points, int outputs) { return points - OUT + outputs; }
constexpr int point_at(int points, int count, int q) { return q + 1 < count ? q : points - 1; }
// Whether it takes point p.
constexpr bool takes(int points, int outputs, int p) {
    return p + 1 < points_of(points, outputs) || p == points - 1;
}

constexpr double point_of(int points, int p) {
    const double of_6[] = {0, double{A}, -double{A}, double{B}, -double{B}};
    const double of_5[] = {0, 1, -0.5, -2};
    return points == 6 ? of_6[p] : of_5[p];
}

// Π'(p) of the first `count` points.
constexpr double slope_of(int points, int count, int p) {
    double slope = 1;
    for (int q = 0; q < count; ++q)
        if (q != p) slope *= point_of(points, p) - point_of(points, q);
    return slope;
}

// c(p), what filter_transform() multiplies the powers of p by.
constexpr double factor_of(int points, int p) {
    const double slope = slope_of(points, points - 1, p);
    return 1 / (p == 0 && slope < 0 ? -slope : slope);
}

enum class Side { data, outputs, gradients };

constexpr double power(double x, int exponent) {
    double result = 1;
    for (int i = 0; i < exponent; ++i) result *= x;
    return result;
}

// An element of a transform; rows and columns that are points count from the first that is taken.
constexpr double coefficient(Side side, int points, int outputs, int row, int column) {
    const int finite = points_of(points, outputs) - 1;
    if (side == Side::outputs)
        return column == finite ? (row == outputs - 1 ? 1 : 0)
                                : power(point_of(points, column), row);
    if (side == Side::gradients)
        return row == finite ? (column == outputs - 1 ? 1 : 0)
                             : factor_of(points, row) * power(point_of(points, row), column);
    double polynomial[6] = {1};
    for (int q = 0; q < finite; ++q) {
        if (q == row) continue;
        for (int d = finite; d >= 0; --d)
            polynomial[d] = (d > 0 ? polynomial[d - 1] : 0) - point_of(points, q) * polynomial[d];
    }
    if (row == finite) return polynomial[column];
    return polynomial[column] / (slope_of(points, finite, row) * factor_of(points, row));
}

constexpr int inputs_of(Side side, int points, int outputs) {
    return side == Side::gradients ? outputs : points_of(points, outputs);
}
constexpr int results_of(Side side, int points, int outputs) {
    return side == Side::outputs ? outputs : points_of(points, outputs);
}

// One lane of a row, from input Column on.
template <Side Kind, int Points, int Outputs, int Row, int Column = 0>
INLINE float side_sum(const float* const* from, int lane) {
    if constexpr (Column + 1 == inputs_of(Kind, Points, Outputs)) {
        constexpr auto c = static_cast<float>(coefficient(Kind, Points, Outputs, Row, Column));
        if constexpr (c == 0) return 0.0F;
        return c * from[Column][lane];
    } else {
        constexpr auto c = static_cast<float>(coefficient(Kind, Points, Outputs, Row, Column));
        const float rest = side_sum<Kind, Points, Outputs, Row, Column + 1>(from, lane);
        if constexpr (c == 0) return rest;
        return c * from[Column][lane] + rest;
    }
}

template <Side Kind, int Points, int Outputs, int Row = 0>
INLINE void side_rows(const float* const* from, int lane, float* to, Step1 step) {
    constexpr int ROWS = results_of(Kind, Points, Outputs);
    constexpr int AT = Kind == Side::outputs ? Row : point_at(Points, ROWS, Row);
    to[AT * step + lane] = side_sum<Kind, Points, Outputs, Row>(from, lane);
    if constexpr (Row + 1 < ROWS) side_rows<Kind, Points, Outputs, Row + 1>(from, lane, to, step);
}

// VECTOR channels of a side: each input at from[i], results `step` apart, those that are points at
// their places.
template <Side Kind, int Points, int Outputs>
__attribute__((noinline)) void short_side(const float* const* from, float* RESTRICT to,
                                          Step1 step) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) side_rows<Kind, Points, Outputs>(from, l, to, step);
}

template <Side Kind, int Points>
INLINE void short_side_of(int outputs, const float* const* from, float* to, Step1 step) {
    if (outputs == 3)
        short_side<Kind, Points, 3>(from, to, step);
    else if (outputs == 2)
        short_side<Kind, Points, 2>(from, to, step);
    else
        short_side<Kind, Points, 1>(from, to, step);
}

// The same for a side of any number of outputs, whose transforms of whole ones are winograd.hpp's.
template <Side Kind, int Points, int Inputs>
INLINE void side_of(int outputs, const float* const (&from)[Inputs], float* to, Step1 step) {
    if (outputs < OUT)
        short_side_of<Kind, Points>(outputs, from, to, step);
    else if constexpr (Kind == Side::data)
        data_transform(from, to, step);
    else
        gradient_transform<Points>(from, to, step);
}

template <int Points>
INLINE void output_side(int outputs, const float* m, Step1 ms, float* o, Step1 os) {
    if (outputs == OUT) return output_transform<Points>(m, ms, o, os);
    const float* points[Points] = {};
    const int count = points_of(Points, outputs);
    for (int q = 0; q < count; ++q) points[q] = m + point_at(Points, count, q) * ms;
    short_side_of<Side::outputs, Points>(outputs, points, o, os);
}

// VECTOR channels of a tile with a short side, of which input (i, j) is at at[j][i] + c: the points
// that it takes of some rows of points go to out + (r * Points + column) * stride for the rth row.
template <Side Kind, int Points, int Inputs, int Rows>
__attribute__((noinline)) void short_lanes(const float* const (&at)[Inputs][Inputs],
                                           const Sides& sides, const int (&rows)[Rows],
                                           std::int64_t c, float* RESTRICT out, Step1 stride) {
    Lane half[Points * Inputs];
    const int across = inputs_of(Kind, Points, sides.columns);
    for (int j = 0; j < across; ++j) {
        const float* column[Inputs];
        for (int i = 0; i < Inputs; ++i) column[i] = at[j][i] + c;
        side_of<Kind, Points>(sides.rows, column, half[j], Inputs * VECTOR);
    }
    for (const int i : rows) {
        if (i >= 0 && takes(Points, sides.rows, i)) {
            const float* row[Inputs];
            for (int j = 0; j < Inputs; ++j) row[j] = half[i * Inputs + j];
            side_of<Kind, Points>(sides.columns, row, out, stride);
        }
        out += Points * stride;
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
