// Copies between layouts, and sums over rows.
#include "layout.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

void copy_plane(const StridedPlane& plane, const char* from, float* RESTRICT to) {
    // Blocks of 16 rows keep the lines of a transposed plane in L1 until each is used up.
    constexpr std::int64_t BLOCK = 16;
    if (plane.column_stride == sizeof(float)) {
        for (std::int64_t i = 0; i < plane.rows; ++i) {
            const float* row = reinterpret_cast<const float*>(from + i * plane.row_stride);
#pragma omp simd
            for (std::int64_t j = 0; j < plane.columns; ++j) to[i * plane.columns + j] = row[j];
        }
        return;
    }
    for (std::int64_t i0 = 0; i0 < plane.rows; i0 += BLOCK) {
        const std::int64_t i1 = smaller(i0 + BLOCK, plane.rows);
        for (std::int64_t j = 0; j < plane.columns; ++j) {
            const char* column = from + j * plane.column_stride;
            for (std::int64_t i = i0; i < i1; ++i)
                to[i * plane.columns + j] =
                    *reinterpret_cast<const float*>(column + i * plane.row_stride);
        }
    }
}

// Few channels: 16 rows at a time are one long row, whose sums are folded at the end.
static void sum_short_rows(const float* x, std::int64_t rows, std::int64_t channels,
                           float* RESTRICT sums) {
    constexpr std::int64_t ROWS = 16;
    float acc[ROWS * VECTOR] = {};
    const std::int64_t width = ROWS * channels;
    std::int64_t r = 0;
    for (; r + ROWS <= rows; r += ROWS) {
        const float* row = x + r * channels;
#pragma omp simd
        for (std::int64_t j = 0; j < width; ++j) acc[j] += row[j];
    }
    for (std::int64_t c = 0; c < channels; ++c) sums[c] = 0.0F;
    for (std::int64_t j = 0; j < width; ++j) sums[j % channels] += acc[j];
    for (; r < rows; ++r)
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += x[r * channels + c];
}

void sum_rows(const float* x, std::int64_t rows, std::int64_t channels, float* RESTRICT sums) {
    if (channels < VECTOR) {
        sum_short_rows(x, rows, channels, sums);
        return;
    }
    for (std::int64_t c = 0; c < channels; ++c) sums[c] = 0.0F;
    constexpr int LANES = 4 * VECTOR;  // sums kept in registers while the rows go by
    std::int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        float acc[LANES] = {};
        for (std::int64_t r = 0; r < rows; ++r) {
            const float* row = x + r * channels + c;
#pragma omp simd
            for (int j = 0; j < LANES; ++j) acc[j] += row[j];
        }
        for (int j = 0; j < LANES; ++j) sums[c + j] = acc[j];
    }
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = x + r * channels;
#pragma omp simd
        for (std::int64_t j = c; j < channels; ++j) sums[j] += row[j];
    }
}

}  // namespace convlet::CONVLET_ISA
