// Normalisation by channel: rows are pixels, channels innermost.
#include "norm.hpp"

#include "layout.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int BLOCK = 2 * VECTOR;  // channels whose sums stay in registers while the rows go by

// Calls body.template operator()<Lanes>(c) for blocks of channels; Lanes is 1 for the last ones.
template <class Body>
INLINE void for_blocks(std::int64_t channels, Body body) {
    std::int64_t c = 0;
    for (; c + BLOCK <= channels; c += BLOCK) body.template operator()<BLOCK>(c);
    for (; c + HALF <= channels; c += HALF) body.template operator()<HALF>(c);
    for (; c < channels; ++c) body.template operator()<1>(c);
}

INLINE float activated(float v, Activation activation) {
    return activation == Activation::relu && v < 0.0F ? 0.0F : v;
}

}  // namespace

// Mean and sum of squared differences from it of each channel, in two passes over the rows (a
// chunk that fits the cache): the sum of squares alone would cancel.
void channel_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                     float* squares) {
    sum_rows(x, rows, channels, mean);
    const float share = 1.0F / static_cast<float>(rows);
    for (std::int64_t c = 0; c < channels; ++c) mean[c] *= share;
    for_blocks(channels, [&]<int Lanes>(std::int64_t c) __attribute__((always_inline)) {
        float middle[Lanes], acc[Lanes];
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) {
            middle[l] = mean[c + l];
            acc[l] = 0.0F;
        }
        for (std::int64_t r = 0; r < rows; ++r) {
            const float* RESTRICT row = x + r * channels + c;
#pragma omp simd
            for (int l = 0; l < Lanes; ++l) {
                const float d = row[l] - middle[l];
                acc[l] += d * d;
            }
        }
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) squares[c + l] = acc[l];
    });
}

// y = activation(x * scale + shift + residual)
void scale_shift(const NormApply& t, std::int64_t rows) {
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* RESTRICT x = t.x + r * t.channels;
        const float* RESTRICT residual =
            t.residual == nullptr ? nullptr : t.residual + r * t.channels;
        const float *RESTRICT scale = t.scale, *RESTRICT shift = t.shift;
        float* RESTRICT y = t.y + r * t.channels;
        if (residual == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c)
                y[c] = activated(x[c] * scale[c] + shift[c], t.activation);
        } else {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c)
                y[c] = activated(x[c] * scale[c] + shift[c] + residual[c], t.activation);
        }
    }
}

// dz = dy where the activation let it pass;  sum of dz and of dz * (x - mean) by channel.
void norm_sums(const NormSums& t, std::int64_t rows) {
    for_blocks(t.channels, [&]<int Lanes>(std::int64_t c) __attribute__((always_inline)) {
        float mean[Lanes], sum[Lanes], product[Lanes];
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) {
            mean[l] = t.mean[c + l];
            sum[l] = product[l] = 0.0F;
        }
        for (std::int64_t r = 0; r < rows; ++r) {
            const float* RESTRICT dy = t.dy + r * t.channels + c;
            const float* RESTRICT x = t.x + r * t.channels + c;
            if (t.y == nullptr) {
#pragma omp simd
                for (int l = 0; l < Lanes; ++l) {
                    sum[l] += dy[l];
                    product[l] += dy[l] * (x[l] - mean[l]);
                }
            } else {
                const float* RESTRICT y = t.y + r * t.channels + c;
#pragma omp simd
                for (int l = 0; l < Lanes; ++l) {
                    const float dz = y[l] > 0.0F ? dy[l] : 0.0F;
                    sum[l] += dz;
                    product[l] += dz * (x[l] - mean[l]);
                }
            }
        }
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) {
            t.sum[c + l] = sum[l];
            t.product[c + l] = product[l];
        }
    });
}

// dx = of_dz * dz + of_x * x + constant;  the residual's gradient is dz.
void norm_grad(const NormGrad& t, std::int64_t rows) {
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t at = r * t.channels;
        const float *RESTRICT dy = t.dy + at, *RESTRICT x = t.x + at;
        const float *RESTRICT of_dz = t.of_dz, *RESTRICT of_x = t.of_x;
        const float* RESTRICT constant = t.constant;
        float* RESTRICT dx = t.dx + at;
        if (t.y == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c)
                dx[c] = of_dz[c] * dy[c] + (of_x[c] * x[c] + constant[c]);
            continue;
        }
        const float* RESTRICT y = t.y + at;
        if (t.dz == nullptr) {
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float dz = y[c] > 0.0F ? dy[c] : 0.0F;
                dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
            }
        } else {
            float* RESTRICT dz_out = t.dz + at;
#pragma omp simd
            for (std::int64_t c = 0; c < t.channels; ++c) {
                const float dz = y[c] > 0.0F ? dy[c] : 0.0F;
                dz_out[c] = dz;
                dx[c] = of_dz[c] * dz + (of_x[c] * x[c] + constant[c]);
            }
        }
    }
}

}  // namespace convlet::CONVLET_ISA
