// Weights at Winograd's points, in panels.
#pragma once

#include "pack.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// A power of two between the points would put all of them in the same sets of the cache.
constexpr std::int64_t point_stride(std::int64_t tiles, std::int64_t columns) {
    return tiles * columns + VECTOR;
}

INLINE std::int64_t point_count(const WinogradKernel& k) { return k.points * k.points; }

// Transformed weights of a panel; the last one may leave some of it unused.
INLINE std::int64_t panel_floats(const WinogradKernel& k, std::int64_t channels, const Panels& p) {
    return point_count(k) * point_stride(k.count * channels, p.wide);
}

// The transformed weights of input channels [first, last) of a piece and one panel:
// to[point][channel][lane], points `stride` apart.
template <int Points>
INLINE void pack_piece(const WinogradKernel& k, const WinogradPiece& piece, const WeightPacking& p,
                       std::int64_t panel, std::int64_t first, std::int64_t last, float* to,
                       std::int64_t stride) {
    constexpr int TAPS = taps_of(Points);
    const std::int64_t width = panel_width(p.panels, panel);
    const std::int64_t start = panel_start(p.panels, panel);
    const std::int64_t valid = smaller(width, p.panels.columns - start);
    std::int64_t offsets[9] = {};  // of 3x3 taps at most
    int taps = 0;
    for (int r = 0; r < piece.rows; ++r)
        for (int s = 0; s < piece.columns; ++s)
            offsets[taps++] = p.taps[(piece.first_row + r * k.tap_h) * k.kernel_w +
                                     piece.first_column + s * k.tap_w];
    WeightPacking here = p;
    here.taps = offsets;
    here.tap_count = taps;
    const Lane zeros = {};
    // What is read after a block: more channels, more lanes, or the next run of channels.
    const auto rows_at = [&](std::int64_t c, std::int64_t j) __attribute__((always_inline)) {
        return rows_of(p, c, smaller(p.depth, c + PACK_DEPTH), start + j,
                       larger(0, smaller(VECTOR, valid - j)));
    };
    for (std::int64_t j = 0; j < width; j += VECTOR) {
        const std::int64_t lanes = larger(0, smaller(VECTOR, valid - j));
        for (std::int64_t block = first; block < last; block += PACK_DEPTH) {
            const std::int64_t end = smaller(last, block + PACK_DEPTH);
            Lane g[PACK_DEPTH * TAPS * TAPS];
            if (lanes < VECTOR) zero_floats(&g[0][0], PACK_DEPTH * TAPS * TAPS * VECTOR);
            read_weights(here, block, end, start + j, lanes, {&g[0][0], VECTOR, taps * VECTOR});
            const WeightRows next = end < last           ? rows_at(end, j)
                                    : j + VECTOR < width ? rows_at(first, j + VECTOR)
                                                         : rows_at(last, 0);
            for (std::int64_t c = block; c < end; ++c) {
                fetch_rows(next, c - block, end - block);
                Lane rows[Points * TAPS];
                const Lane* own = g + (c - block) * taps;
                for (int s = 0; s < TAPS; ++s) {
                    const float* column[TAPS];
                    for (int r = 0; r < TAPS; ++r)
                        column[r] = r < piece.rows && s < piece.columns ? own[r * piece.columns + s]
                                                                        : zeros;
                    filter_transform(column, rows[s], TAPS * VECTOR);
                }
                for (int i = 0; i < Points; ++i) {
                    const float* row[TAPS];
                    for (int s = 0; s < TAPS; ++s) row[s] = rows[i * TAPS + s];
                    filter_transform(row, to + i * Points * stride + (c - first) * width + j,
                                     stride);
                }
            }
        }
    }
}

template <int Points>
INLINE void pack_panel(const WinogradKernel& k, const WeightPacking& p, std::int64_t panel) {
    const std::int64_t width = panel_width(p.panels, panel);
    float* to = p.packed + panel * panel_floats(k, p.depth, p.panels);
    for (std::int64_t q = 0; q < k.count; ++q, to += p.depth * width)
        pack_piece<Points>(k, k.pieces[q], p, panel, 0, p.depth, to,
                           point_stride(k.count * p.depth, width));
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
