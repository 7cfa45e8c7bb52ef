// Transposing small blocks: what layouts and the packing of weights have in common.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

using Four = float __attribute__((vector_size(16), aligned(4)));

// 4 rows of 4 floats, `from_step` floats apart, become 4 rows `to_step` floats apart.
INLINE void transpose_4x4(const float* from, std::int64_t from_step, float* to,
                          std::int64_t to_step) {
#if __has_builtin(__builtin_shufflevector)
    const Four a = *reinterpret_cast<const Four*>(from);
    const Four b = *reinterpret_cast<const Four*>(from + from_step);
    const Four c = *reinterpret_cast<const Four*>(from + 2 * from_step);
    const Four d = *reinterpret_cast<const Four*>(from + 3 * from_step);
    const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *reinterpret_cast<Four*>(to) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + to_step) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *reinterpret_cast<Four*>(to + 2 * to_step) =
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *reinterpret_cast<Four*>(to + 3 * to_step) =
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
#else
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) to[j * to_step + i] = from[i * from_step + j];
#endif
}

// to[j * to_step + i] = from[i * from_step + j] for i < rows, j < columns. Blocks of 16 columns:
// the lines that are written stay in the L1 until they are full. What a multiple of 4 leaves is
// written by a square that overlaps the one before, where there is room for it.
INLINE void transpose(const float* from, std::int64_t from_step, std::int64_t rows,
                      std::int64_t columns, float* to, std::int64_t to_step) {
    constexpr std::int64_t BLOCK = 16;
    if (rows < 4 || columns < 4) {
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t j = 0; j < columns; ++j)
                to[j * to_step + i] = from[i * from_step + j];
        return;
    }
    for (std::int64_t j0 = 0; j0 < columns; j0 += BLOCK) {
        const std::int64_t j1 = smaller(j0 + BLOCK, columns);
        for (std::int64_t i0 = 0; i0 < rows; i0 += 4) {
            const std::int64_t i = smaller(i0, rows - 4);
            for (std::int64_t k = j0; k < j1; k += 4) {
                const std::int64_t j = smaller(k, columns - 4);
                transpose_4x4(from + i * from_step + j, from_step, to + j * to_step + i, to_step);
            }
        }
    }
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
