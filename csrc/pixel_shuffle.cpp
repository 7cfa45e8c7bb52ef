#include "pixel_shuffle.hpp"

#include "threads.hpp"

namespace convlet {
namespace {

// Calls body(place in x, place in y) for the first channel of every pixel of y, row by row of x.
// The channels of y are neighbours, those of x factor * factor floats apart.
template <class Body>
void for_pixels(const PixelShuffleShape& s, Body body) {
    const std::int64_t f = s.factor, wide = s.width * f, all = s.channels * f * f;
    const double floats = static_cast<double>(s.images * s.height * s.width * all);
    parallel_for(s.images * s.height, 2 * floats, [&](std::int64_t row) {
        for (std::int64_t i = 0; i < f; ++i)
            for (std::int64_t j = 0; j < wide; ++j)
                body((row * s.width + j / f) * all + i * f + j % f,
                     ((row * f + i) * wide + j) * s.channels);
    });
}

}  // namespace

void pixel_shuffle(const PixelShuffleShape& s, const float* x, float* y) {
    const std::int64_t step = s.factor * s.factor;
    for_pixels(s, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t c = 0; c < s.channels; ++c) y[to + c] = x[from + c * step];
    });
}

void pixel_unshuffle(const PixelShuffleShape& s, const float* y, float* x) {
    const std::int64_t step = s.factor * s.factor;
    for_pixels(s, [&](std::int64_t to, std::int64_t from) {
        for (std::int64_t c = 0; c < s.channels; ++c) x[to + c * step] = y[from + c];
    });
}

}  // namespace convlet
