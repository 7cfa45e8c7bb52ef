// Winograd F(4x4, 3x3): 16 outputs of a 3x3 convolution from 36 products instead of 144; and other
// kernels as sums of such pieces, those of 2x2 taps from 25 products instead of 64.
//
// The tiles of a block are transformed, multiplied at each point (tiles x channels of all pieces by
// channels x a panel of output channels, on the register tile of gemm.hpp), and the sums of a panel
// transformed back at once, while they are in L2.
#include "activated.hpp"
#include "conv2d.hpp"
#include "gemm.hpp"
#include "strip.hpp"
#include "winograd_pack.hpp"
#include "winograd_tiles.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Where a tile's at most 4x4 pixels are.
struct TilePlace {
    float* y;
    std::int64_t rows, columns;
    std::int64_t row, pixel;  // floats from one to the next
};

INLINE TilePlace place_of(const Correlation& g, const WinogradKernel& k, const Tile& t) {
    return {g.y + t.image * g.y_image + t.i * g.y_row + t.j * g.y_pixel, t.rows, t.columns,
            k.out_h * g.y_row, k.out_w * g.y_pixel};
}

// What the next tile will read and write comes from afar while this one is computed: as many places
// in the L2 as points, and lines of up to 16 pixels that must be owned before they are written.
template <int Points>
INLINE void fetch_tile(const float* sums, std::int64_t stride, std::int64_t start,
                       std::int64_t valid, const TilePlace& place) {
    for (std::int64_t k = 0; k < valid; k += LINE) {
        for (int p = 0; p < Points * Points; ++p) __builtin_prefetch(sums + p * stride + k);
        for (std::int64_t i = 0; i < place.rows; ++i)
            for (std::int64_t j = 0; j < place.columns; ++j)
                __builtin_prefetch(place.y + i * place.row + j * place.pixel + start + k, 1);
    }
}

// VECTOR lanes of the pixels of one row through the epilogue, whose steps are asked for once for
// all of them; `columns` is OUT where it is a constant.
INLINE void write_row(const Correlation& g, const Epilogue& e, Lane (&row)[OUT], float* to,
                      std::int64_t pixel_step, std::int64_t columns) {
    if (e.scale != nullptr) {
        for (std::int64_t j = 0; j < OUT; ++j) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) row[j][l] *= e.scale[l];
        }
    }
    if (e.bias != nullptr) {
        for (std::int64_t j = 0; j < OUT; ++j) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) row[j][l] += e.bias[l];
        }
    }
    if (e.residual != nullptr) {
        const float* residual = e.residual + (to - g.y);
        for (std::int64_t j = 0; j < columns; ++j) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) row[j][l] += residual[j * pixel_step + l];
        }
    }
    if (cuts(e.activation)) {
        const float upper = upper_cut(e.activation);
        for (std::int64_t j = 0; j < OUT; ++j) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) row[j][l] = cut(row[j][l], 0.0F, upper);
        }
    }
    for (std::int64_t j = 0; j < columns; ++j) {
        float* RESTRICT pixel = to + j * pixel_step;
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) pixel[l] = row[j][l];
        if (bends(e.activation)) bend(e.activation, pixel, VECTOR);
    }
}

// The sums of one tile, a row of a panel per point, back to at most 4x4 pixels.
template <int Points, bool Whole>
INLINE void output_tile(const Correlation& g, const float* sums, std::int64_t stride,
                        std::int64_t start, std::int64_t valid, const TilePlace& place,
                        const Sides& sides) {
    const int across = Whole ? Points : points_of(Points, sides.columns);
    for (std::int64_t k = 0; k < valid; k += VECTOR) {
        const std::int64_t lanes = smaller(VECTOR, valid - k);
        Lane half[OUT * Points], o[OUT] = {};
        for (int q = 0; q < across; ++q) {
            const int j = point_at(Points, across, q);
            output_side<Points>(Whole ? OUT : sides.rows, sums + j * stride + k, Points * stride,
                                half[j], Points * VECTOR);
        }
        Epilogue e = from_column(g.epilogue, start + k);
        for (std::int64_t i = 0; i < place.rows; ++i) {
            output_side<Points>(Whole ? OUT : sides.columns, half[i * Points], VECTOR, o[0],
                                VECTOR);
            float* to = place.y + i * place.row + start + k;
            if (lanes == VECTOR && place.columns == OUT) {
                write_row(g, e, o, to, place.pixel, OUT);
            } else if (lanes == VECTOR) {
                write_row(g, e, o, to, place.pixel, place.columns);
            } else {
                for (std::int64_t j = 0; j < place.columns; ++j, to += place.pixel) {
                    Epilogue here = e;
                    if (e.residual != nullptr) here.residual += to - g.y;
                    write_pixel(o[j], to, lanes, here);
                }
            }
        }
    }
}

// At one point: tiles x depth by depth x width.
INLINE void multiply_point(const float* tiles_data, std::int64_t tile_stride, std::int64_t tiles,
                           std::int64_t depth, const float* b, std::int64_t width, float* sums,
                           bool resume) {
    const Step step{0, depth};
    const float* a[8];
    float* c[8];
    const TileTask task{a, &step, 1, b, width, c, width, resume, nullptr, nullptr};
    const int most = rows_for(width);
    std::int64_t left = (tiles + most - 1) / most;
    for (std::int64_t t = 0; t < tiles; --left) {
        const int rows = static_cast<int>((tiles - t + left - 1) / left);
        for (int q = 0; q < rows; ++q) {
            a[q] = tiles_data + (t + q) * tile_stride;
            c[q] = sums + (t + q) * width;
        }
        run_tile(rows, width, task);
        t += rows;
    }
}

// Whether transformed inputs lie run by run, [point][piece][run][tile][channel]: what is multiplied
// at a time is then one piece of memory. Runs of several pieces lie side by side,
// [point][tile][piece][channel], for a point may begin with any of them.
INLINE bool lie_in_runs(const Correlation& g, std::int64_t run) { return run <= g.channels; }

template <int Points>
INLINE void transform_inputs(const Correlation& g, const WinogradKernel& k, std::int64_t run,
                             std::int64_t first_tile, std::int64_t tiles, std::int64_t from,
                             std::int64_t to, const float* zeros, float* inputs) {
    const std::int64_t depth = k.count * g.channels, stride = point_stride(tiles, depth);
    const bool in_runs = lie_in_runs(g, run);
    const std::int64_t step = in_runs ? run : g.channels;
    const TileGrid grid = grid_of(g, k);
    Tile tile = tile_at(g, k, grid, first_tile + from);
    TilePixels<Points> pixels = pixels_of<Points>(g, k, tile, k.pieces[0], zeros);
    for (std::int64_t t = from; t < to; ++t) {
        const Sides sides = sides_of(grid, first_tile + t);
        for (std::int64_t q = 0; q < k.count; ++q) {
            const bool last = q + 1 == k.count;
            if (last && t + 1 < to) tile = tile_at(g, k, grid, first_tile + t + 1);
            const TilePixels<Points> next =
                last && t + 1 == to
                    ? pixels
                    : pixels_of<Points>(g, k, tile, k.pieces[last ? 0 : q + 1], zeros);
            for (std::int64_t c = 0; c < g.channels; c += step) {
                const std::int64_t end = smaller(c + step, g.channels), at = q * g.channels + c;
                transform_tile(pixels, sides, next, c, end,
                               inputs + (in_runs ? at * tiles + t * (end - c) : t * depth + at),
                               stride);
            }
            pixels = next;
        }
    }
}

// Where no piece has products, at infinity of an axis that all of them are short on, sums are 0.
INLINE void zero_empty_points(const WinogradKernel& k, std::int64_t tiles, std::int64_t width,
                              float* sums) {
    for (int p = 0; p < point_count(k); ++p) {
        const DepthRange range = depth_at(k, p, 1);
        if (range.first >= range.last)
            zero_floats(sums + p * point_stride(tiles, width), tiles * width);
    }
}

// A panel's products at all points, with weights that were packed ahead: a point at a time, whose
// weights lie in one piece.
INLINE void multiply_packed(const Correlation& g, const WinogradKernel& k, std::int64_t run,
                            std::int64_t first_tile, std::int64_t tiles, const float* inputs,
                            const float* packed, std::int64_t width, float* sums) {
    const std::int64_t depth = k.count * g.channels;
    const TileGrid grid = grid_of(g, k);
    const bool in_runs = lie_in_runs(g, run);
    for (int p = 0; p < point_count(k); ++p) {
        const DepthRange range = depth_at(k, p, g.channels);
        const TileRange here = tiles_with(grid, k, p, first_tile, first_tile + tiles);
        const std::int64_t skipped = here.first - first_tile;
        const float* a = inputs + p * point_stride(tiles, depth);
        const float* b = packed + p * point_stride(depth, width);
        float* to = sums + p * point_stride(tiles, width) + skipped * width;
        for (std::int64_t first = range.first; first < range.last;) {
            const std::int64_t piece_end = (first / g.channels + 1) * g.channels;
            const std::int64_t last = smaller(first + run, in_runs ? piece_end : range.last);
            const std::int64_t tile_stride = in_runs ? last - first : depth;
            multiply_point(a + first * (in_runs ? tiles : 1) + skipped * tile_stride, tile_stride,
                           here.last - here.first, last - first, b + first * width, width, to,
                           first > range.first);
            first = last;
        }
    }
}

// The same with weights that are transformed here, a run of a piece's channels at a time.
template <int Points>
INLINE void multiply_unpacked(const Correlation& g, const WinogradKernel& k,
                              const WeightPacking& weights, std::int64_t panel, std::int64_t run,
                              std::int64_t first_tile, std::int64_t tiles, const float* inputs,
                              std::int64_t width, float* sums, float* transformed) {
    const std::int64_t depth = k.count * g.channels;
    const TileGrid grid = grid_of(g, k);
    for (std::int64_t q = 0; q < k.count; ++q) {
        for (std::int64_t c = 0; c < g.channels; c += run) {
            const std::int64_t end = smaller(c + run, g.channels), first = q * g.channels + c;
            const std::int64_t stride = point_stride(end - c, width);
            pack_piece<Points>(k, k.pieces[q], weights, panel, c, end, transformed, stride);
            for (int p = 0; p < point_count(k); ++p) {
                const DepthRange range = depth_at(k, p, g.channels);
                if (first < range.first || first >= range.last) continue;
                const TileRange here = tiles_with(grid, k, p, first_tile, first_tile + tiles);
                const std::int64_t skipped = here.first - first_tile;
                multiply_point(
                    inputs + p * point_stride(tiles, depth) + first * tiles + skipped * (end - c),
                    end - c, here.last - here.first, end - c, transformed + p * stride, width,
                    sums + p * point_stride(tiles, width) + skipped * width, first > range.first);
            }
        }
    }
}

template <int Points>
INLINE void write_panel(const Correlation& g, const WinogradKernel& k, std::int64_t panel,
                        std::int64_t first_tile, std::int64_t tiles, const float* sums) {
    const std::int64_t width = panel_width(g.panels, panel), stride = point_stride(tiles, width);
    const std::int64_t start = panel_start(g.panels, panel);
    const std::int64_t valid = smaller(width, g.panels.columns - start);
    const TileGrid grid = grid_of(g, k);
    TilePlace place = place_of(g, k, tile_at(g, k, grid, first_tile));
    for (std::int64_t t = 0; t < tiles; ++t) {
        const TilePlace next =
            t + 1 < tiles ? place_of(g, k, tile_at(g, k, grid, first_tile + t + 1)) : place;
        const Sides sides = sides_of(grid, first_tile + t);
        fetch_tile<Points>(sums + (t + 1) * width, stride, start, valid, next);
        if (are_whole(sides))
            output_tile<Points, true>(g, sums + t * width, stride, start, valid, place, sides);
        else
            output_tile<Points, false>(g, sums + t * width, stride, start, valid, place, sides);
        place = next;
    }
}

}  // namespace

std::int64_t winograd_tiles(const Correlation& g, const WinogradKernel& k) {
    return grid_of(g, k).count;
}

std::int64_t winograd_floats(const WinogradKernel& k, std::int64_t tiles, std::int64_t unpacked) {
    return point_count(k) *
           (point_stride(tiles, WIDEST * VECTOR) + point_stride(unpacked, WIDEST * VECTOR));
}

std::int64_t winograd_packed_floats(const WinogradKernel& k, const WeightPacking& p) {
    return panel_count(p.panels) * panel_floats(k, p.depth, p.panels);
}

void winograd_pack(const WinogradKernel& k, const WeightPacking& p, std::int64_t panel) {
    if (k.points == 6)
        pack_panel<6>(k, p, panel);
    else
        pack_panel<5>(k, p, panel);
}

std::int64_t winograd_input_floats(const Correlation& g, const WinogradKernel& k,
                                   std::int64_t tiles) {
    return point_count(k) * point_stride(tiles, k.count * g.channels);
}

void winograd_inputs(const Correlation& g, const WinogradKernel& k, std::int64_t run,
                     std::int64_t first_tile, std::int64_t tiles, std::int64_t from,
                     std::int64_t to, const float* zeros, float* inputs) {
    if (k.points == 6)
        transform_inputs<6>(g, k, run, first_tile, tiles, from, to, zeros, inputs);
    else
        transform_inputs<5>(g, k, run, first_tile, tiles, from, to, zeros, inputs);
}

void winograd(const Correlation& g, const WinogradKernel& k, const WeightPacking* weights,
              std::int64_t run, std::int64_t first_tile, std::int64_t tiles, const float* inputs,
              std::int64_t first_panel, std::int64_t last_panel, float* scratch) {
    float* sums = scratch;
    float* transformed = sums + point_count(k) * point_stride(tiles, WIDEST * VECTOR);
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        zero_empty_points(k, tiles, width, sums);
        if (weights == nullptr)
            multiply_packed(g, k, run, first_tile, tiles, inputs,
                            g.packed + panel * panel_floats(k, g.channels, g.panels), width, sums);
        else if (k.points == 6)
            multiply_unpacked<6>(g, k, *weights, panel, run, first_tile, tiles, inputs, width, sums,
                                 transformed);
        else
            multiply_unpacked<5>(g, k, *weights, panel, run, first_tile, tiles, inputs, width, sums,
                                 transformed);
        if (k.points == 6)
            write_panel<6>(g, k, panel, first_tile, tiles, sums);
        else
            write_panel<5>(g, k, panel, first_tile, tiles, sums);
    }
}

std::int64_t winograd_pixels(const Correlation& g, const WinogradKernel& k, std::int64_t channel,
                             std::int64_t first_tile, std::int64_t tiles, const float** pixels) {
    const TileGrid grid = grid_of(g, k);
    std::int64_t count = 0;
    for (std::int64_t t = first_tile; t < first_tile + tiles; ++t) {
        const TilePlace place = place_of(g, k, tile_at(g, k, grid, t));
        for (std::int64_t i = 0; i < place.rows; ++i)
            for (std::int64_t j = 0; j < place.columns; ++j)
                pixels[count++] = place.y + i * place.row + j * place.pixel + channel;
    }
    return count;
}

}  // namespace convlet::CONVLET_ISA
