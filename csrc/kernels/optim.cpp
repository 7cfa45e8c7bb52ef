// Optimisers' update rules, one pass over each parameter.
#include "optim.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

// g' = g + decay p;  v = momentum v + (1 - dampening) g', at first g';
// p -= lr (g' + momentum v for Nesterov, else v).
//
// What a rule leaves out is not computed with a factor of 0, which would turn infinity into NaN.
void sgd(const SgdRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
         float* RESTRICT velocity, std::int64_t count) {
    const float lr = rule.lr, decay = rule.weight_decay, momentum = rule.momentum;
    const float take = 1.0F - rule.dampening;
    const bool decays = decay != 0.0F, first = rule.first, nesterov = rule.nesterov;
    if (velocity == nullptr) {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i) {
            const float p = parameter[i];
            parameter[i] = p - lr * (decays ? gradient[i] + decay * p : gradient[i]);
        }
        return;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i], old = velocity[i];
        const float g = decays ? gradient[i] + decay * p : gradient[i];
        const float v = first ? g : momentum * old + take * g;
        velocity[i] = v;
        parameter[i] = p - lr * (nesterov ? g + momentum * v : v);
    }
}

// m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g²;  p -= step m / (sqrt(v) / root + eps)
void adam(const AdamRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
          float* RESTRICT mean, float* RESTRICT variance, std::int64_t count) {
    const float to_mean = rule.to_mean, to_variance = rule.to_variance, beta2 = rule.beta2;
    const float coupled = rule.coupled_decay, shrink = rule.shrink;
    const float step = rule.step, root = rule.root, eps = rule.eps;
    const bool decays = coupled != 0.0F;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i] * shrink;
        const float g = decays ? gradient[i] + coupled * p : gradient[i];
        const float m = mean[i] + to_mean * (g - mean[i]);
        const float v = beta2 * variance[i] + to_variance * (g * g);
        mean[i] = m;
        variance[i] = v;
        parameter[i] = p - step * (m / (__builtin_sqrtf(v) / root + eps));
    }
}

}  // namespace convlet::CONVLET_ISA
