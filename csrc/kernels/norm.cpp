// Normalisation by channel: rows are pixels, channels innermost.
//
// Rows are read one after the other, and the sums of their channels kept in the L1: memory comes
// twice as fast in one piece as by blocks of channels whose sums would stay in registers, or by
// four rows at once.
#include "norm.hpp"

#include "activated.hpp"
#include "layout.hpp"
#include "simd.hpp"

#define INLINE_LAMBDA __attribute__((always_inline))

namespace convlet::CONVLET_ISA {
namespace {

// Narrow rows are taken several at a time, as one of so many times the channels: whole registers,
// and sums that do not wait for each other.
constexpr std::int64_t ROOM = 16 * VECTOR;

INLINE std::int64_t rows_as_one(std::int64_t channels, std::int64_t rows) {
    if (channels >= 4 * VECTOR && channels % VECTOR == 0) return 1;
    std::int64_t count = 1;
    while (2 * count <= rows && 2 * count * channels <= ROOM) count *= 2;
    return count;
}

// The channels' numbers `times` times.
INLINE const float* repeated(const float* values, std::int64_t channels, std::int64_t times,
                             float* RESTRICT to) {
    for (std::int64_t i = 0; i < times; ++i)
        for (std::int64_t c = 0; c < channels; ++c) to[i * channels + c] = values[c];
    return to;
}

INLINE NormCut repeated(const NormCut& cut, std::int64_t channels, std::int64_t times, float* scale,
                        float* shift) {
    if (cut.scale == nullptr) return cut;
    return {nullptr, repeated(cut.scale, channels, times, scale),
            repeated(cut.shift, channels, times, shift), cut.activation};
}

// The sums of `times` rows as one, into those of the channels.
INLINE void add_up(const float* RESTRICT values, std::int64_t channels, std::int64_t times,
                   float* RESTRICT sums) {
    for (std::int64_t i = 0; i < times; ++i)
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += values[i * channels + c];
}

INLINE const float* behind(const float* values, std::int64_t floats) {
    return values == nullptr ? nullptr : values + floats;
}

INLINE NormCut behind(const NormCut& cut, std::int64_t floats) {
    return {behind(cut.y, floats), cut.scale, cut.shift, cut.activation};
}

// Whether an output y was not cut; nothing is at or above a NaN, which stands for no upper cut.
INLINE float upper_pass(Activation f) { return f == Activation::relu6 ? 6.0F : __builtin_nanf(""); }
INLINE bool passed(float y, float upper) { return y > 0.0F && !(y >= upper); }

// Calls body(passes), where passes(i, c, x) tells whether dy passes at element i, of channel c.
template <class Body>
INLINE void with_cut(const NormCut& cut, Body body) {
    const float upper = upper_pass(cut.activation);
    const float *RESTRICT y = cut.y, *RESTRICT scale = cut.scale, *RESTRICT shift = cut.shift;
    if (y != nullptr) {
        body([=](std::int64_t i, std::int64_t, float)
                 INLINE_LAMBDA { return passed(y[i], upper); });
    } else if (scale != nullptr) {  // y as scale_shift() made it
        body([=](std::int64_t, std::int64_t c, float x)
                 INLINE_LAMBDA { return passed(x * scale[c] + shift[c], upper); });
    } else {
        body([](std::int64_t, std::int64_t, float) INLINE_LAMBDA { return true; });
    }
}

// Adds each channel's squares of x - mean.
void add_squares(const float* x, std::int64_t rows, std::int64_t channels,
                 const float* RESTRICT mean, float* RESTRICT squares) {
    for (std::int64_t at = 0; at < rows * channels; at += channels) {
        const float* RESTRICT row = x + at;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) {
            const float d = row[c] - mean[c];
            squares[c] += d * d;
        }
    }
}

// Rows that are read a few thousand floats later come from memory meanwhile: the processor's own
// guesses end with each page.
INLINE void fetch_ahead(const float* row, std::int64_t channels) {
    constexpr std::int64_t AHEAD = 2048, LINE = 16;
    for (std::int64_t c = 0; c < channels; c += LINE) __builtin_prefetch(row + AHEAD + c, 0, 2);
}

}  // namespace

// Mean and sum of squared differences from it of each channel, in two passes over the rows (a
// chunk that fits the cache): the sum of squares alone would cancel.
void channel_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                     float* squares) {
    sum_rows(x, rows, channels, mean);
    const float share = 1.0F / static_cast<float>(rows);
    for (std::int64_t c = 0; c < channels; ++c) mean[c] *= share;
    for (std::int64_t c = 0; c < channels; ++c) squares[c] = 0.0F;
    const std::int64_t times = rows_as_one(channels, rows), width = times * channels;
    std::int64_t done = 0;
    if (times > 1) {
        float middle[ROOM] = {}, sums[ROOM] = {};
        done = rows / times * times;
        add_squares(x, rows / times, width, repeated(mean, channels, times, middle), sums);
        add_up(sums, channels, times, squares);
    }
    add_squares(x + done * channels, rows - done, channels, mean, squares);
}

// y = activation(x * scale + shift + residual)
void scale_shift(const NormApply& t, std::int64_t rows) {
    const std::int64_t times = rows_as_one(t.channels, rows);
    if (times > 1) {
        float scale[ROOM], shift[ROOM];
        const std::int64_t left = rows % times, done = (rows - left) * t.channels;
        scale_shift(
            {t.x, t.residual, repeated(t.scale, t.channels, times, scale),
             repeated(t.shift, t.channels, times, shift), t.y, t.channels * times, t.activation},
            rows / times);
        scale_shift({t.x + done, behind(t.residual, done), t.scale, t.shift, t.y + done, t.channels,
                     t.activation},
                    left);
        return;
    }
    const bool cutting = cuts(t.activation);
    const float upper = upper_cut(t.activation);
    const std::int64_t channels = t.channels;
    const float *RESTRICT scale = t.scale, *RESTRICT shift = t.shift;
    for (std::int64_t at = 0; at < rows * channels; at += channels) {
        const float *RESTRICT x = t.x + at, *RESTRICT residual = behind(t.residual, at);
        float* RESTRICT y = t.y + at;
        fetch_ahead(x, channels);
        fetch_ahead(y, channels);
        if (residual == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < channels; ++c) {
                const float v = x[c] * scale[c] + shift[c];
                y[c] = cutting ? cut(v, 0.0F, upper) : v;
            }
        } else {
#pragma omp simd
            for (std::int64_t c = 0; c < channels; ++c) {
                const float v = x[c] * scale[c] + shift[c] + residual[c];
                y[c] = cutting ? cut(v, 0.0F, upper) : v;
            }
        }
        if (bends(t.activation)) bend(t.activation, y, channels);
    }
}

// dz = dy where the activation let it pass;  sum of dz and of dz * (x - mean) by channel.
void norm_sums(const NormSums& t, std::int64_t rows) {
    const std::int64_t channels = t.channels, times = rows_as_one(channels, rows);
    if (times > 1) {
        float mean[ROOM], scale[ROOM], shift[ROOM], sum[ROOM], product[ROOM];
        const std::int64_t left = rows % times, done = (rows - left) * channels;
        norm_sums({t.dy, t.x, repeated(t.mean, channels, times, mean),
                   repeated(t.cut, channels, times, scale, shift), sum, product, channels * times},
                  rows / times);
        norm_sums(
            {t.dy + done, t.x + done, t.mean, behind(t.cut, done), t.sum, t.product, channels},
            left);
        add_up(sum, channels, times, t.sum);
        add_up(product, channels, times, t.product);
        return;
    }
    for (std::int64_t c = 0; c < channels; ++c) t.sum[c] = t.product[c] = 0.0F;
    with_cut(t.cut, [&](auto passes) INLINE_LAMBDA {
        const float* RESTRICT mean = t.mean;
        float *RESTRICT sum = t.sum, *RESTRICT product = t.product;
        for (std::int64_t at = 0; at < rows * channels; at += channels) {
            const float *RESTRICT dy = t.dy + at, *RESTRICT x = t.x + at;
            fetch_ahead(dy, channels);
            fetch_ahead(x, channels);
#pragma omp simd
            for (std::int64_t c = 0; c < channels; ++c) {
                const float all = dy[c], dz = passes(at + c, c, x[c]) ? all : 0.0F;
                sum[c] += dz;
                product[c] += dz * (x[c] - mean[c]);
            }
        }
    });
}

// dx = of_dz * dz + of_x * x + constant;  the residual's gradient is dz. One of them may lie over
// dy.
void norm_grad(const NormGrad& t, std::int64_t rows) {
    const std::int64_t channels = t.channels, times = rows_as_one(channels, rows);
    if (times > 1) {
        float of_dz[ROOM], of_x[ROOM], constant[ROOM], scale[ROOM], shift[ROOM];
        const std::int64_t left = rows % times, done = (rows - left) * channels;
        norm_grad({t.dy, t.x, repeated(t.of_dz, channels, times, of_dz),
                   repeated(t.of_x, channels, times, of_x),
                   repeated(t.constant, channels, times, constant),
                   repeated(t.cut, channels, times, scale, shift), t.dx, t.dz, channels * times},
                  rows / times);
        norm_grad({t.dy + done, t.x + done, t.of_dz, t.of_x, t.constant, behind(t.cut, done),
                   t.dx + done, t.dz == nullptr ? nullptr : t.dz + done, channels},
                  left);
        return;
    }
    with_cut(t.cut, [&](auto passes) INLINE_LAMBDA {
        const float *RESTRICT of_dz = t.of_dz, *RESTRICT of_x = t.of_x;
        const float* RESTRICT constant = t.constant;
        for (std::int64_t at = 0; at < rows * channels; at += channels) {
            const float *dy = t.dy + at, *x = t.x + at;
            fetch_ahead(dy, channels);
            fetch_ahead(x, channels);
            float* dx = t.dx + at;
            if (t.dx != t.dy) fetch_ahead(dx, channels);
            if (t.dz == nullptr) {
#pragma omp simd
                for (std::int64_t c = 0; c < channels; ++c) {
                    const float all = dy[c], dz = passes(at + c, c, x[c]) ? all : 0.0F;
                    dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
                }
            } else {
                float* dz_out = t.dz + at;
#pragma omp simd
                for (std::int64_t c = 0; c < channels; ++c) {
                    const float all = dy[c], dz = passes(at + c, c, x[c]) ? all : 0.0F;
                    dz_out[c] = dz;
                    dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
                }
            }
        }
    });
}

}  // namespace convlet::CONVLET_ISA
