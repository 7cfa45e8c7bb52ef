// Dropout on Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy
// as 1, 2, 3"): a bijection of counters, so that any element's number can be made on its own.
#include "dropout.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int COUNTERS = 16;           // at once
constexpr int BLOCK = 4 * COUNTERS;    // numbers that they give
constexpr int MASK_BYTES = BLOCK / 8;  // bits that these make

// Numbers 4 i to 4 i + 3 of the block come from counter `at / 4 + i` of the stream.
INLINE void philox_block(const PhiloxStream& stream, std::int64_t at,
                         std::uint32_t (&numbers)[BLOCK]) {
    constexpr std::uint64_t M0 = 0xD2511F53U, M1 = 0xCD9E8D57U;
    constexpr std::uint32_t W0 = 0x9E3779B9U, W1 = 0xBB67AE85U;
    std::uint32_t c0[COUNTERS], c1[COUNTERS], c2[COUNTERS], c3[COUNTERS];
#pragma omp simd
    for (int i = 0; i < COUNTERS; ++i) {
        const std::uint64_t low = stream.low + static_cast<std::uint64_t>(at / 4 + i);
        const std::uint64_t high = stream.high + (low < stream.low ? 1 : 0);
        c0[i] = static_cast<std::uint32_t>(low);
        c1[i] = static_cast<std::uint32_t>(low >> 32);
        c2[i] = static_cast<std::uint32_t>(high);
        c3[i] = static_cast<std::uint32_t>(high >> 32);
    }
    auto k0 = static_cast<std::uint32_t>(stream.key);
    auto k1 = static_cast<std::uint32_t>(stream.key >> 32);
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
#pragma omp simd
    for (int i = 0; i < COUNTERS; ++i) {
        numbers[4 * i] = c0[i];
        numbers[4 * i + 1] = c1[i];
        numbers[4 * i + 2] = c2[i];
        numbers[4 * i + 3] = c3[i];
    }
}

// The low bit of each of 8 bytes of flags, moved to its place in one byte of the mask.
INLINE std::uint8_t packed(const std::uint8_t* bits) {
    std::uint64_t eight;
    __builtin_memcpy(&eight, bits, 8);
    return static_cast<std::uint8_t>(eight * 0x0101010101010101U >> 56);
}

// Lane i of a block stands for bit i % 8 of its byte.
INLINE std::uint8_t bit_of(int lane) { return static_cast<std::uint8_t>(1 << (lane % 8)); }

INLINE void drop_block(const DropoutRule& rule, std::int64_t at, const float* RESTRICT x,
                       float* RESTRICT y, std::uint8_t* RESTRICT mask) {
    std::uint32_t numbers[BLOCK];
    philox_block(rule.stream, at, numbers);
    std::uint8_t bits[BLOCK];
#pragma omp simd
    for (int i = 0; i < BLOCK; ++i) {
        const float kept = x[i] * rule.scale;
        y[i] = numbers[i] >= rule.threshold ? kept : 0.0F;
    }
#pragma omp simd
    for (int i = 0; i < BLOCK; ++i)
        bits[i] = numbers[i] >= rule.threshold ? bit_of(i) : std::uint8_t{0};
    for (int byte = 0; byte < MASK_BYTES; ++byte) mask[byte] = packed(bits + byte * 8);
}

// The bits of a mask's byte are those of its lanes.
INLINE void grad_block(const float* RESTRICT dy, const std::uint8_t* RESTRICT mask, float scale,
                       float* RESTRICT dx) {
    constexpr std::uint32_t BITS[] = {1, 2, 4, 8, 16, 32, 64, 128};
    for (int byte = 0; byte < MASK_BYTES; ++byte) {
        const std::uint32_t eight = mask[byte];
#pragma omp simd
        for (int i = 0; i < 8; ++i) {
            const float kept = dy[byte * 8 + i] * scale;
            dx[byte * 8 + i] = (eight & BITS[i]) != 0 ? kept : 0.0F;
        }
    }
}

template <class T>
INLINE void copy(const T* from, std::int64_t count, T* to) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
}

}  // namespace

void philox(const PhiloxStream& stream, std::int64_t count, std::uint32_t* out) {
    std::uint32_t numbers[BLOCK];
    for (std::int64_t at = 0; at < count; at += BLOCK) {
        philox_block(stream, at, numbers);
        const std::int64_t n = smaller(BLOCK, count - at);
        for (std::int64_t i = 0; i < n; ++i) out[at + i] = numbers[i];
    }
}

void dropout(const DropoutRule& rule, const float* x, std::int64_t count, float* y,
             std::uint8_t* mask) {
    std::int64_t at = 0;
    for (; at + BLOCK <= count; at += BLOCK) drop_block(rule, at, x + at, y + at, mask + at / 8);
    if (at == count) return;
    float from[BLOCK] = {}, to[BLOCK];
    std::uint8_t bytes[MASK_BYTES];
    copy(x + at, count - at, from);
    drop_block(rule, at, from, to, bytes);
    copy(to, count - at, y + at);
    const std::int64_t byte_count = (count - at + 7) / 8, last = (count - at) % 8;
    if (last > 0) bytes[byte_count - 1] &= static_cast<std::uint8_t>((1 << last) - 1);
    copy(bytes, byte_count, mask + at / 8);
}

void dropout_grad(const float* dy, const std::uint8_t* mask, std::int64_t count, float scale,
                  float* dx) {
    std::int64_t at = 0;
    for (; at + BLOCK <= count; at += BLOCK) grad_block(dy + at, mask + at / 8, scale, dx + at);
    if (at == count) return;
    float from[BLOCK] = {}, to[BLOCK];
    std::uint8_t bytes[MASK_BYTES] = {};
    copy(dy + at, count - at, from);
    copy(mask + at / 8, (count - at + 7) / 8, bytes);
    grad_block(from, bytes, scale, to);
    copy(to, count - at, dx + at);
}

}  // namespace convlet::CONVLET_ISA
