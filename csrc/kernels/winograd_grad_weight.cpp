// Gradient of a weight by Winograd's F(3x3, 4x4), or F(2x2, 4x4): the 4x4 gradients of a tile are
// the filter, its inputs the data. Both are transformed, multiplied at each point with the tiles as
// the depth, and the sums transformed back once, at the end. What is the data of a piece of the
// kernel lies beside that of the others.
//
// A few tiles are taken at a time, and of these two rows of points: so that the sums of all points,
// which stay from one time to the next, share the L2 with what is transformed.
#include "conv2d.hpp"
#include "outer.hpp"
#include "strip.hpp"
#include "transpose.hpp"
#include "winograd_gradient.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t TILES = 48;  // at a time
constexpr int GROUPS = 3;           // of rows of points

// The scratch memory of a part.
struct Memory {
    TileGrid grid;
    std::int64_t rows, columns;        // of the part
    std::int64_t pieces, first_piece;  // of the kernel, that it has rows of
    std::int64_t sums_stride;          // floats from one point to the next
    std::int64_t data_stride, filter_stride;
    float* sums;       // [point][panel][row][lane]
    float* data;       // [point][tile][row]
    float* filters;    // [point][panel][tile][lane]
    float* pixels;     // TilePixels, [tile][piece]
    float* gradients;  // TileGradients
};

// Floats of an array of `count` of these.
template <class T>
constexpr std::int64_t floats_of(std::int64_t count) {
    return count * static_cast<std::int64_t>(sizeof(T) / sizeof(float));
}

template <int Points>
INLINE Memory memory_of(const WinogradGradient& w, const WinogradPart& part, float* scratch) {
    const Correlation& g = w.gradient.geometry;
    Memory m{};
    m.grid = grid_of(g, w.kernel);
    m.rows = part.last_row - part.first_row;
    for (std::int64_t p = part.first_panel; p < part.last_panel; ++p)
        m.columns += panel_width(g.panels, p);
    m.first_piece = part.first_row / g.channels;
    m.pieces = (part.last_row - 1) / g.channels + 1 - m.first_piece;
    // One more line between points: a power of two would put all in the same sets of the cache.
    m.sums_stride = m.rows * m.columns + LINE;
    m.data_stride = TILES * m.rows + LINE;
    m.filter_stride = TILES * m.columns + LINE;
    m.sums = scratch;
    m.data = m.sums + Points * Points * m.sums_stride;
    m.filters = m.data + 2 * Points * m.data_stride;
    m.pixels = m.filters + 2 * Points * m.filter_stride;
    m.pixels += (m.pixels - m.sums) % LINE == 0 ? 0 : LINE - (m.pixels - m.sums) % LINE;
    m.gradients = m.pixels + floats_of<TilePixels<Points>>(TILES * m.pieces);
    return m;
}

template <int Points>
INLINE void find_tiles(const WinogradGradient& w, const Memory& m, const TileRange& tiles,
                       const float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const WinogradKernel& k = w.kernel;
    auto* pixels = reinterpret_cast<TilePixels<Points>*>(m.pixels);
    auto* gradients = reinterpret_cast<TileGradients*>(m.gradients);
    const std::int64_t row = k.out_h * g.y_row, pixel = k.out_w * g.y_pixel;
    for (std::int64_t t = 0; t < tiles.last - tiles.first; ++t) {
        const Tile tile = tile_at(g, k, m.grid, tiles.first + t);
        for (std::int64_t q = 0; q < m.pieces; ++q)
            *pixels++ = pixels_of<Points>(g, k, tile, k.pieces[m.first_piece + q], zeros);
        const float* dy =
            w.gradient.dy + tile.image * g.y_image + tile.i * g.y_row + tile.j * g.y_pixel;
        for (int j = 0; j < OUT; ++j)
            for (int i = 0; i < OUT; ++i)
                gradients[t].at[j][i] =
                    i < tile.rows && j < tile.columns ? dy + i * row + j * pixel : zeros;
    }
}

template <int Points, int First, int Second>
INLINE void transform_tiles(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                            const TileRange& tiles, bool fetch) {
    const Correlation& g = w.gradient.geometry;
    const auto* pixels = reinterpret_cast<const TilePixels<Points>*>(m.pixels);
    const auto* gradients = reinterpret_cast<const TileGradients*>(m.gradients);
    const std::int64_t count = tiles.last - tiles.first;
    for (std::int64_t t = 0; t < count; ++t) {
        const bool ahead = fetch && t + 1 < count;
        const Sides sides = sides_of(m.grid, tiles.first + t);
        float* data = m.data + t * m.rows;
        for (std::int64_t q = 0; q < m.pieces; ++q, ++pixels) {
            const std::int64_t before = (m.first_piece + q) * g.channels;
            const std::int64_t first = larger(0, part.first_row - before);
            const std::int64_t last = smaller(g.channels, part.last_row - before);
            transform_data<Points, First, Second>(*pixels, sides,
                                                  ahead ? pixels + m.pieces : nullptr, first, last,
                                                  data, m.data_stride);
            data += last - first;
        }
        float* filters = m.filters;
        for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
            const std::int64_t width = panel_width(g.panels, panel);
            const std::int64_t start = panel_start(g.panels, panel);
            transform_filters<Points, First, Second>(
                gradients[t], sides, ahead ? gradients + t + 1 : nullptr, start, width,
                smaller(width, g.panels.columns - start), filters + t * width, m.filter_stride);
            filters += count * width;
        }
    }
}

// Adds the products of tiles to the sums at one point, the `at`th of those transformed.
INLINE void multiply_tiles(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                           const TileRange& tiles, int point, int at) {
    const Correlation& g = w.gradient.geometry;
    const DepthRange range = depth_at(w.kernel, point, g.channels);
    const std::int64_t first = larger(part.first_row, range.first) - part.first_row;
    const std::int64_t last = smaller(part.last_row, range.last) - part.first_row;
    if (first >= last) return;
    float* sums = m.sums + point * m.sums_stride;
    const TileRange all = tiles_with(m.grid, w.kernel, point, part.first_tile, part.last_tile);
    const TileRange here = tiles_with(m.grid, w.kernel, point, tiles.first, tiles.last);
    if (here.first >= here.last) {
        if (all.first >= all.last) zero_floats(sums, m.rows * m.columns);
        return;
    }
    OuterTask task{};
    task.a_step = m.rows;
    task.rows = 1;
    task.columns = here.last - here.first;
    task.resume = here.first > all.first;
    task.b = m.filters + at * m.filter_stride;
    const std::int64_t skipped = here.first - tiles.first;
    for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t most = outer_rows(static_cast<int>(width / VECTOR));
        task.b_step = task.sums_step = width;
        const float* filters = task.b;
        task.b = filters + skipped * width;
        std::int64_t shares = (last - first + most - 1) / most;
        for (std::int64_t r = first; r < last; --shares) {
            const std::int64_t rows = (last - r + shares - 1) / shares;
            task.a = m.data + at * m.data_stride + skipped * m.rows + r;
            task.sums = sums + r * width;
            run_outer_tile(rows, width, task);
            r += rows;
        }
        task.b = filters + (tiles.last - tiles.first) * width;
        sums += m.rows * width;
    }
}

template <int Points, int Group>
INLINE void add_group(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                      const TileRange& tiles) {
    constexpr PointRows rows = point_rows<Points>(Group);
    transform_tiles<Points, rows.at[0], rows.at[1]>(w, part, m, tiles, Group == 0);
    for (int j = 0; j < Points; ++j) multiply_tiles(w, part, m, tiles, rows.at[0] * Points + j, j);
    if (rows.at[1] < 0) return;
    for (int j = 0; j < Points; ++j)
        multiply_tiles(w, part, m, tiles, rows.at[1] * Points + j, Points + j);
}

// The sums of one row and VECTOR lanes back to taps.
template <int Points>
INLINE void taps_from(const float* sums, std::int64_t stride, Lane* taps) {
    constexpr int TAPS = taps_of(Points);
    Lane half[TAPS * Points];
    for (int p = 0; p < Points; ++p)
        tap_transform<Points>(sums + p * stride, Points * stride, half[p], Points * VECTOR);
    for (int r = 0; r < TAPS; ++r)
        tap_transform<Points>(half[r * Points], VECTOR, taps[r * TAPS], VECTOR);
}

template <int Points>
INLINE void write_partial(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                          float* partial) {
    constexpr int TAPS = taps_of(Points);
    const Correlation& g = w.gradient.geometry;
    const WinogradKernel& k = w.kernel;
    const float* sums = m.sums;
    for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        float* of_panel = partial + panel_start(g.panels, panel) * k.tap_count * g.channels;
        for (std::int64_t row = part.first_row; row < part.last_row; ++row, sums += width) {
            const WinogradPiece& piece = k.pieces[row / g.channels];
            float* to = of_panel + row % g.channels * width;
            for (std::int64_t j = 0; j < width; j += VECTOR) {
                const std::int64_t lanes = smaller(VECTOR, width - j);
                Lane taps[TAPS * TAPS];
                taps_from<Points>(sums + j, m.sums_stride, taps);
                for (int r = 0; r < piece.rows; ++r) {
                    for (int s = 0; s < piece.columns; ++s) {
                        const std::int64_t tap = (piece.first_row + r * k.tap_h) * k.kernel_w +
                                                 piece.first_column + s * k.tap_w;
                        float* there = to + tap * g.channels * width + j;
                        for (std::int64_t l = 0; l < lanes; ++l) there[l] = taps[r * TAPS + s][l];
                    }
                }
            }
        }
    }
}

// The same to the weight's gradient, of a kernel of one piece: some rows' taps, which are
// neighbours there, are turned from the lanes.
template <int Points>
INLINE void write_weight(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                         float* weight) {
    constexpr int TAPS = taps_of(Points), ROWS = 16;
    const Correlation& g = w.gradient.geometry;
    const WinogradPiece& piece = w.kernel.pieces[0];
    const std::int64_t count = w.kernel.tap_count, lane_stride = g.channels * count;
    const float* sums = m.sums;
    for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t start = panel_start(g.panels, panel);
        const std::int64_t valid = smaller(width, g.panels.columns - start);
        for (std::int64_t row = 0; row < m.rows; row += ROWS) {
            const std::int64_t rows = smaller(ROWS, m.rows - row);
            float* to = weight + start * lane_stride + (part.first_row + row) * count;
            for (std::int64_t j = 0; j < valid; j += VECTOR) {
                Lane turned[ROWS * TAPS * TAPS];
                for (std::int64_t i = 0; i < rows; ++i) {
                    Lane taps[TAPS * TAPS];
                    taps_from<Points>(sums + (row + i) * width + j, m.sums_stride, taps);
                    Lane* to_row = turned + i * count;
                    for (int r = 0; r < piece.rows; ++r) {
                        for (int s = 0; s < piece.columns; ++s, ++to_row) {
#pragma omp simd
                            for (int l = 0; l < VECTOR; ++l) (*to_row)[l] = taps[r * TAPS + s][l];
                        }
                    }
                }
                transpose(turned[0], VECTOR, rows * count, smaller(VECTOR, valid - j),
                          to + j * lane_stride, lane_stride);
            }
        }
        sums += m.rows * width;
    }
}

template <int Points>
INLINE void gradient_of(const WinogradGradient& w, const WinogradPart& part, const float* zeros,
                        float* scratch, const WinogradTarget& target) {
    const Memory m = memory_of<Points>(w, part, scratch);
    const std::int64_t all = part.last_tile - part.first_tile;
    const std::int64_t turns = (all + TILES - 1) / TILES;
    for (std::int64_t turn = 0; turn < turns; ++turn) {
        const TileRange tiles{part.first_tile + turn * all / turns,
                              part.first_tile + (turn + 1) * all / turns};
        find_tiles<Points>(w, m, tiles, zeros);
        add_group<Points, 0>(w, part, m, tiles);
        add_group<Points, 1>(w, part, m, tiles);
        add_group<Points, 2>(w, part, m, tiles);
    }
    if (target.weight != nullptr)
        write_weight<Points>(w, part, m, target.weight);
    else
        write_partial<Points>(w, part, m, target.partial);
}

template <int Points>
INLINE std::int64_t floats_for(const WinogradGradient& w, const WinogradPart& part) {
    const Memory m = memory_of<Points>(w, part, nullptr);
    return m.gradients - m.sums + floats_of<TileGradients>(TILES);
}

}  // namespace

std::int64_t winograd_gradient_floats(const WinogradGradient& w, const WinogradPart& part) {
    return w.kernel.points == 6 ? floats_for<6>(w, part) : floats_for<5>(w, part);
}

void winograd_gradient(const WinogradGradient& w, const WinogradPart& part, const float* zeros,
                       float* scratch, const WinogradTarget& target) {
    if (w.kernel.points == 6)
        gradient_of<6>(w, part, zeros, scratch, target);
    else
        gradient_of<5>(w, part, zeros, scratch, target);
}

}  // namespace convlet::CONVLET_ISA
