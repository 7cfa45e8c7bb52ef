// Lanes over the channels of a pixel, for operators that treat every channel alike.
//
// Blocks of MANY, SOME and FEW channels; the last of many channels overlaps the one before,
// since writing a result twice is cheaper than writing part of a vector. Where a pixel has fewer
// channels than a block has lanes, the lanes run over the pixels that follow: what they leave there
// is overwritten when their turn comes, so pixels must be written in the order of their memory.
#pragma once

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// At least 16, so that bytes beside the floats still fill a vector.
constexpr int FEW = 16, SOME = 32, MANY = 4 * VECTOR;

// Pixels after a pixel that its lanes touch.
INLINE std::int64_t overrun(std::int64_t channels) {
    return channels >= FEW ? 0 : (FEW - 1) / channels;
}

// Calls body.template operator()<Lanes>(c, count) for blocks that cover [first, last): Lanes
// channels at once from c, or count < FEW of them where Lanes is 0 because `exact` forbids that
// lanes leave the pixel.
template <class Body>
INLINE void for_channels(std::int64_t first, std::int64_t last, bool exact, Body body) {
    if (last - first < FEW && exact) {
        body.template operator()<0>(first, last - first);
        return;
    }
    std::int64_t c = first;
    if constexpr (MANY > SOME)
        for (; c + MANY <= last; c += MANY) body.template operator()<MANY>(c, MANY);
    for (; c + SOME <= last; c += SOME) body.template operator()<SOME>(c, SOME);
    for (; c < last; c += FEW)
        body.template operator()<FEW>(larger(smaller(c, last - FEW), first), FEW);
}

// Size of the local arrays of such a body, and the number of channels that its loops run over: a
// constant, unless the body is the exact one.
template <int Lanes>
constexpr int ROOM = Lanes > 0 ? Lanes : FEW;
template <int Lanes>
INLINE std::int64_t lanes_or(std::int64_t count) {
    return Lanes > 0 ? Lanes : count;
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
