// Softmax cross-entropy, a row at a time, and the cross-entropy of two classes by one logit.
#include "loss.hpp"

#include "exponential.hpp"
#include "simd.hpp"
#include "smooth.hpp"
#include "transpose.hpp"

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

INLINE float weight_of(const CrossEntropy& e, std::int64_t k) {
    return e.weight == nullptr ? 1.0F : e.weight[k];
}

// The sum of weight[k] * (most + log_sum - x[k]): what all classes alike have of the loss.
INLINE float spread_loss(const CrossEntropy& e, const float* x, float most, float log_sum) {
    float sum = 0.0F;
    for (std::int64_t k = 0; k < e.classes; ++k) sum += weight_of(e, k) * (log_sum - (x[k] - most));
    return sum;
}

// What is left of a row once its softmax is known.
INLINE float loss_of(const CrossEntropy& e, const float* x, std::int64_t label, float most,
                     float log_sum) {
    if (label == e.ignored) return 0.0F;
    const float loss = weight_of(e, label) * (log_sum - (x[label] - most));
    if (e.smoothing == 0.0F) return loss;
    return (1.0F - e.smoothing) * loss +
           e.smoothing / static_cast<float>(e.classes) * spread_loss(e, x, most, log_sum);
}

// Few classes: so many rows at once, a lane for each, in a copy whose rows are classes.
constexpr int LANES = 16;

void few_classes(const CrossEntropy& e, const float* x, const std::int64_t* labels, float* losses,
                 float* p) {
    const std::int64_t classes = e.classes;
    float rows[MANY_CLASSES][LANES], most[LANES], sum[LANES] = {}, log_sum[LANES];
    transpose(x, classes, LANES, classes, rows[0], LANES);
    for (int l = 0; l < LANES; ++l) most[l] = x[l * classes];
    for (std::int64_t k = 1; k < classes; ++k) {
#pragma omp simd
        for (int l = 0; l < LANES; ++l) most[l] = rows[k][l] > most[l] ? rows[k][l] : most[l];
    }
    for (std::int64_t k = 0; k < classes; ++k) {
#pragma omp simd
        for (int l = 0; l < LANES; ++l) {
            rows[k][l] = exponential(rows[k][l] - most[l]);
            sum[l] += rows[k][l];
        }
    }
#pragma omp simd
    for (int l = 0; l < LANES; ++l) {
        log_sum[l] = logarithm(sum[l]);
        sum[l] = 1.0F / sum[l];
    }
    for (std::int64_t k = 0; k < classes; ++k) {
#pragma omp simd
        for (int l = 0; l < LANES; ++l) rows[k][l] *= sum[l];
    }
    transpose(rows[0], LANES, classes, LANES, p, classes);
    for (int l = 0; l < LANES; ++l)
        losses[l] = loss_of(e, x + l * classes, labels[l], most[l], log_sum[l]);
}

}  // namespace

// loss = (1 - smoothing) weight[label] nll(label) + smoothing / classes sum of weight[k] nll(k),
// where nll(k) = log(sum of exp(logit - most)) - (logit k - most): no exponential overflows.
void softmax_cross_entropy(const CrossEntropy& e, const float* logits, const std::int64_t* labels,
                           std::int64_t rows, float* losses, float* probabilities) {
    const std::int64_t classes = e.classes;
    std::int64_t n = 0;
    if (classes <= MANY_CLASSES)
        for (; n + LANES <= rows; n += LANES)
            few_classes(e, logits + n * classes, labels + n, losses + n,
                        probabilities + n * classes);
    for (; n < rows; ++n) {
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
        losses[n] = loss_of(e, x, labels[n], most, __builtin_logf(sum));
    }
}

// d nll(k) / d logit j = probability j - (1 where j is k)
void softmax_cross_entropy_grad(const CrossEntropy& e, const float* probabilities,
                                const std::int64_t* labels, const float* dlosses, std::int64_t rows,
                                float* dlogits) {
    const std::int64_t classes = e.classes;
    const float alike = e.smoothing / static_cast<float>(classes);
    float weights = 0.0F;
    for (std::int64_t k = 0; k < classes; ++k) weights += weight_of(e, k);
    for (std::int64_t n = 0; n < rows; ++n) {
        const float* RESTRICT p = probabilities + n * classes;
        float* RESTRICT d = dlogits + n * classes;
        if (labels[n] == e.ignored) {
#pragma omp simd
            for (std::int64_t k = 0; k < classes; ++k) d[k] = 0.0F;
            continue;
        }
        const float own = (1.0F - e.smoothing) * weight_of(e, labels[n]) * dlosses[n];
        const float scale = own + alike * weights * dlosses[n];
#pragma omp simd
        for (std::int64_t k = 0; k < classes; ++k) d[k] = p[k] * scale;
        if (e.smoothing == 0.0F) {
            d[labels[n]] = (p[labels[n]] - 1.0F) * own;
            continue;
        }
        for (std::int64_t k = 0; k < classes; ++k) d[k] -= alike * weight_of(e, k) * dlosses[n];
        d[labels[n]] -= own;
    }
}

// loss = (1 - t) log(1 + e^x) + pos_weight t log(1 + e^-x), no term of which cancels another.
void binary_cross_entropy(const float* RESTRICT logits, const float* RESTRICT targets,
                          std::int64_t count, float pos_weight, float* RESTRICT losses) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float x = logits[i], t = targets[i];
        const float rest = log_of_1_plus(exponential(-__builtin_fabsf(x)));
        losses[i] = (1.0F - t) * ((x < 0.0F ? 0.0F : x) + rest) +
                    pos_weight * t * ((x > 0.0F ? 0.0F : -x) + rest);
    }
}

// d loss / d logit = (1 - t) sigmoid(x) - pos_weight t sigmoid(-x)
void binary_cross_entropy_grad(const float* RESTRICT dlosses, const float* RESTRICT logits,
                               const float* RESTRICT targets, std::int64_t count, float pos_weight,
                               float* RESTRICT dlogits) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float x = logits[i], t = targets[i];
        const float e = exponential(-__builtin_fabsf(x)), more = 1.0F / (1.0F + e), less = e * more;
        dlogits[i] = dlosses[i] * ((1.0F - t) * (x < 0.0F ? less : more) -
                                   pos_weight * t * (x < 0.0F ? more : less));
    }
}

}  // namespace convlet::CONVLET_ISA
