// Channels to pixels and back (Shi et al. 2016, arXiv:1609.05158).
#pragma once

#include <cstdint>

namespace convlet {

// x is (images, height, width, channels * factor * factor), y (images, height * factor, width *
// factor, channels), both without gaps:  y[n, h*f + i, w*f + j, c] = x[n, h, w, (c*f + i)*f + j].
struct PixelShuffle {
    std::int64_t images, height, width, channels, factor;
};

void pixel_shuffle(const PixelShuffle& s, const float* x, float* y);
void pixel_unshuffle(const PixelShuffle& s, const float* y, float* x);

}  // namespace convlet
