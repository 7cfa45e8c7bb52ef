// Winograd F(4x4, 3x3): 16 outputs of a 3x3 convolution from 36 products instead of 144.
//
// A task transforms a block of tiles into its scratch, multiplies at each of the 36 points (tiles x
// channels by channels x a panel of output channels, on the register tile of gemm.hpp), and
// transforms the sums back at once, while they are in L2.
#include "conv2d.hpp"
#include "gemm.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int OUT = 4;
constexpr std::int64_t ZEROS = 16;  // floats of zeros are as many as there are channels

// A power of two between the points would put all 36 in the same sets of the cache.
constexpr std::int64_t point_stride(std::int64_t tiles, std::int64_t columns) {
    return tiles * columns + VECTOR;
}

struct TileGrid {
    std::int64_t across, per_image;
};

INLINE TileGrid grid_of(const Correlation& g) {
    const std::int64_t down = (g.out_height + OUT - 1) / OUT,
                       across = (g.out_width + OUT - 1) / OUT;
    return {across, down * across};
}

INLINE void write_pixel(const float* from, float* RESTRICT to, std::int64_t lanes,
                        const float* bias, Activation activation) {
    for (std::int64_t l = 0; l < lanes; ++l) {
        float v = from[l] + (bias == nullptr ? 0.0F : bias[l]);
        if (activation == Activation::relu) v = v < 0.0F ? 0.0F : v;
        to[l] = v;
    }
}

// The sums of one tile, 36 rows of `width`, back to at most 4x4 pixels.
INLINE void output_tile(const Correlation& g, const float* sums, std::int64_t stride,
                        std::int64_t valid, std::int64_t start, float* y, std::int64_t rows,
                        std::int64_t columns) {
    for (std::int64_t k = 0; k < valid; k += VECTOR) {
        const std::int64_t lanes = smaller(VECTOR, valid - k);
        Lane half[OUT * POINTS];
        for (int j = 0; j < POINTS; ++j) {
            Lane m[POINTS];
            for (int i = 0; i < POINTS; ++i) {
                const float* from = sums + (i * POINTS + j) * stride + k;
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l) m[i][l] = from[l];
            }
            output_transform(m, 1, half + j, POINTS);
        }
        const float* bias = g.bias == nullptr ? nullptr : g.bias + start + k;
        for (std::int64_t i = 0; i < rows; ++i) {
            Lane o[OUT];
            output_transform(half + i * POINTS, 1, o, 1);
            for (std::int64_t j = 0; j < columns; ++j) {
                float* to = y + i * g.y_row + j * g.y_pixel + start + k;
                if (lanes == VECTOR)
                    write_pixel(o[j], to, VECTOR, bias, g.activation);
                else
                    write_pixel(o[j], to, lanes, bias, g.activation);
            }
        }
    }
}

}  // namespace

std::int64_t winograd_tiles(const Correlation& g) { return g.images * grid_of(g).per_image; }

std::int64_t winograd_floats(const Correlation& g, std::int64_t tiles) {
    const std::int64_t points = POINTS * POINTS;
    return points * (point_stride(tiles, g.channels) + point_stride(tiles, WIDEST * VECTOR)) +
           g.channels + ZEROS;
}

void winograd_pack(const WeightPacking& p, std::int64_t panel) {
    const std::int64_t width = panel_width(p.panels, panel);
    const std::int64_t start = panel_start(p.panels, panel);
    const std::int64_t valid = smaller(width, p.panels.columns - start);
    float* panel_to = p.packed + start * p.depth * POINTS * POINTS;
    for (std::int64_t k = 0; k < width; k += VECTOR) {
        const std::int64_t lanes = larger(0, smaller(VECTOR, valid - k));
        for (std::int64_t c = 0; c < p.depth; ++c) {
            Lane g[9], rows[POINTS * 3], o[POINTS];
            for (int t = 0; t < 9; ++t) {
                const float* from =
                    p.weight + p.taps[t] + c * p.depth_stride + (start + k) * p.lane_stride;
                for (std::int64_t l = 0; l < VECTOR; ++l)
                    g[t][l] = l < lanes ? from[l * p.lane_stride] : 0.0F;
            }
            for (int s = 0; s < 3; ++s) filter_transform(g + s, 3, rows + s, 3);
            for (int i = 0; i < POINTS; ++i) {
                filter_transform(rows + i * 3, 1, o, 1);
                for (int j = 0; j < POINTS; ++j) {
                    float* RESTRICT to = panel_to + ((i * POINTS + j) * p.depth + c) * width + k;
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) to[l] = o[j][l];
                }
            }
        }
    }
}

void winograd(const Correlation& g, std::int64_t first_tile, std::int64_t last_tile,
              std::int64_t first_panel, std::int64_t last_panel, float* scratch) {
    const TileGrid grid = grid_of(g);
    const std::int64_t tiles = last_tile - first_tile;
    const std::int64_t in_stride = point_stride(tiles, g.channels);
    float* zeros = scratch;
    float* inputs = zeros + g.channels + ZEROS;
    float* sums = inputs + POINTS * POINTS * in_stride;
    for (std::int64_t c = 0; c < g.channels + ZEROS; ++c) zeros[c] = 0.0F;

    for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t image = (first_tile + t) / grid.per_image;
        const std::int64_t at = (first_tile + t) % grid.per_image;
        const TilePixels pixels = tile_pixels(
            g.x + image * g.height * g.width * g.x_pixel, g.height, g.width, g.x_pixel,
            at / grid.across * OUT + g.origin_h, at % grid.across * OUT + g.origin_w, zeros);
        transform_tile(pixels, g.channels, inputs + t * g.channels, in_stride);
    }
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        const std::int64_t stride = point_stride(tiles, width);
        const float* b = g.packed + start * g.channels * POINTS * POINTS;
        const Step step{0, g.channels};
        const float* a[8];
        float* c[8];
        TileTask task{a, &step, 1, nullptr, c, width, nullptr, false, false, Activation::none};
        const int most = rows_for(width);
        for (int p = 0; p < POINTS * POINTS; ++p) {
            task.b = b + p * g.channels * width;
            std::int64_t left = (tiles + most - 1) / most;
            for (std::int64_t t = 0; t < tiles; --left) {
                const int rows = static_cast<int>((tiles - t + left - 1) / left);
                for (int q = 0; q < rows; ++q) {
                    a[q] = inputs + p * in_stride + (t + q) * g.channels;
                    c[q] = sums + p * stride + (t + q) * width;
                }
                run_tile(rows, width, task);
                t += rows;
            }
        }
        const std::int64_t valid = smaller(width, g.panels.columns - start);
        for (std::int64_t t = 0; t < tiles; ++t) {
            const std::int64_t image = (first_tile + t) / grid.per_image;
            const std::int64_t at = (first_tile + t) % grid.per_image;
            const std::int64_t i = at / grid.across * OUT, j = at % grid.across * OUT;
            output_tile(g, sums + t * width, stride, valid, start,
                        g.y + image * g.y_image + i * g.y_row + j * g.y_pixel,
                        smaller(OUT, g.out_height - i), smaller(OUT, g.out_width - j));
        }
    }
}

}  // namespace convlet::CONVLET_ISA
