// Winograd's tiles: where they are, what they read, and at which points they have products.
#pragma once

#include "winograd_short.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// The tiles of all images, those of every `out_h`th row and `out_w`th column together. Those whose
// columns are short come first, then whole ones, then those whose rows are short, then those of
// which both are: so tiles that have products at a point are neighbours. Only outputs that are
// neighbours have short sides, the last ones of an image; their sizes are OUT where there are none.
struct TileGrid {
    std::int64_t rows, columns;     // of whole tiles,
    std::int64_t phases;            // of so many grids of an image
    Sides last;                     // the outputs of short sides
    std::int64_t whole, low, both;  // first tiles of their kinds
    std::int64_t count;
};

INLINE TileGrid grid_of(const Correlation& g, const WinogradKernel& k) {
    const std::int64_t rows = (g.out_height + k.out_h - 1) / k.out_h;
    const std::int64_t columns = (g.out_width + k.out_w - 1) / k.out_w;
    TileGrid t{};
    t.last = {OUT, OUT};
    t.phases = smaller(k.out_h, g.out_height) * smaller(k.out_w, g.out_width);
    t.rows = (rows + OUT - 1) / OUT;
    t.columns = (columns + OUT - 1) / OUT;
    if (k.out_h == 1 && k.out_w == 1) {
        t.rows = rows / OUT;
        t.columns = columns / OUT;
        if (rows % OUT != 0) t.last.rows = static_cast<int>(rows % OUT);
        if (columns % OUT != 0) t.last.columns = static_cast<int>(columns % OUT);
    }
    const std::int64_t low = t.last.rows < OUT ? 1 : 0, right = t.last.columns < OUT ? 1 : 0;
    t.whole = g.images * t.rows * right;
    t.low = t.whole + g.images * t.rows * t.columns * t.phases;
    t.both = t.low + g.images * t.columns * low;
    t.count = t.both + g.images * low * right;
    return t;
}

INLINE bool is_low(const TileGrid& t, std::int64_t number) { return number >= t.low; }
INLINE bool is_right(const TileGrid& t, std::int64_t number) {
    return number < t.whole || number >= t.both;
}

INLINE Sides sides_of(const TileGrid& t, std::int64_t number) {
    return {is_low(t, number) ? t.last.rows : OUT, is_right(t, number) ? t.last.columns : OUT};
}

// A tile: its first pixel of y, and how many of its 4x4 pixels exist.
struct Tile {
    std::int64_t image, i, j, rows, columns;
};

INLINE std::int64_t pixels_left(std::int64_t size, std::int64_t first, std::int64_t step) {
    return larger(0, smaller(OUT, (size - first + step - 1) / step));
}

INLINE Tile tile_at(const Correlation& g, const WinogradKernel& k, const TileGrid& t,
                    std::int64_t number) {
    const bool low = is_low(t, number), right = is_right(t, number);
    const std::int64_t before = low ? (right ? t.both : t.low) : (right ? 0 : t.whole);
    const std::int64_t rows = low ? 1 : t.rows, columns = right ? 1 : t.columns;
    const std::int64_t of_phase = rows * columns, of_image = of_phase * t.phases;
    const std::int64_t in_image = (number - before) % of_image;
    const std::int64_t phase = in_image / of_phase, at = in_image % of_phase;
    const std::int64_t phases_w = smaller(k.out_w, g.out_width);
    const std::int64_t row = (low ? t.rows : 0) + at / columns;
    const std::int64_t column = (right ? t.columns : 0) + at % columns;
    const std::int64_t i = phase / phases_w + row * OUT * k.out_h;
    const std::int64_t j = phase % phases_w + column * OUT * k.out_w;
    return {(number - before) / of_image, i, j, pixels_left(g.out_height, i, k.out_h),
            pixels_left(g.out_width, j, k.out_w)};
}

struct TileRange {
    std::int64_t first, last;
};

// Tiles of [first, last) that have products at a point.
INLINE TileRange tiles_with(const TileGrid& t, const WinogradKernel& k, int point,
                            std::int64_t first, std::int64_t last) {
    const bool low = takes(k.points, t.last.rows, point / k.points);
    const bool right = takes(k.points, t.last.columns, point % k.points);
    const std::int64_t begin = right ? 0 : t.whole;
    const std::int64_t end = low ? (right ? t.count : t.both) : t.low;
    return {larger(first, smaller(last, begin)), smaller(last, larger(first, end))};
}

// The inputs of a tile as pointers to its pixels; pixels outside the image point at zeros.
template <int Points>
struct TilePixels {
    const float* at[Points][Points];  // by column
};

template <int Points>
INLINE TilePixels<Points> pixels_of(const Correlation& g, const WinogradKernel& k, const Tile& tile,
                                    const WinogradPiece& piece, const float* zeros) {
    const float* image = g.x + tile.image * g.height * g.width * g.x_pixel;
    const std::int64_t top = tile.i * g.step_h + piece.first_row * g.dilation_h + g.origin_h;
    const std::int64_t left = tile.j * g.step_w + piece.first_column * g.dilation_w + g.origin_w;
    TilePixels<Points> p;
    for (int i = 0; i < Points; ++i) {
        const std::int64_t y = top + i * k.in_h;
        for (int j = 0; j < Points; ++j) {
            const std::int64_t x = left + j * k.in_w;
            const bool inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
            p.at[j][i] = inside ? image + (y * g.width + x) * g.x_pixel : zeros;
        }
    }
    return p;
}

// The channels from c on that do not fill a register, copied beside zeros: at[j][i] points at those
// of pixels[j][i].
template <int Size>
INLINE void copy_lanes(const float* const (&pixels)[Size][Size], std::int64_t c, std::int64_t lanes,
                       Lane (&copies)[Size * Size], const float* (&at)[Size][Size]) {
    for (int p = 0; p < Size * Size; ++p) {
        const float* from = pixels[p / Size][p % Size] + c;
        for (int l = 0; l < VECTOR; ++l) copies[p][l] = l < lanes ? from[l] : 0.0F;
        at[p / Size][p % Size] = copies[p];
    }
}

// A line of each of a tile's pixels.
template <int Size>
INLINE void fetch_pixels(const float* const (&pixels)[Size][Size], std::int64_t c) {
    UNROLL
    for (int j = 0; j < Size; ++j) {
        UNROLL
        for (int i = 0; i < Size; ++i) __builtin_prefetch(pixels[j][i] + c, 0, 3);
    }
}

// Transforms VECTOR channels of a tile, of which pixel (i, j) is at pixels[j][i] + c; point p goes
// to out + p * point_stride.
template <int Points>
INLINE void transform_lanes(const float* const (&pixels)[Points][Points], std::int64_t c,
                            float* RESTRICT out, std::int64_t point_stride) {
    Lane columns[Points * Points];
    for (int j = 0; j < Points; ++j) {
        const float* column[Points];
        UNROLL
        for (int i = 0; i < Points; ++i) column[i] = pixels[j][i] + c;
        data_transform(column, columns[j], Points * VECTOR);
    }
    for (int i = 0; i < Points; ++i) {
        const float* row[Points];
        UNROLL
        for (int j = 0; j < Points; ++j) row[j] = columns[i * Points + j];
        data_transform(row, out + i * Points * point_stride, point_stride);
    }
}

// The same of a tile with a short side, to the points that it takes.
template <int Points>
INLINE void transform_short(const float* const (&pixels)[Points][Points], const Sides& sides,
                            std::int64_t c, float* out, std::int64_t point_stride) {
    int rows[Points];
    for (int i = 0; i < Points; ++i) rows[i] = i;
    short_lanes<Side::data, Points>(pixels, sides, rows, c, out, point_stride);
}

// Transforms channels [first, last) of a tile. The pixels of the tile after it are fetched
// meanwhile: they are more streams than processors follow.
template <int Points>
INLINE void transform_tile(const TilePixels<Points>& pixels, const Sides& sides,
                           const TilePixels<Points>& next, std::int64_t first, std::int64_t last,
                           float* RESTRICT out, std::int64_t point_stride) {
    const bool whole = are_whole(sides);
    std::int64_t c = first;
    for (; c + VECTOR <= last; c += VECTOR, out += VECTOR) {
        if (c % LINE == 0) fetch_pixels(next.at, c);
        if (whole)
            transform_lanes(pixels.at, c, out, point_stride);
        else
            transform_short(pixels.at, sides, c, out, point_stride);
    }
    if (c == last) return;
    Lane inputs[Points * Points], points[Points * Points];
    const float* at[Points][Points];
    const std::int64_t lanes = last - c;
    copy_lanes(pixels.at, c, lanes, inputs, at);
    if (whole)
        transform_lanes(at, 0, points[0], VECTOR);
    else
        transform_short(at, sides, 0, points[0], VECTOR);
    for (int p = 0; p < Points * Points; ++p) {
        if (!takes(Points, sides.rows, p / Points) || !takes(Points, sides.columns, p % Points))
            continue;
        for (std::int64_t l = 0; l < lanes; ++l) out[p * point_stride + l] = points[p][l];
    }
}

// The rows of the depth, pieces and their channels, that have products at a point.
struct DepthRange {
    std::int64_t first, last;
};

INLINE DepthRange depth_at(const WinogradKernel& k, int point, std::int64_t channels) {
    const bool last_row = point / k.points == k.points - 1;
    const bool last_column = point % k.points == k.points - 1;
    return {(last_column ? k.first_of_columns : 0) * channels, (last_row      ? k.last_of_rows
                                                                : last_column ? k.last_of_columns
                                                                              : k.count) *
                                                                   channels};
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
