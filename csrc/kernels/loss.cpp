// Softmax cross-entropy, a row at a time.
#include "loss.hpp"

#include "exponential.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {

// loss = log(sum of exp(logit - most)) - (logit of the label - most): no exponential overflows.
void softmax_cross_entropy(const float* logits, const std::int64_t* labels, std::int64_t rows,
                           std::int64_t classes, float* losses, float* probabilities) {
    for (std::int64_t n = 0; n < rows; ++n) {
        const float* RESTRICT x = logits + n * classes;
        float* RESTRICT p = probabilities + n * classes;
        float most = x[0];
        for (std::int64_t k = 1; k < classes; ++k) most = x[k] > most ? x[k] : most;
#pragma omp simd
        for (std::int64_t k = 0; k < classes; ++k) p[k] = exponential(x[k] - most);
        float sum = 0.0F;
        for (std::int64_t k = 0; k < classes; ++k) sum += p[k];
        const float share = 1.0F / sum;
#pragma omp simd
        for (std::int64_t k = 0; k < classes; ++k) p[k] *= share;
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
