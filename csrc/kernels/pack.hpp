// Reading weights for packing: users keep them as (K, C, R, S), kernels want lanes innermost.
//
// The lanes of a register lie far apart there, often at a power of two, where they would evict each
// other from the cache. So a block of the weights is read along its memory, whichever of lanes and
// depth is the nearer, and scattered into a buffer that fits the L1.
#pragma once

#include "simd.hpp"
#include "transpose.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t PACK_DEPTH = 32;

// A place to write: element (tap, depth, lane) goes to to[tap * tap_step + depth * depth_step +
// lane].
struct PackTarget {
    float* to;
    std::int64_t tap_step, depth_step;
};

template <int Taps>
INLINE void read_taps(const std::int64_t* taps, const float* from, std::int64_t from_step,
                      float* RESTRICT to, std::int64_t to_step, std::int64_t tap_step,
                      std::int64_t count) {
    std::int64_t offsets[Taps];
    UNROLL
    for (int t = 0; t < Taps; ++t) offsets[t] = taps[t];
    for (std::int64_t i = 0; i < count; ++i) {
        UNROLL
        for (int t = 0; t < Taps; ++t)
            to[t * tap_step + i * to_step] = from[i * from_step + offsets[t]];
    }
}

// 1 or -1 where each tap lies one float after or before the one that precedes it, else 0.
INLINE std::int64_t direction_of(const std::int64_t* taps, std::int64_t count) {
    const std::int64_t direction = count > 1 ? taps[1] - taps[0] : 0;
    if (direction != 1 && direction != -1) return 0;
    for (std::int64_t t = 2; t < count; ++t)
        if (taps[t] - taps[t - 1] != direction) return 0;
    return direction;
}

// The memory of depths [first, last) of lanes [lane, lane + lanes): rows that are far from each
// other.
struct WeightRows {
    const float* from;
    std::int64_t rows, row_step, floats;  // of a row
};

INLINE WeightRows rows_of(const WeightPacking& p, std::int64_t first, std::int64_t last,
                          std::int64_t lane, std::int64_t lanes) {
    const float* from = p.weight + first * p.depth_stride + lane * p.lane_stride;
    if (p.depth_stride < p.lane_stride)
        return {from, lanes, p.lane_stride, (last - first) * p.depth_stride};
    return {from, last - first, p.depth_stride, lanes * p.lane_stride};
}

// Fetches the `part`th of `parts` of them: the processor does not foresee so many short rows.
INLINE void fetch_rows(const WeightRows& w, std::int64_t part, std::int64_t parts) {
    constexpr std::int64_t LINE_FLOATS = 16;
    const std::int64_t lines = w.floats / LINE_FLOATS + 1, all = w.rows * lines;
    const std::int64_t end = (part + 1) * all / parts;
    std::int64_t at = part * all / parts, row = at / lines, line = at % lines;
    for (; at < end; ++at) {
        __builtin_prefetch(w.from + row * w.row_step + line * LINE_FLOATS, 0, 2);
        if (++line == lines) line = 0, ++row;
    }
}

// Copies depths [first, last) of lanes [lane, lane + lanes).
INLINE void read_weights(const WeightPacking& p, std::int64_t first, std::int64_t last,
                         std::int64_t lane, std::int64_t lanes, const PackTarget& target) {
    const float* weight = p.weight + first * p.depth_stride + lane * p.lane_stride;
    const std::int64_t depth = last - first;
    const bool depth_is_nearer = p.depth_stride < p.lane_stride;
    const std::int64_t outer = depth_is_nearer ? lanes : depth;
    const std::int64_t inner = depth_is_nearer ? depth : lanes;
    const std::int64_t outer_from = depth_is_nearer ? p.lane_stride : p.depth_stride;
    const std::int64_t inner_from = depth_is_nearer ? p.depth_stride : p.lane_stride;
    const std::int64_t outer_to = depth_is_nearer ? 1 : target.depth_step;
    const std::int64_t inner_to = depth_is_nearer ? target.depth_step : 1;
    if (p.tap_count == 1 && depth_is_nearer && p.depth_stride == 1) {
        transpose(weight + p.taps[0], p.lane_stride, lanes, depth, target.to, target.depth_step);
        return;
    }
    const std::int64_t direction = direction_of(p.taps, p.tap_count);
    if (direction == 1 && p.depth_stride == p.tap_count &&
        target.depth_step == p.tap_count * target.tap_step) {  // all of a lane's weights in a row
        transpose(weight + p.taps[0], p.lane_stride, lanes, depth * p.tap_count, target.to,
                  target.tap_step);
        return;
    }
    if (direction != 0 && p.tap_count >= 4) {
        const std::int64_t nearest = direction > 0 ? 0 : p.tap_count - 1;
        for (std::int64_t d = 0; d < depth; ++d)
            transpose(weight + d * p.depth_stride + p.taps[nearest], p.lane_stride, lanes,
                      p.tap_count, target.to + d * target.depth_step + nearest * target.tap_step,
                      direction * target.tap_step);
        return;
    }
    const std::int64_t run = inner * p.tap_count;
    for (std::int64_t o = 0; o < outer; ++o) {
        const float* from = weight + o * outer_from;
        float* to = target.to + o * outer_to;
        // The next run is too far for the processor to guess.
        if (o + 1 < outer)
            for (std::int64_t i = 0; i < run; i += 16) __builtin_prefetch(from + outer_from + i);
        if (p.tap_count == 1) {
            for (std::int64_t i = 0; i < inner; ++i)
                to[i * inner_to] = from[p.taps[0] + i * inner_from];
        } else if (p.tap_count == 9) {
            read_taps<9>(p.taps, from, inner_from, to, inner_to, target.tap_step, inner);
        } else {
            for (std::int64_t i = 0; i < inner; ++i)
                for (std::int64_t t = 0; t < p.tap_count; ++t)
                    to[t * target.tap_step + i * inner_to] = from[i * inner_from + p.taps[t]];
        }
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
