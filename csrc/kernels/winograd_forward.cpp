// Winograd F(4x4, 3x3): 16 outputs of a 3x3 convolution from 36 products instead of 144.
//
// The tiles of a block are transformed, multiplied at each of the 36 points (tiles x channels by
// channels x a panel of output channels, on the register tile of gemm.hpp), and the sums of a panel
// transformed back at once, while they are in L2.
#include "activated.hpp"
#include "conv2d.hpp"
#include "gemm.hpp"
#include "pack.hpp"
#include "strip.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int OUT = 4;

// A power of two between the points would put all 36 in the same sets of the cache.
constexpr std::int64_t point_stride(std::int64_t tiles, std::int64_t columns) {
    return tiles * columns + VECTOR;
}

// Transformed weights of a panel; a narrow one leaves some of it unused.
constexpr std::int64_t panel_floats(std::int64_t depth) {
    return POINTS * POINTS * point_stride(depth, WIDEST * VECTOR);
}

struct TileGrid {
    std::int64_t across, per_image;
};

INLINE TileGrid grid_of(const Correlation& g) {
    const std::int64_t down = (g.out_height + OUT - 1) / OUT,
                       across = (g.out_width + OUT - 1) / OUT;
    return {across, down * across};
}

INLINE TilePixels pixels_of_tile(const Correlation& g, std::int64_t tile, const float* zeros) {
    const TileGrid grid = grid_of(g);
    const std::int64_t image = tile / grid.per_image, at = tile % grid.per_image;
    return tile_pixels(g.x + image * g.height * g.width * g.x_pixel, g.height, g.width, g.x_pixel,
                       at / grid.across * OUT + g.origin_h, at % grid.across * OUT + g.origin_w,
                       zeros);
}

// Where a tile's at most 4x4 pixels are.
struct TilePlace {
    float* y;
    std::int64_t rows, columns;
};

INLINE TilePlace place_of_tile(const Correlation& g, std::int64_t tile) {
    const TileGrid grid = grid_of(g);
    const std::int64_t image = tile / grid.per_image, at = tile % grid.per_image;
    const std::int64_t i = at / grid.across * OUT, j = at % grid.across * OUT;
    return {g.y + image * g.y_image + i * g.y_row + j * g.y_pixel, smaller(OUT, g.out_height - i),
            smaller(OUT, g.out_width - j)};
}

// What the next tile will read and write comes from afar while this one is computed: 36 places in
// the L2, and lines of up to 16 pixels that must be owned before they are written.
INLINE void fetch_tile(const Correlation& g, const float* sums, std::int64_t stride,
                       std::int64_t start, std::int64_t valid, const TilePlace& place) {
    for (std::int64_t k = 0; k < valid; k += LINE) {
        for (int p = 0; p < POINTS * POINTS; ++p) __builtin_prefetch(sums + p * stride + k);
        for (std::int64_t i = 0; i < place.rows; ++i)
            for (std::int64_t j = 0; j < place.columns; ++j)
                __builtin_prefetch(place.y + i * g.y_row + j * g.y_pixel + start + k, 1);
    }
}

// VECTOR lanes of the pixels of one row through the epilogue, whose steps are asked for once for
// all of them; `columns` is OUT where it is a constant.
INLINE void write_row(const Correlation& g, const Epilogue& e, Lane (&row)[OUT], float* to,
                      std::int64_t columns) {
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
            for (int l = 0; l < VECTOR; ++l) row[j][l] += residual[j * g.y_pixel + l];
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
        float* RESTRICT pixel = to + j * g.y_pixel;
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) pixel[l] = row[j][l];
        if (bends(e.activation)) bend(e.activation, pixel, VECTOR);
    }
}

// The sums of one tile, 36 rows of `width`, back to at most 4x4 pixels.
INLINE void output_tile(const Correlation& g, const float* sums, std::int64_t stride,
                        std::int64_t start, std::int64_t valid, const TilePlace& place) {
    for (std::int64_t k = 0; k < valid; k += VECTOR) {
        const std::int64_t lanes = smaller(VECTOR, valid - k);
        Lane half[OUT * POINTS], o[OUT];
        for (int j = 0; j < POINTS; ++j)
            output_transform(sums + j * stride + k, POINTS * stride, half[j], POINTS * VECTOR);
        Epilogue e = from_column(g.epilogue, start + k);
        for (std::int64_t i = 0; i < place.rows; ++i) {
            output_transform(half[i * POINTS], VECTOR, o[0], VECTOR);
            float* to = place.y + i * g.y_row + start + k;
            if (lanes == VECTOR && place.columns == OUT) {
                write_row(g, e, o, to, OUT);
            } else if (lanes == VECTOR) {
                write_row(g, e, o, to, place.columns);
            } else {
                for (std::int64_t j = 0; j < place.columns; ++j, to += g.y_pixel) {
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

// The transformed weights of input channels [first, last) and one panel: to[point][channel][lane].
INLINE void pack_channels(const WeightPacking& p, std::int64_t panel, std::int64_t first,
                          std::int64_t last, float* to) {
    const std::int64_t width = panel_width(p.panels, panel);
    const std::int64_t start = panel_start(p.panels, panel);
    const std::int64_t valid = smaller(width, p.panels.columns - start);
    const std::int64_t stride = point_stride(last - first, width);
    for (std::int64_t k = 0; k < width; k += VECTOR) {
        const std::int64_t lanes = larger(0, smaller(VECTOR, valid - k));
        for (std::int64_t block = first; block < last; block += PACK_DEPTH) {
            const std::int64_t end = smaller(last, block + PACK_DEPTH);
            Lane g[PACK_DEPTH * 9];
            if (lanes < VECTOR) zero_floats(&g[0][0], PACK_DEPTH * 9 * VECTOR);
            read_weights(p, block, end, start + k, lanes, {&g[0][0], VECTOR, 9 * VECTOR});
            for (std::int64_t c = block; c < end; ++c) {
                Lane rows[POINTS * 3];
                const Lane* taps = g + (c - block) * 9;
                for (int t = 0; t < 3; ++t)
                    filter_transform(taps[t], 3 * VECTOR, rows[t], 3 * VECTOR);
                for (int i = 0; i < POINTS; ++i)
                    filter_transform(rows[i * 3], VECTOR,
                                     to + i * POINTS * stride + (c - first) * width + k, stride);
            }
        }
    }
}

}  // namespace

std::int64_t winograd_tiles(const Correlation& g) { return g.images * grid_of(g).per_image; }

std::int64_t winograd_floats(std::int64_t tiles, std::int64_t unpacked) {
    return POINTS * POINTS *
           (point_stride(tiles, WIDEST * VECTOR) + point_stride(unpacked, WIDEST * VECTOR));
}

std::int64_t winograd_packed_floats(const WeightPacking& p) {
    return panel_count(p.panels) * panel_floats(p.depth);
}

void winograd_pack(const WeightPacking& p, std::int64_t panel) {
    pack_channels(p, panel, 0, p.depth, p.packed + panel * panel_floats(p.depth));
}

std::int64_t winograd_input_floats(const Correlation& g, std::int64_t tiles) {
    return POINTS * POINTS * point_stride(tiles, g.channels);
}

void winograd_inputs(const Correlation& g, std::int64_t first_tile, std::int64_t tiles,
                     std::int64_t from, std::int64_t to, const float* zeros, float* inputs) {
    TilePixels pixels = pixels_of_tile(g, first_tile + from, zeros);
    for (std::int64_t t = from; t < to; ++t) {
        const TilePixels next = t + 1 < to ? pixels_of_tile(g, first_tile + t + 1, zeros) : pixels;
        transform_tile(pixels, next, g.channels, inputs + t * g.channels,
                       point_stride(tiles, g.channels));
        pixels = next;
    }
}

void winograd(const Correlation& g, const WeightPacking* weights, std::int64_t run,
              std::int64_t first_tile, std::int64_t tiles, const float* inputs,
              std::int64_t first_panel, std::int64_t last_panel, float* scratch) {
    const std::int64_t in_stride = point_stride(tiles, g.channels);
    float* sums = scratch;
    float* transformed = sums + POINTS * POINTS * point_stride(tiles, WIDEST * VECTOR);
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        const std::int64_t stride = point_stride(tiles, width);
        const auto multiply = [&](int p, std::int64_t first, const float* b)
                                  __attribute__((always_inline)) {
                                      multiply_point(inputs + p * in_stride + first, g.channels,
                                                     tiles, smaller(run, g.channels - first), b,
                                                     width, sums + p * stride, first > 0);
                                  };
        if (weights == nullptr) {  // a point at a time: its weights lie in one piece
            const float* b = g.packed + panel * panel_floats(g.channels);
            for (int p = 0; p < POINTS * POINTS; ++p, b += point_stride(g.channels, width))
                for (std::int64_t first = 0; first < g.channels; first += run)
                    multiply(p, first, b + first * width);
        } else {  // a run of channels at a time, transformed here
            for (std::int64_t first = 0; first < g.channels; first += run) {
                const std::int64_t last = smaller(first + run, g.channels);
                pack_channels(*weights, panel, first, last, transformed);
                for (int p = 0; p < POINTS * POINTS; ++p)
                    multiply(p, first, transformed + p * point_stride(last - first, width));
            }
        }
        const std::int64_t valid = smaller(width, g.panels.columns - start);
        TilePlace place = place_of_tile(g, first_tile);
        for (std::int64_t t = 0; t < tiles; ++t) {
            const TilePlace next = t + 1 < tiles ? place_of_tile(g, first_tile + t + 1) : place;
            fetch_tile(g, sums + (t + 1) * width, stride, start, valid, next);
            output_tile(g, sums + t * width, stride, start, valid, place);
            place = next;
        }
    }
}

std::int64_t winograd_pixels(const Correlation& g, std::int64_t channel, std::int64_t first_tile,
                             std::int64_t tiles, const float** pixels) {
    std::int64_t count = 0;
    for (std::int64_t t = first_tile; t < first_tile + tiles; ++t) {
        const TilePlace place = place_of_tile(g, t);
        for (std::int64_t i = 0; i < place.rows; ++i)
            for (std::int64_t j = 0; j < place.columns; ++j)
                pixels[count++] = place.y + i * g.y_row + j * g.y_pixel + channel;
    }
    return count;
}

}  // namespace convlet::CONVLET_ISA
