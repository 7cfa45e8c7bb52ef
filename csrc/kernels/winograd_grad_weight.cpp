// Gradient of a 3x3 weight by Winograd's F(3x3, 4x4): the 4x4 gradients of a tile are the filter,
// its 6x6 inputs the data. Both are transformed, multiplied at each of 36 points with the tiles as
// the depth, and the sums transformed back once, at the end.
#include "conv2d.hpp"
#include "outer.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int OUT = 4;  // a tile holds 4x4 pixels of dy
constexpr int TAPS = 3;

}  // namespace

// Tile `t` of the block: 36 rows of x's channels into `data`, 36 rows of dy's panels into
// `filters`.
void winograd_gradient_tile(const WinogradGradient& w, std::int64_t t, float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const std::int64_t down = (g.out_height + OUT - 1) / OUT,
                       across = (g.out_width + OUT - 1) / OUT;
    const std::int64_t image = (w.first_tile + t) / (down * across);
    const std::int64_t at = (w.first_tile + t) % (down * across);
    const std::int64_t i0 = at / across * OUT, j0 = at % across * OUT;
    const TilePixels pixels =
        tile_pixels(g.x + image * g.height * g.width * g.x_pixel, g.height, g.width, g.x_pixel,
                    i0 + g.origin_h, j0 + g.origin_w, zeros);
    transform_tile(pixels, pixels, g.channels, w.data + t * g.channels, w.data_stride);

    const std::int64_t rows = smaller(OUT, g.out_height - i0);
    const std::int64_t columns = smaller(OUT, g.out_width - j0);
    const float* dy = w.gradient.dy + image * g.y_image + i0 * g.y_row + j0 * g.y_pixel;
    for (std::int64_t panel = 0; panel < panel_count(g.panels); ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        float* filters = w.filters + start * w.tiles + t * width;
        for (std::int64_t k = 0; k < width; k += VECTOR) {
            const std::int64_t lanes = larger(0, smaller(VECTOR, g.panels.columns - start - k));
            Lane half[POINTS * OUT];
            for (int j = 0; j < OUT; ++j) {
                Lane d[OUT];
                for (int i = 0; i < OUT; ++i) {
                    const bool inside = i < rows && j < columns;
                    const float* from =
                        inside ? dy + i * g.y_row + j * g.y_pixel + start + k : zeros;
                    if (lanes == VECTOR || !inside) {
#pragma omp simd
                        for (int l = 0; l < VECTOR; ++l) d[i][l] = from[l];
                    } else {
                        for (int l = 0; l < VECTOR; ++l) d[i][l] = l < lanes ? from[l] : 0.0F;
                    }
                }
                gradient_transform(d[0], VECTOR, half[j], OUT * VECTOR);
            }
            for (int i = 0; i < POINTS; ++i)
                gradient_transform(half[i * OUT], VECTOR,
                                   filters + i * POINTS * w.filter_stride + k, w.filter_stride);
        }
    }
}

// Adds the block's tiles to the sums of channels [first, last) and one panel at one point.
void winograd_gradient_point(const WinogradGradient& w, std::int64_t point, std::int64_t first,
                             std::int64_t last, std::int64_t panel, float* sums, bool resume) {
    const Correlation& g = w.gradient.geometry;
    const std::int64_t width = panel_width(g.panels, panel);
    OuterTask task{};
    task.a_step = g.channels;
    task.b = w.filters + point * w.filter_stride + panel_start(g.panels, panel) * w.tiles;
    task.b_step = width;
    task.rows = 1;
    task.columns = w.tiles;
    task.resume = resume;
    task.sums_step = width;
    const std::int64_t most = outer_rows(static_cast<int>(width / VECTOR));
    std::int64_t shares = (last - first + most - 1) / most;
    for (std::int64_t c = first; c < last; --shares) {
        const std::int64_t rows = (last - c + shares - 1) / shares;
        task.a = w.data + point * w.data_stride + c;
        task.sums = sums + (c - first) * width;
        run_outer_tile(rows, width, task);
        c += rows;
    }
}

// The sums at 36 points, each `stride` floats from the next, of channels [first, last) and one
// panel -> dw[k][c][3][3].
void winograd_gradient_taps(const WinogradGradient& w, std::int64_t first, std::int64_t last,
                            std::int64_t panel, const float* sums, std::int64_t stride, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const std::int64_t width = panel_width(g.panels, panel);
    const std::int64_t start = panel_start(g.panels, panel);
    const std::int64_t valid = smaller(width, g.panels.columns - start);
    for (std::int64_t c = first; c < last; ++c) {
        for (std::int64_t k = 0; k < valid; k += VECTOR) {
            const std::int64_t lanes = smaller(VECTOR, valid - k);
            Lane half[TAPS * POINTS], taps[TAPS * TAPS];
            const float* from = sums + (c - first) * width + k;
            for (int j = 0; j < POINTS; ++j)
                tap_transform(from + j * stride, POINTS * stride, half[j], POINTS * VECTOR);
            for (int r = 0; r < TAPS; ++r)
                tap_transform(half[r * POINTS], VECTOR, taps[r * TAPS], VECTOR);
            for (std::int64_t l = 0; l < lanes; ++l) {
                float* to = dw + ((start + k + l) * g.channels + c) * TAPS * TAPS;
                for (int t = 0; t < TAPS * TAPS; ++t) to[t] = taps[t][l];
            }
        }
    }
}

}  // namespace convlet::CONVLET_ISA
