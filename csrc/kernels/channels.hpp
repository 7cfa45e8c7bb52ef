// Lanes over the channels of a pixel, for operators that treat every channel alike.
//
// Blocks of VECTOR channels; the last block of many channels overlaps the one before, since writing
// a result twice is cheaper than writing part of a vector. Where a pixel has fewer channels than a
// vector has lanes, the lanes run over the pixels that follow: what they leave there is
// overwritten when their turn comes, so pixels must be written in the order of their memory.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Pixels after a pixel that its lanes touch.
INLINE std::int64_t overrun(std::int64_t channels) {
    return channels >= VECTOR ? 0 : (VECTOR - 1) / channels;
}

// Calls body.template operator()<Lanes>(c, count) for blocks that cover [first, last): Lanes
// channels at once from c, or count < VECTOR of them where Lanes is 0 because `exact` forbids that
// lanes leave the pixel.
template <class Body>
INLINE void for_channels(std::int64_t first, std::int64_t last, bool exact, Body body) {
    constexpr int WIDE = WIDEST * VECTOR;
    if (last - first < VECTOR && exact) {
        body.template operator()<0>(first, last - first);
        return;
    }
    std::int64_t c = first;
    for (; c + WIDE <= last; c += WIDE) body.template operator()<WIDE>(c, WIDE);
    for (; c < last; c += VECTOR)
        body.template operator()<VECTOR>(larger(smaller(c, last - VECTOR), first), VECTOR);
}

// Size of the local arrays of such a body, and the number of channels that its loops run over: a
// constant, unless the body is the exact one.
template <int Lanes>
constexpr int ROOM = Lanes > 0 ? Lanes : VECTOR;
template <int Lanes>
INLINE std::int64_t lanes_or(std::int64_t count) {
    return Lanes > 0 ? Lanes : count;
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
