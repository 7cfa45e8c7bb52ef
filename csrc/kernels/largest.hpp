// The largest value of a window and its position, for all kinds of max pooling.
#pragma once

#include "channels.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// The taps of a window that lie in the image.
struct Taps {
    std::int64_t row, pixel;  // floats between rows and columns of taps
    std::int64_t rows, columns;
    std::int64_t position, width;  // of the first one in its window, and positions in a row
};

// R and S are the window's size where it is a constant and no tap is missing, else 0.
template <int R, int S, int Lanes, class Index>
INLINE void largest(const Taps& taps, std::int64_t count, const float* x, float* RESTRICT y,
                    Index* RESTRICT indices) {
    const std::int64_t lanes = lanes_or<Lanes>(count);
    const std::int64_t rows = R > 0 ? R : taps.rows, columns = S > 0 ? S : taps.columns;
    float best[ROOM<Lanes>];
    std::int32_t where[ROOM<Lanes>];
    // From the last tap to the first: among equals the first stays, and the first NaN.
    const float* last = x + (rows - 1) * taps.row + (columns - 1) * taps.pixel;
    const auto last_position =
        static_cast<std::int32_t>(taps.position + (rows - 1) * taps.width + columns - 1);
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
        best[l] = last[l];
        where[l] = last_position;
    }
    const auto compare = [&](std::int64_t r, std::int64_t s) __attribute__((always_inline)) {
        const float* tap = x + r * taps.row + s * taps.pixel;
        const auto position = static_cast<std::int32_t>(taps.position + r * taps.width + s);
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) {
            const bool loses = !(tap[l] >= best[l]) && tap[l] == tap[l];
            best[l] = loses ? best[l] : tap[l];
            where[l] = loses ? where[l] : position;
        }
    };
    if constexpr (R > 0) {
        UNROLL
        for (int t = R * S - 2; t >= 0; --t) compare(t / S, t % S);
    } else {
        for (std::int64_t r = rows; r-- > 0;)
            for (std::int64_t s = columns; s-- > 0;) compare(r, s);
    }
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
        y[l] = best[l];
        indices[l] = static_cast<Index>(where[l]);
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
