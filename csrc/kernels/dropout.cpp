// Dropout on Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy
// as 1, 2, 3"): a bijection of counters, so that any element's number can be made on its own.
#include "dropout.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int COUNTERS = 16;           // at once
constexpr int NUMBERS = 4 * COUNTERS;  // that they give

// Numbers 4 i to 4 i + 3 of `out` come from counter + i.
INLINE void philox_block(std::uint64_t counter, std::uint64_t key, std::uint32_t* RESTRICT out) {
    constexpr std::uint64_t M0 = 0xD2511F53U, M1 = 0xCD9E8D57U;
    constexpr std::uint32_t W0 = 0x9E3779B9U, W1 = 0xBB67AE85U;
    std::uint32_t c0[COUNTERS], c1[COUNTERS], c2[COUNTERS], c3[COUNTERS];
#pragma omp simd
    for (int i = 0; i < COUNTERS; ++i) {
        const std::uint64_t c = counter + static_cast<std::uint64_t>(i);
        c0[i] = static_cast<std::uint32_t>(c);
        c1[i] = static_cast<std::uint32_t>(c >> 32);
        c2[i] = c3[i] = 0;
    }
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
#pragma omp simd
        for (int i = 0; i < COUNTERS; ++i) {
            const std::uint64_t p0 = M0 * c0[i], p1 = M1 * c2[i];
            c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = static_cast<std::uint32_t>(p1);
            c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = static_cast<std::uint32_t>(p0);
        }
        k0 += W0;
        k1 += W1;
    }
    for (int i = 0; i < COUNTERS; ++i) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

}  // namespace

void philox(std::uint64_t counter, std::uint64_t key, std::int64_t count, std::uint32_t* out) {
    std::uint32_t numbers[NUMBERS];
    for (std::int64_t at = 0; at < count; at += NUMBERS) {
        philox_block(counter + static_cast<std::uint64_t>(at / 4), key, numbers);
        const std::int64_t n = smaller(NUMBERS, count - at);
        for (std::int64_t i = 0; i < n; ++i) out[at + i] = numbers[i];
    }
}

void dropout(const DropoutRule& rule, const float* RESTRICT x, std::int64_t count,
             float* RESTRICT y, std::uint8_t* RESTRICT mask) {
    std::uint32_t numbers[NUMBERS];
    for (std::int64_t at = 0; at < count; at += NUMBERS) {
        philox_block(rule.counter + static_cast<std::uint64_t>(at / 4), rule.key, numbers);
        const std::int64_t n = smaller(NUMBERS, count - at);
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i)
            y[at + i] = numbers[i] >= rule.threshold ? x[at + i] * rule.scale : 0.0F;
        for (std::int64_t byte = 0; byte * 8 < n; ++byte) {
            unsigned bits = 0;
            for (std::int64_t i = byte * 8; i < smaller(n, byte * 8 + 8); ++i)
                bits |= static_cast<unsigned>(numbers[i] >= rule.threshold) << (i % 8);
            mask[at / 8 + byte] = static_cast<std::uint8_t>(bits);
        }
    }
}

void dropout_grad(const float* RESTRICT dy, const std::uint8_t* RESTRICT mask, std::int64_t count,
                  float scale, float* RESTRICT dx) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i)
        dx[i] = (mask[i / 8] >> (i % 8) & 1) != 0 ? dy[i] * scale : 0.0F;
}

}  // namespace convlet::CONVLET_ISA
