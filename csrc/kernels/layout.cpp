// Copies between layouts, sums over rows, and fingerprints.
#include "layout.hpp"

#include "simd.hpp"
#include "transpose.hpp"

namespace convlet::CONVLET_ISA {

void copy_plane(const StridedPlane& plane, const char* from, float* RESTRICT to) {
    constexpr std::int64_t FLOAT = sizeof(float);
    if (plane.column_stride == FLOAT) {
        for (std::int64_t i = 0; i < plane.rows; ++i) {
            const float* row = reinterpret_cast<const float*>(from + i * plane.row_stride);
#pragma omp simd
            for (std::int64_t j = 0; j < plane.columns; ++j) to[i * plane.to_row + j] = row[j];
        }
        return;
    }
    if (plane.row_stride == FLOAT && plane.column_stride % FLOAT == 0) {
        transpose(reinterpret_cast<const float*>(from), plane.column_stride / FLOAT, plane.columns,
                  plane.rows, to, plane.to_row);
        return;
    }
    for (std::int64_t i = 0; i < plane.rows; ++i)
        for (std::int64_t j = 0; j < plane.columns; ++j)
            to[i * plane.to_row + j] = *reinterpret_cast<const float*>(from + i * plane.row_stride +
                                                                       j * plane.column_stride);
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
    for (std::int64_t row = 0; row < ROWS; ++row)
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += acc[row * channels + c];
    for (; r < rows; ++r)
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += x[r * channels + c];
}

void sum_rows(const float* x, std::int64_t rows, std::int64_t channels, float* RESTRICT sums) {
    if (channels < VECTOR) {
        sum_short_rows(x, rows, channels, sums);
        return;
    }
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
    constexpr int ROWS = 4;  // of a narrow block at once, so that sums do not wait for each other
    for (; c < channels; c += VECTOR) {
        // The last block overlaps the one before.
        const std::int64_t at = smaller(c, channels - VECTOR);
        float acc[ROWS][VECTOR] = {};
        std::int64_t r = 0;
        for (; r + ROWS <= rows; r += ROWS) {
            UNROLL
            for (int i = 0; i < ROWS; ++i) {
                const float* row = x + (r + i) * channels + at;
#pragma omp simd
                for (int j = 0; j < VECTOR; ++j) acc[i][j] += row[j];
            }
        }
        for (; r < rows; ++r) {
            const float* row = x + r * channels + at;
#pragma omp simd
            for (int j = 0; j < VECTOR; ++j) acc[0][j] += row[j];
        }
        for (int j = 0; j < VECTOR; ++j)
            sums[at + j] = (acc[0][j] + acc[1][j]) + (acc[2][j] + acc[3][j]);
    }
}

// Every lane's word is a hash of its floats' bits, in which each step can be undone: no single
// change is lost. The lanes are folded at the end.
std::uint64_t fingerprint(const float* x, std::int64_t count) {
    constexpr int LANES = 8 * VECTOR;
    std::uint32_t acc[LANES];
    for (int l = 0; l < LANES; ++l) acc[l] = static_cast<std::uint32_t>(l) * 2U + 1U;
    std::int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
#pragma omp simd
        for (int l = 0; l < LANES; ++l) {
            const std::uint32_t mixed =
                (acc[l] ^ __builtin_bit_cast(std::uint32_t, x[i + l])) * 0x9e3779b1U;
            acc[l] = mixed ^ (mixed >> 15);
        }
    }
    for (int l = 0; i < count; ++i, ++l) {
        const std::uint32_t mixed =
            (acc[l] ^ __builtin_bit_cast(std::uint32_t, x[i])) * 0x9e3779b1U;
        acc[l] = mixed ^ (mixed >> 15);
    }
    std::uint64_t all = static_cast<std::uint64_t>(count);
    for (int l = 0; l < LANES; ++l) {
        all = (all ^ acc[l]) * 0x9e3779b97f4a7c15U;
        all ^= all >> 29;
    }
    return all;
}

}  // namespace convlet::CONVLET_ISA
