// Gradient of a weight by Winograd's F(3x3, 4x4), or F(2x2, 4x4): the 4x4 gradients of a tile are
// the filter, its inputs the data. Both are transformed, multiplied at each point with the tiles as
// the depth, and the sums transformed back once, at the end. What is the data of a piece of the
// kernel lies beside that of the others.
#include "conv2d.hpp"
#include "outer.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Tile `t` of the block: rows of all pieces' channels into `data`, of dy's panels into `filters`.
template <int Points>
INLINE void transform_both(const WinogradGradient& w, std::int64_t t, float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const WinogradKernel& k = w.kernel;
    const Tile tile = tile_at(g, k, w.first_tile + t);
    float* data = w.data + t * k.count * g.channels;
    for (std::int64_t q = 0; q < k.count; ++q, data += g.channels) {
        const TilePixels<Points> pixels = pixels_of<Points>(g, k, tile, k.pieces[q], zeros);
        transform_tile(pixels, pixels, g.channels, data, w.data_stride);
    }
    const float* dy =
        w.gradient.dy + tile.image * g.y_image + tile.i * g.y_row + tile.j * g.y_pixel;
    const std::int64_t row = k.out_h * g.y_row, pixel = k.out_w * g.y_pixel;
    for (std::int64_t panel = 0; panel < panel_count(g.panels); ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        float* filters = w.filters + start * w.tiles + t * width;
        for (std::int64_t j = 0; j < width; j += VECTOR) {
            const std::int64_t lanes = larger(0, smaller(VECTOR, g.panels.columns - start - j));
            Lane half[Points * OUT];
            for (int c = 0; c < OUT; ++c) {
                Lane d[OUT];
                for (int r = 0; r < OUT; ++r) {
                    const bool inside = r < tile.rows && c < tile.columns;
                    const float* from = inside ? dy + r * row + c * pixel + start + j : zeros;
                    if (lanes == VECTOR || !inside) {
#pragma omp simd
                        for (int l = 0; l < VECTOR; ++l) d[r][l] = from[l];
                    } else {
                        for (int l = 0; l < VECTOR; ++l) d[r][l] = l < lanes ? from[l] : 0.0F;
                    }
                }
                gradient_transform<Points>(d[0], VECTOR, half[c], OUT * VECTOR);
            }
            for (int i = 0; i < Points; ++i)
                gradient_transform<Points>(half[i * OUT], VECTOR,
                                           filters + i * Points * w.filter_stride + j,
                                           w.filter_stride);
        }
    }
}

// The sums of a piece's channels [first, last) and one panel, `stride` floats from one point to the
// next -> dw[k][channel][tap].
template <int Points>
INLINE void transform_sums(const WinogradGradient& w, const WinogradPiece& piece,
                           std::int64_t first, std::int64_t last, std::int64_t panel,
                           const float* sums, std::int64_t stride, float* dw) {
    constexpr int TAPS = taps_of(Points);
    const Correlation& g = w.gradient.geometry;
    const WinogradKernel& k = w.kernel;
    const std::int64_t width = panel_width(g.panels, panel);
    const std::int64_t start = panel_start(g.panels, panel);
    const std::int64_t valid = smaller(width, g.panels.columns - start);
    for (std::int64_t c = first; c < last; ++c, sums += width) {
        for (std::int64_t j = 0; j < valid; j += VECTOR) {
            const std::int64_t lanes = smaller(VECTOR, valid - j);
            Lane half[TAPS * Points], taps[TAPS * TAPS];
            for (int p = 0; p < Points; ++p)
                tap_transform<Points>(sums + p * stride + j, Points * stride, half[p],
                                      Points * VECTOR);
            for (int r = 0; r < TAPS; ++r)
                tap_transform<Points>(half[r * Points], VECTOR, taps[r * TAPS], VECTOR);
            for (std::int64_t l = 0; l < lanes; ++l) {
                float* to = dw + ((start + j + l) * g.channels + c) * k.tap_count;
                for (int r = 0; r < piece.rows; ++r)
                    for (int s = 0; s < piece.columns; ++s)
                        to[(piece.first_row + r * k.tap_h) * k.kernel_w + piece.first_column +
                           s * k.tap_w] = taps[r * TAPS + s][l];
            }
        }
    }
}

}  // namespace

void winograd_gradient_tile(const WinogradGradient& w, std::int64_t t, float* zeros) {
    if (w.kernel.points == 6)
        transform_both<6>(w, t, zeros);
    else
        transform_both<5>(w, t, zeros);
}

// Adds the block's tiles to the sums of rows [first, last) of all pieces' channels and one panel at
// one point.
void winograd_gradient_point(const WinogradGradient& w, std::int64_t point, std::int64_t first,
                             std::int64_t last, std::int64_t panel, float* sums, bool resume) {
    const Correlation& g = w.gradient.geometry;
    const std::int64_t width = panel_width(g.panels, panel);
    const DepthRange range = depth_at(w.kernel, static_cast<int>(point), g.channels);
    const std::int64_t start = larger(first, range.first), end = smaller(last, range.last);
    if (start >= end) return;
    OuterTask task{};
    task.a_step = w.kernel.count * g.channels;
    task.b = w.filters + point * w.filter_stride + panel_start(g.panels, panel) * w.tiles;
    task.b_step = width;
    task.rows = 1;
    task.columns = w.tiles;
    task.resume = resume;
    task.sums_step = width;
    const std::int64_t most = outer_rows(static_cast<int>(width / VECTOR));
    std::int64_t shares = (end - start + most - 1) / most;
    for (std::int64_t c = start; c < end; --shares) {
        const std::int64_t rows = (end - c + shares - 1) / shares;
        task.a = w.data + point * w.data_stride + c;
        task.sums = sums + (c - first) * width;
        run_outer_tile(rows, width, task);
        c += rows;
    }
}

// The sums of rows [first, last) of all pieces' channels back to taps.
void winograd_gradient_taps(const WinogradGradient& w, std::int64_t first, std::int64_t last,
                            std::int64_t panel, const float* sums, std::int64_t stride, float* dw) {
    const Correlation& g = w.gradient.geometry;
    const std::int64_t width = panel_width(g.panels, panel);
    while (first < last) {
        const std::int64_t piece = first / g.channels, before = piece * g.channels;
        const std::int64_t end = smaller(last, before + g.channels);
        if (w.kernel.points == 6)
            transform_sums<6>(w, w.kernel.pieces[piece], first - before, end - before, panel, sums,
                              stride, dw);
        else
            transform_sums<5>(w, w.kernel.pieces[piece], first - before, end - before, panel, sums,
                              stride, dw);
        sums += (end - first) * width;
        first = end;
    }
}

}  // namespace convlet::CONVLET_ISA
