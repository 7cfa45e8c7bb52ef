// Normalisation by channel: rows are pixels, channels innermost.
//
// Rows are read one after the other, and the sums of their channels kept in the L1: memory comes
// twice as fast in one piece as by blocks of channels whose sums would stay in registers.
#include "norm.hpp"

#include "activated.hpp"
#include "layout.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Few channels: WIDE_ROWS rows are taken as one of so many times the channels.
constexpr std::int64_t WIDE_ROWS = 16;
constexpr std::int64_t ROOM = WIDE_ROWS * VECTOR;

INLINE bool few(std::int64_t channels, std::int64_t rows) {
    return channels < VECTOR && rows >= WIDE_ROWS;
}

INLINE const float* repeated(const float* values, std::int64_t channels, float* to) {
    for (std::int64_t i = 0; i < WIDE_ROWS * channels; ++i) to[i] = values[i % channels];
    return to;
}

INLINE const float* behind(const float* values, std::int64_t floats) {
    return values == nullptr ? nullptr : values + floats;
}

INLINE NormCut repeated(const NormCut& cut, std::int64_t channels, float* scale, float* shift) {
    if (cut.scale == nullptr) return cut;
    return {nullptr, repeated(cut.scale, channels, scale), repeated(cut.shift, channels, shift),
            cut.activation};
}

INLINE NormCut behind(const NormCut& cut, std::int64_t floats) {
    return {behind(cut.y, floats), cut.scale, cut.shift, cut.activation};
}

// Whether an output y was not cut; nothing is at or above a NaN, which stands for no upper cut.
INLINE float upper_pass(Activation f) { return f == Activation::relu6 ? 6.0F : __builtin_nanf(""); }
INLINE bool passed(float y, float upper) { return y > 0.0F && !(y >= upper); }

#define INLINE_LAMBDA __attribute__((always_inline))

// Calls body(offset of the row, passes) for each row; passes(c, x) tells whether dy passes there.
template <class Body>
INLINE void for_rows(const NormCut& cut, std::int64_t channels, std::int64_t rows, Body body) {
    const float upper = upper_pass(cut.activation);
    const float *RESTRICT scale = cut.scale, *RESTRICT shift = cut.shift;
    for (std::int64_t at = 0; at < rows * channels; at += channels) {
        if (cut.y != nullptr) {
            const float* RESTRICT y = cut.y + at;
            body(at, [=](std::int64_t c, float) INLINE_LAMBDA { return passed(y[c], upper); });
        } else if (scale != nullptr) {  // y as scale_shift() made it
            body(at, [=](std::int64_t c, float x)
                         INLINE_LAMBDA { return passed(x * scale[c] + shift[c], upper); });
        } else {
            body(at, [](std::int64_t, float) INLINE_LAMBDA { return true; });
        }
    }
}

}  // namespace

// Mean and sum of squared differences from it of each channel, in two passes over the rows (a
// chunk that fits the cache): the sum of squares alone would cancel.
void channel_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                     float* squares) {
    sum_rows(x, rows, channels, mean);
    const float share = 1.0F / static_cast<float>(rows);
    for (std::int64_t c = 0; c < channels; ++c) mean[c] *= share;
    if (few(channels, rows)) {
        float middle[ROOM], acc[ROOM] = {};
        const std::int64_t width = WIDE_ROWS * channels, whole = rows / WIDE_ROWS;
        repeated(mean, channels, middle);
        for (std::int64_t r = 0; r < whole; ++r) {
            const float* RESTRICT row = x + r * width;
#pragma omp simd
            for (std::int64_t i = 0; i < width; ++i) {
                const float d = row[i] - middle[i];
                acc[i] += d * d;
            }
        }
        for (std::int64_t i = whole * width; i < rows * channels; ++i) {
            const float d = x[i] - mean[i % channels];
            acc[i % channels] += d * d;
        }
        for (std::int64_t c = 0; c < channels; ++c) squares[c] = 0.0F;
        for (std::int64_t i = 0; i < width; ++i) squares[i % channels] += acc[i];
        return;
    }
    for (std::int64_t c = 0; c < channels; ++c) squares[c] = 0.0F;
    for (std::int64_t r = 0; r < rows; ++r) {
        const float *RESTRICT row = x + r * channels, *RESTRICT middle = mean;
        float* RESTRICT acc = squares;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) {
            const float d = row[c] - middle[c];
            acc[c] += d * d;
        }
    }
}

// y = activation(x * scale + shift + residual)
void scale_shift(const NormApply& t, std::int64_t rows) {
    if (few(t.channels, rows)) {
        float scale[ROOM], shift[ROOM];
        const std::int64_t whole = rows / WIDE_ROWS, done = whole * WIDE_ROWS * t.channels;
        scale_shift(
            {t.x, t.residual, repeated(t.scale, t.channels, scale),
             repeated(t.shift, t.channels, shift), t.y, t.channels * WIDE_ROWS, t.activation},
            whole);
        scale_shift({t.x + done, behind(t.residual, done), t.scale, t.shift, t.y + done, t.channels,
                     t.activation},
                    rows % WIDE_ROWS);
        return;
    }
    const bool cutting = cuts(t.activation);
    const float upper = upper_cut(t.activation);
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* RESTRICT x = t.x + r * t.channels;
        const float* RESTRICT residual =
            t.residual == nullptr ? nullptr : t.residual + r * t.channels;
        const float *RESTRICT scale = t.scale, *RESTRICT shift = t.shift;
        float* RESTRICT y = t.y + r * t.channels;
        if (residual == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float v = x[c] * scale[c] + shift[c];
                y[c] = cutting ? cut(v, 0.0F, upper) : v;
            }
        } else {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float v = x[c] * scale[c] + shift[c] + residual[c];
                y[c] = cutting ? cut(v, 0.0F, upper) : v;
            }
        }
        if (bends(t.activation)) bend(t.activation, y, t.channels);
    }
}

// dz = dy where the activation let it pass;  sum of dz and of dz * (x - mean) by channel.
void norm_sums(const NormSums& t, std::int64_t rows) {
    if (few(t.channels, rows)) {
        float mean[ROOM], scale[ROOM], shift[ROOM], sum[ROOM], product[ROOM];
        const std::int64_t whole = rows / WIDE_ROWS, done = whole * WIDE_ROWS * t.channels;
        norm_sums({t.dy, t.x, repeated(t.mean, t.channels, mean),
                   repeated(t.cut, t.channels, scale, shift), sum, product, t.channels * WIDE_ROWS},
                  whole);
        norm_sums(
            {t.dy + done, t.x + done, t.mean, behind(t.cut, done), t.sum, t.product, t.channels},
            rows % WIDE_ROWS);
        for (std::int64_t i = 0; i < WIDE_ROWS * t.channels; ++i) {
            t.sum[i % t.channels] += sum[i];
            t.product[i % t.channels] += product[i];
        }
        return;
    }
    for (std::int64_t c = 0; c < t.channels; ++c) t.sum[c] = t.product[c] = 0.0F;
    for_rows(t.cut, t.channels, rows, [&](std::int64_t at, auto passes) INLINE_LAMBDA {
        const float *RESTRICT dy = t.dy + at, *RESTRICT x = t.x + at, *RESTRICT mean = t.mean;
        float *RESTRICT sum = t.sum, *RESTRICT product = t.product;
#pragma omp simd
        for (std::int64_t c = 0; c < t.channels; ++c) {
            const float all = dy[c], dz = passes(c, x[c]) ? all : 0.0F;
            sum[c] += dz;
            product[c] += dz * (x[c] - mean[c]);
        }
    });
}

// dx = of_dz * dz + of_x * x + constant;  the residual's gradient is dz.
void norm_grad(const NormGrad& t, std::int64_t rows) {
    if (few(t.channels, rows)) {
        float of_dz[ROOM], of_x[ROOM], constant[ROOM], scale[ROOM], shift[ROOM];
        const std::int64_t whole = rows / WIDE_ROWS, done = whole * WIDE_ROWS * t.channels;
        norm_grad({t.dy, t.x, repeated(t.of_dz, t.channels, of_dz),
                   repeated(t.of_x, t.channels, of_x), repeated(t.constant, t.channels, constant),
                   repeated(t.cut, t.channels, scale, shift), t.dx, t.dz, t.channels * WIDE_ROWS},
                  whole);
        norm_grad({t.dy + done, t.x + done, t.of_dz, t.of_x, t.constant, behind(t.cut, done),
                   t.dx + done, t.dz == nullptr ? nullptr : t.dz + done, t.channels},
                  rows % WIDE_ROWS);
        return;
    }
    for_rows(t.cut, t.channels, rows, [&](std::int64_t at, auto passes) INLINE_LAMBDA {
        const float *RESTRICT dy = t.dy + at, *RESTRICT x = t.x + at;
        const float *RESTRICT of_dz = t.of_dz, *RESTRICT of_x = t.of_x;
        const float* RESTRICT constant = t.constant;
        float* RESTRICT dx = t.dx + at;
        if (t.dz == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float all = dy[c], dz = passes(c, x[c]) ? all : 0.0F;
                dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
            }
        } else {
            float* RESTRICT dz_out = t.dz + at;
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float all = dy[c], dz = passes(c, x[c]) ? all : 0.0F;
                dz_out[c] = dz;
                dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
            }
        }
    });
}

}  // namespace convlet::CONVLET_ISA
