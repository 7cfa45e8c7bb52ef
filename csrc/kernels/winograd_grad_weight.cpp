// Gradient of a weight by Winograd's F(3x3, 4x4), or F(2x2, 4x4): the 4x4 gradients of a tile are
// the filter, its inputs the data. Both are transformed, multiplied at each point with the tiles as
// the depth, and the sums transformed back once, at the end. What is the data of a piece of the
// kernel lies beside that of the others.
//
// A few tiles are taken at a time, and of these two rows of points: so that the sums of all points,
// which stay from one time to the next, share the L2 with what is transformed.
#include "conv2d.hpp"
#include "outer.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t TILES = 48;  // at a time
constexpr int GROUPS = 3;           // of rows of points

// Rows of points that are made together, those whose transforms have most in common; -1 for none.
struct PointRows {
    int first, second;
};

template <int Points>
constexpr PointRows point_rows(int group) {
    if (group == 0) return {1, 2};
    if (Points == 6) return group == 1 ? PointRows{3, 4} : PointRows{0, 5};
    return group == 1 ? PointRows{0, 4} : PointRows{3, -1};
}

// Where a tile's gradients are, by column; outside the image these are zeros.
struct TileGradients {
    const float* at[OUT][OUT];
};

// The scratch memory of a part.
struct Memory {
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
INLINE void find_tiles(const WinogradGradient& w, const Memory& m, std::int64_t first,
                       std::int64_t tiles, const float* zeros) {
    const Correlation& g = w.gradient.geometry;
    const WinogradKernel& k = w.kernel;
    auto* pixels = reinterpret_cast<TilePixels<Points>*>(m.pixels);
    auto* gradients = reinterpret_cast<TileGradients*>(m.gradients);
    const std::int64_t row = k.out_h * g.y_row, pixel = k.out_w * g.y_pixel;
    for (std::int64_t t = 0; t < tiles; ++t) {
        const Tile tile = tile_at(g, k, first + t);
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

// Column j of a transform's half-way results: the two rows of points that are wanted.
template <int Points, int First, int Second, int Columns>
INLINE void keep_rows(const Lane (&all)[Points], Lane (&half)[2][Columns], int j) {
#pragma omp simd
    for (int l = 0; l < VECTOR; ++l) half[0][j][l] = all[First][l];
    if constexpr (Second >= 0) {
#pragma omp simd
        for (int l = 0; l < VECTOR; ++l) half[1][j][l] = all[Second][l];
    }
}

// VECTOR channels of the data: two rows of points go to out, [row, column] `stride` apart.
template <int Points, int First, int Second>
INLINE void data_lanes(const float* const (&pixels)[Points][Points], std::int64_t c,
                       float* RESTRICT out, std::int64_t stride) {
    Lane half[2][Points];
    for (int j = 0; j < Points; ++j) {
        const float* column[Points];
        UNROLL
        for (int i = 0; i < Points; ++i) column[i] = pixels[j][i] + c;
        Lane all[Points];
        data_transform(column, all[0], VECTOR);
        keep_rows<Points, First, Second>(all, half, j);
    }
    for (int r = 0; r < (Second < 0 ? 1 : 2); ++r) {
        const float* row[Points];
        UNROLL
        for (int j = 0; j < Points; ++j) row[j] = half[r][j];
        data_transform(row, out + r * Points * stride, stride);
    }
}

template <int Points, int First, int Second>
INLINE void transform_data(const TilePixels<Points>& pixels, const TilePixels<Points>* next,
                           std::int64_t first, std::int64_t last, float* RESTRICT out,
                           std::int64_t stride) {
    std::int64_t c = first;
    for (; c + VECTOR <= last; c += VECTOR, out += VECTOR) {
        if (next != nullptr && c % LINE == 0) fetch_pixels(next->at, c);
        data_lanes<Points, First, Second>(pixels.at, c, out, stride);
    }
    if (c == last) return;
    Lane inputs[Points * Points], points[2 * Points];
    const float* at[Points][Points];
    const std::int64_t lanes = last - c;
    copy_lanes(pixels.at, c, lanes, inputs, at);
    data_lanes<Points, First, Second>(at, 0, points[0], VECTOR);
    for (int p = 0; p < (Second < 0 ? 1 : 2) * Points; ++p)
        for (std::int64_t l = 0; l < lanes; ++l) out[p * stride + l] = points[p][l];
}

// VECTOR lanes of the filters.
template <int Points, int First, int Second>
INLINE void filter_lanes(const float* const (&gradients)[OUT][OUT], std::int64_t k,
                         float* RESTRICT out, std::int64_t stride) {
    Lane half[2][OUT];
    for (int j = 0; j < OUT; ++j) {
        const float* column[OUT];
        UNROLL
        for (int i = 0; i < OUT; ++i) column[i] = gradients[j][i] + k;
        Lane all[Points];
        gradient_transform<Points>(column, all[0], VECTOR);
        keep_rows<Points, First, Second>(all, half, j);
    }
    for (int r = 0; r < (Second < 0 ? 1 : 2); ++r) {
        const float* row[OUT];
        UNROLL
        for (int j = 0; j < OUT; ++j) row[j] = half[r][j];
        gradient_transform<Points>(row, out + r * Points * stride, stride);
    }
}

// A panel's filters, of which `valid` lanes exist.
template <int Points, int First, int Second>
INLINE void transform_filters(const TileGradients& gradients, const TileGradients* next,
                              std::int64_t start, std::int64_t width, std::int64_t valid,
                              float* RESTRICT out, std::int64_t stride) {
    std::int64_t j = 0;
    for (; j + VECTOR <= valid; j += VECTOR) {
        if (next != nullptr && j % LINE == 0) fetch_pixels(next->at, start + j);
        filter_lanes<Points, First, Second>(gradients.at, start + j, out + j, stride);
    }
    for (; j < width; j += VECTOR) {
        Lane copies[OUT * OUT];
        const float* at[OUT][OUT];
        copy_lanes(gradients.at, start + j, valid - j, copies, at);
        filter_lanes<Points, First, Second>(at, 0, out + j, stride);
    }
}

template <int Points, int First, int Second>
INLINE void transform_tiles(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                            std::int64_t tiles, bool fetch) {
    const Correlation& g = w.gradient.geometry;
    const auto* pixels = reinterpret_cast<const TilePixels<Points>*>(m.pixels);
    const auto* gradients = reinterpret_cast<const TileGradients*>(m.gradients);
    for (std::int64_t t = 0; t < tiles; ++t) {
        const bool ahead = fetch && t + 1 < tiles;
        float* data = m.data + t * m.rows;
        for (std::int64_t q = 0; q < m.pieces; ++q, ++pixels) {
            const std::int64_t before = (m.first_piece + q) * g.channels;
            const std::int64_t first = larger(0, part.first_row - before);
            const std::int64_t last = smaller(g.channels, part.last_row - before);
            transform_data<Points, First, Second>(*pixels, ahead ? pixels + m.pieces : nullptr,
                                                  first, last, data, m.data_stride);
            data += last - first;
        }
        float* filters = m.filters;
        for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
            const std::int64_t width = panel_width(g.panels, panel);
            const std::int64_t start = panel_start(g.panels, panel);
            transform_filters<Points, First, Second>(
                gradients[t], ahead ? gradients + t + 1 : nullptr, start, width,
                smaller(width, g.panels.columns - start), filters + t * width, m.filter_stride);
            filters += tiles * width;
        }
    }
}

// Adds the products of tiles to the sums at one point, the `at`th of those transformed.
INLINE void multiply_tiles(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                           std::int64_t tiles, int point, int at, bool resume) {
    const Correlation& g = w.gradient.geometry;
    const DepthRange range = depth_at(w.kernel, point, g.channels);
    const std::int64_t first = larger(part.first_row, range.first) - part.first_row;
    const std::int64_t last = smaller(part.last_row, range.last) - part.first_row;
    if (first >= last) return;
    OuterTask task{};
    task.a_step = m.rows;
    task.rows = 1;
    task.columns = tiles;
    task.resume = resume;
    task.b = m.filters + at * m.filter_stride;
    float* sums = m.sums + point * m.sums_stride;
    for (std::int64_t panel = part.first_panel; panel < part.last_panel; ++panel) {
        const std::int64_t width = panel_width(g.panels, panel);
        const std::int64_t most = outer_rows(static_cast<int>(width / VECTOR));
        task.b_step = task.sums_step = width;
        std::int64_t shares = (last - first + most - 1) / most;
        for (std::int64_t r = first; r < last; --shares) {
            const std::int64_t rows = (last - r + shares - 1) / shares;
            task.a = m.data + at * m.data_stride + r;
            task.sums = sums + r * width;
            run_outer_tile(rows, width, task);
            r += rows;
        }
        task.b += tiles * width;
        sums += m.rows * width;
    }
}

template <int Points, int Group>
INLINE void add_group(const WinogradGradient& w, const WinogradPart& part, const Memory& m,
                      std::int64_t tiles, bool resume) {
    constexpr PointRows rows = point_rows<Points>(Group);
    transform_tiles<Points, rows.first, rows.second>(w, part, m, tiles, Group == 0);
    for (int j = 0; j < Points; ++j)
        multiply_tiles(w, part, m, tiles, rows.first * Points + j, j, resume);
    if (rows.second < 0) return;
    for (int j = 0; j < Points; ++j)
        multiply_tiles(w, part, m, tiles, rows.second * Points + j, Points + j, resume);
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
        const std::int64_t from = turn * all / turns, tiles = (turn + 1) * all / turns - from;
        find_tiles<Points>(w, m, part.first_tile + from, tiles, zeros);
        add_group<Points, 0>(w, part, m, tiles, turn > 0);
        add_group<Points, 1>(w, part, m, tiles, turn > 0);
        add_group<Points, 2>(w, part, m, tiles, turn > 0);
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
