// Softmax cross-entropy, a row at a time.
#include "loss.hpp"

#include "exponential.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int BLOCK = 16;

// From so many classes on, the sums of several lanes are worth adding up at the end.
constexpr std::int64_t MANY_CLASSES = 4 * BLOCK;

INLINE float largest(const float* x, std::int64_t classes) {
    float most = x[0];
    if (classes < MANY_CLASSES) {
        for (std::int64_t k = 1; k < classes; ++k) most = x[k] > most ? x[k] : most;
    } else {
#pragma omp simd reduction(max : most)
        for (std::int64_t k = 0; k < classes; ++k) most = x[k] > most ? x[k] : most;
    }
    return most;
}

INLINE float total(const float* p, std::int64_t classes) {
    float sum = 0.0F;
    if (classes < MANY_CLASSES) {
        for (std::int64_t k = 0; k < classes; ++k) sum += p[k];
    } else {
#pragma omp simd reduction(+ : sum)
        for (std::int64_t k = 0; k < classes; ++k) sum += p[k];
    }
    return sum;
}

INLINE void exponentials(const float* x, float most, float* p) {
#pragma omp simd
    for (int l = 0; l < BLOCK; ++l) p[l] = exponential(x[l] - most);
}

}  // namespace

// loss = log(sum of exp(logit - most)) - (logit of the label - most): no exponential overflows.
void softmax_cross_entropy(const float* logits, const std::int64_t* labels, std::int64_t rows,
                           std::int64_t classes, float* losses, float* probabilities) {
    for (std::int64_t n = 0; n < rows; ++n) {
        const float* RESTRICT x = logits + n * classes;
        float* RESTRICT p = probabilities + n * classes;
        const float most = largest(x, classes);
        std::int64_t k = 0;
        for (; k + BLOCK <= classes; k += BLOCK) exponentials(x + k, most, p + k);
        // A condition in a loop of constant length becomes a masked vector, not a scalar rest.
#pragma omp simd
        for (int l = 0; l < BLOCK; ++l)
            if (l < classes - k) p[k + l] = exponential(x[k + l] - most);
        const float sum = total(p, classes), share = 1.0F / sum;
#pragma omp simd
        for (k = 0; k < classes; ++k) p[k] *= share;
        losses[n] = __builtin_logf(sum) - (x[labels[n]] - most);
    }
}

// d loss / d logit = probability - (1 for the label's)
void softmax_cross_entropy_grad(const float* probabilities, const std::int64_t* labels,
                                const float* dlosses, std::int64_t rows, std::int64_t classes,
                                float* dlogits) {
    for (std::int64_t n = 0; n < rows; ++n) {
        const float* RESTRICT p = probabilities + n * classes;
        float* RESTRICT d = dlogits + n * classes;
        const float scale = dlosses[n];
#pragma omp simd
        for (std::int64_t k = 0; k < classes; ++k) d[k] = p[k] * scale;
        d[labels[n]] = (p[labels[n]] - 1.0F) * scale;
    }
}

}  // namespace convlet::CONVLET_ISA
