// Normalisation of rows: sums run along contiguous memory.
#include "layer_norm.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t BLOCK = 8192;  // terms of a float32 sum; blocks are added in double

// The sum of term(i) for i in [0, count).
template <class Term>
INLINE double sum_of(std::int64_t count, Term term) {
    constexpr int LANES = 4 * VECTOR;
    double total = 0;
    for (std::int64_t first = 0; first < count; first += BLOCK) {
        const std::int64_t last = smaller(first + BLOCK, count);
        float wide[LANES] = {}, narrow[VECTOR] = {};
        std::int64_t i = first;
        for (; i + LANES <= last; i += LANES) {
#pragma omp simd
            for (int l = 0; l < LANES; ++l) wide[l] += term(i + l);
        }
        for (; i + VECTOR <= last; i += VECTOR) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) narrow[l] += term(i + l);
        }
        for (int part = 0; part < LANES; part += VECTOR) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) narrow[l] += wide[part + l];
        }
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (int l = 0; l < VECTOR; ++l) sum += narrow[l];
        for (; i < last; ++i) sum += term(i);
        total += static_cast<double>(sum);
    }
    return total;
}

}  // namespace

// y = (x - mean) / sqrt(variance + eps) * weight + bias, the variance by a second pass over the
// row: the sum of squares alone would cancel.
void layer_norm(const LayerNorm& t, std::int64_t rows) {
    const auto share = 1.0 / static_cast<double>(t.features);
    const float *RESTRICT weight = t.weight, *RESTRICT bias = t.bias;
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* RESTRICT x = t.x + r * t.features;
        float* RESTRICT y = t.y + r * t.features;
        const auto mean = static_cast<float>(
            sum_of(t.features,
                   [&](std::int64_t i) __attribute__((always_inline)) { return x[i]; }) *
            share);
        const double squares =
            sum_of(t.features, [&](std::int64_t i) __attribute__((always_inline)) {
                const float d = x[i] - mean;
                return d * d;
            });
        const auto inverse = static_cast<float>(1.0 / __builtin_sqrt(squares * share + t.eps));
        t.mean[r] = mean;
        t.inverse[r] = inverse;
#pragma omp simd
        for (std::int64_t i = 0; i < t.features; ++i)
            y[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
    }
}

// dx = inverse * (g - mean(g) - x̂ mean(g x̂)) where g = dy weight and x̂ is the normalised row;
// dweight = sum over rows of dy x̂, dbias = sum of dy.
void layer_norm_grad(const LayerNormGrad& t, std::int64_t rows) {
    const auto share = 1.0 / static_cast<double>(t.features);
    const float* RESTRICT weight = t.weight;
    float *RESTRICT dweight = t.dweight, *RESTRICT dbias = t.dbias;
#pragma omp simd
    for (std::int64_t i = 0; i < t.features; ++i) dweight[i] = dbias[i] = 0.0F;
    for (std::int64_t r = 0; r < rows; ++r) {
        const float *RESTRICT x = t.x + r * t.features, *RESTRICT dy = t.dy + r * t.features;
        float* RESTRICT dx = t.dx + r * t.features;
        const float mean = t.mean[r], inverse = t.inverse[r];
        const auto middle = static_cast<float>(
            sum_of(t.features, [&](std::int64_t i)
                                   __attribute__((always_inline)) { return dy[i] * weight[i]; }) *
            share);
        const auto slope =
            static_cast<float>(sum_of(t.features,
                                      [&](std::int64_t i) __attribute__((always_inline)) {
                                          return dy[i] * weight[i] * ((x[i] - mean) * inverse);
                                      }) *
                               share);
#pragma omp simd
        for (std::int64_t i = 0; i < t.features; ++i) {
            const float hat = (x[i] - mean) * inverse;
            dx[i] = inverse * (dy[i] * weight[i] - middle - hat * slope);
            dweight[i] += dy[i] * hat;
            dbias[i] += dy[i];
        }
    }
}

}  // namespace convlet::CONVLET_ISA
