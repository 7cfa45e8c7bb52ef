// Resizing and its gradient: each pixel is a weighted sum of a rectangle of another image.
#include "resize2d.hpp"

#include "channels.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// The pixels that a target is made of, along one axis.
struct Run {
    std::int64_t first, count;
    const float* weight;
};

INLINE Run run_of(const ResizeAxis& a, std::int64_t target) {
    const std::int64_t offset = a.offset[target];
    return {a.first[target], a.offset[target + 1] - offset, a.weight + offset};
}

// A rectangle of pixels, `row` floats between its rows.
struct Source {
    const float* x;
    std::int64_t row, channels;
    Run rows, columns;
};

// R and S are the counts of rows and columns where they are constants, else 0.
template <int R, int S>
INLINE void weigh(const Source& from, bool exact, float* RESTRICT y) {
    const std::int64_t rows = R > 0 ? R : from.rows.count, columns = S > 0 ? S : from.columns.count;
    for_channels(0, from.channels, exact,
                 [&]<int Lanes>(std::int64_t c, std::int64_t count) __attribute__((always_inline)) {
                     const std::int64_t lanes = lanes_or<Lanes>(count);
                     float sum[ROOM<Lanes>];
#pragma omp simd
                     for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                     for (std::int64_t r = 0; r < rows; ++r)
                         for (std::int64_t s = 0; s < columns; ++s) {
                             const float weight = from.rows.weight[r] * from.columns.weight[s];
                             const float* tap = from.x + r * from.row + s * from.channels + c;
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l) sum[l] += weight * tap[l];
                         }
#pragma omp simd
                     for (std::int64_t l = 0; l < lanes; ++l) y[c + l] = sum[l];
                 });
}

INLINE void copy(const Source& from, bool exact, float* RESTRICT y) {
    for_channels(0, from.channels, exact,
                 [&]<int Lanes>(std::int64_t c, std::int64_t count) __attribute__((always_inline)) {
                     const std::int64_t lanes = lanes_or<Lanes>(count);
#pragma omp simd
                     for (std::int64_t l = 0; l < lanes; ++l) y[c + l] = from.x[c + l];
                 });
}

INLINE bool is_one(const Run& run) { return run.count == 1 && run.weight[0] == 1.0F; }

}  // namespace

void resize2d(const Resize& p, const PixelBlock& b, const float* from, float* to) {
    const std::int64_t channels = p.channels, extra = overrun(channels);
    const std::int64_t pixels = p.images * p.from_height * p.from_width;
    const bool full_width = b.j0 == 0 && b.j1 == p.width;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        const Run rows = run_of(p.rows, i);
        const std::int64_t row = (b.image * p.from_height + rows.first) * p.from_width;
        float* y = to + ((b.image * p.height + i) * p.width + b.j0) * channels;
        // Lanes may run over into the pixels of this block and over pixels that exist.
        const std::int64_t end = full_width ? (b.i1 - i) * p.width : b.j1;
        for (std::int64_t j = b.j0; j < b.j1; ++j, y += channels) {
            const Run columns = run_of(p.columns, j);
            const std::int64_t first = row + columns.first;
            const std::int64_t last = first + (rows.count - 1) * p.from_width + columns.count - 1;
            const bool exact = extra > 0 && (j + extra >= end || last + extra >= pixels);
            const Source source{from + first * channels, p.from_width * channels, channels, rows,
                                columns};
            if (is_one(rows) && is_one(columns))
                copy(source, exact, y);
            else if (rows.count == 2 && columns.count == 2)
                weigh<2, 2>(source, exact, y);
            else
                weigh<0, 0>(source, exact, y);
        }
    }
}

}  // namespace convlet::CONVLET_ISA
