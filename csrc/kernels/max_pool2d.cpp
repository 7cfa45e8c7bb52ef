// Max pooling: y = max over the taps of a window; indices = r*S + s of the first largest.
#include "pool2d.hpp"
#include "pooling.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// The taps of one window that lie in the image.
struct Taps {
    const float* x;           // the first one
    std::int64_t row, pixel;  // floats between rows and columns of taps
    std::int64_t rows, columns;
    std::int32_t position, width;  // of the first one in its window, and positions in a window row
};

// R and S are the window's size where it is a constant and no tap is missing, else 0.
template <int R, int S, int Lanes, class Index>
INLINE void largest(const Taps& taps, std::int64_t c, std::int64_t count, float* RESTRICT y,
                    Index* RESTRICT indices) {
    const std::int64_t lanes = lanes_or<Lanes>(count);
    const std::int64_t rows = R > 0 ? R : taps.rows, columns = S > 0 ? S : taps.columns;
    float best[ROOM<Lanes>];
    std::int32_t where[ROOM<Lanes>];
    const float* x = taps.x + c;
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
        best[l] = x[l];
        where[l] = taps.position;
    }
    UNROLL
    for (std::int64_t r = 0; r < rows; ++r) {
        UNROLL
        for (std::int64_t s = 0; s < columns; ++s) {
            const float* tap = x + r * taps.row + s * taps.pixel;
            const std::int32_t position =
                taps.position + static_cast<std::int32_t>(r) * taps.width +
                static_cast<std::int32_t>(s);
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) {
                // The first NaN wins, and among equals the first.
                const bool wins = !(tap[l] <= best[l]) & (best[l] == best[l]);
                best[l] = wins ? tap[l] : best[l];
                where[l] = wins ? position : where[l];
            }
        }
    }
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
        y[c + l] = best[l];
        indices[c + l] = static_cast<Index>(where[l]);
    }
}

template <int R, int S, class Index>
INLINE void forward(const Pooling& p, const PoolTask& task, const float* x, float* y,
                    Index* indices) {
    for_windows(p, task, [&](const Window& w) __attribute__((always_inline)) {
        const Taps taps{x + w.input * p.channels,
                        p.dilation_h * p.width * p.channels,
                        p.dilation_w * p.channels,
                        w.rows.last - w.rows.first,
                        w.columns.last - w.columns.first,
                        static_cast<std::int32_t>(w.rows.first * p.kernel_w + w.columns.first),
                        static_cast<std::int32_t>(p.kernel_w)};
        float* out = y + w.output * p.channels;
        Index* at = indices + w.output * p.channels;
        for_channels(task.c0, task.c1, w.exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             if (R > 0 && taps.rows == R && taps.columns == S)
                                 largest<R, S, Lanes>(taps, c, count, out, at);
                             else
                                 largest<0, 0, Lanes>(taps, c, count, out, at);
                         });
    });
}

// dx = dy where the pixel was the largest of the window that owns it, else 0.
template <class Index>
INLINE void spread(const Pooling& p, const PixelBlock& block, const float* dy,
                   const Index* indices, float* dx) {
    for_owned_pixels(p, block, [&](const Owned& o) __attribute__((always_inline)) {
        const float* from = dy + o.window * p.channels;
        const Index* at = indices + o.window * p.channels;
        float* to = dx + o.pixel * p.channels;
        // No index is -1: a pixel that its window steps over gets zeros.
        const auto position = static_cast<std::int32_t>(o.position);
        for_channels(0, p.channels, o.exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             const std::int64_t lanes = lanes_or<Lanes>(count);
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l)
                                 to[c + l] = at[c + l] == position ? from[c + l] : 0.0F;
                         });
    });
}

// dx = sum of dy over the windows whose largest pixel this is, in their order.
template <class Index>
INLINE void gather(const Pooling& p, const PixelBlock& block, const float* dy,
                   const Index* indices, float* dx) {
    for_pixels(p, block, [&](const Covered& pixel) __attribute__((always_inline)) {
        float* to = dx + pixel.pixel * p.channels;
        for_channels(0, p.channels, pixel.exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             const std::int64_t lanes = lanes_or<Lanes>(count);
                             float sum[ROOM<Lanes>];
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                             for_covering(p, pixel, [&](std::int64_t window, std::int64_t position)
                                          __attribute__((always_inline)) {
                                 const float* from = dy + window * p.channels + c;
                                 const Index* at = indices + window * p.channels + c;
                                 const auto wanted = static_cast<std::int32_t>(position);
#pragma omp simd
                                 for (std::int64_t l = 0; l < lanes; ++l)
                                     sum[l] += at[l] == wanted ? from[l] : 0.0F;
                             });
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l) to[c + l] = sum[l];
                         });
    });
}

// Whether every index names a tap of its window that lies in the image.
template <class Index>
INLINE bool valid(const Pooling& p, const PixelBlock& block, const Index* indices) {
    using Unsigned = std::uint32_t;
    Unsigned wrong = 0;
    const PoolTask task{block, 0, p.channels};
    for_windows(p, task, [&](const Window& w) __attribute__((always_inline)) {
        const Index* at = indices + w.output * p.channels;
        const auto width = static_cast<Unsigned>(w.columns.last - w.columns.first);
        if (width == p.kernel_w) {
            const auto first = static_cast<Unsigned>(w.rows.first * p.kernel_w);
            const auto count = static_cast<Unsigned>(w.rows.last * p.kernel_w) - first;
#pragma omp simd reduction(| : wrong)
            for (std::int64_t c = 0; c < p.channels; ++c)
                wrong |= static_cast<Unsigned>(static_cast<Unsigned>(at[c]) - first >= count);
            return;
        }
        for (std::int64_t c = 0; c < p.channels; ++c) {
            Unsigned found = 0;
            for (std::int64_t r = w.rows.first; r < w.rows.last; ++r)
                found |= static_cast<Unsigned>(
                    static_cast<Unsigned>(at[c]) -
                        static_cast<Unsigned>(r * p.kernel_w + w.columns.first) <
                    width);
            wrong |= found ^ 1U;
        }
    });
    return wrong == 0;
}

}  // namespace
}  // namespace convlet::CONVLET_ISA
