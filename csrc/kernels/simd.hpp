// What the kernels know of the instruction set they are compiled for: widths, and nothing else.
#pragma once

#include "kernel_table.hpp"

#define RESTRICT __restrict__
#if defined(__clang__)
    #define UNROLL _Pragma("clang loop unroll(full)")
#else
    #define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE inline __attribute__((always_inline))

namespace convlet::CONVLET_ISA {
namespace {

#if defined(CONVLET_ISA_v4)
constexpr int VECTOR = 16;  // floats of a register
constexpr int WIDEST = 4;   // registers across the widest tile
#elif defined(CONVLET_ISA_v3)
constexpr int VECTOR = 8;
constexpr int WIDEST = 2;
#elif defined(CONVLET_ISA_v2)
constexpr int VECTOR = 4;
constexpr int WIDEST = 2;
#else  // NEON has 32 registers of 4 floats
constexpr int VECTOR = 4;
constexpr int WIDEST = 4;
#endif

// Lanes of a tile for few columns: half a register computes as many of them in half the work.
constexpr int HALF = VECTOR > 4 ? VECTOR / 2 : VECTOR;

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

// Width of panel p, and the column it starts at; an offset into packed panels is start * depth.
constexpr std::int64_t panel_width(const Panels& p, std::int64_t panel) {
    return panel < p.wide_count ? p.wide : p.rest;
}
constexpr std::int64_t panel_start(const Panels& p, std::int64_t panel) { return panel * p.wide; }
constexpr std::int64_t panel_count(const Panels& p) { return p.wide_count + (p.rest > 0 ? 1 : 0); }

}  // namespace
}  // namespace convlet::CONVLET_ISA
