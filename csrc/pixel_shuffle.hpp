// Channels to pixels and back (Shi et al. 2016, arXiv:1609.05158).
#pragma once

#include "shape.hpp"

namespace convlet {

// x and y without gaps, channels innermost.
void pixel_shuffle(const PixelShuffleShape& s, const float* x, float* y);
void pixel_unshuffle(const PixelShuffleShape& s, const float* y, float* x);

}  // namespace convlet
