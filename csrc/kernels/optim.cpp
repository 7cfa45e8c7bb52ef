// Optimisers' update rules, one pass over each parameter.
#include "optim.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

// g' = g + decay p;  v = momentum v + (1 - dampening) g';  p -= lr (g' + momentum v, or v)
void sgd(const SgdRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
         float* RESTRICT velocity, std::int64_t count) {
    const float lr = rule.lr, decay = rule.weight_decay, momentum = rule.momentum;
    if (velocity == nullptr) {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i)
            parameter[i] -= lr * (gradient[i] + decay * parameter[i]);
        return;
    }
    // The first velocity is the gradient itself, not damped.
    const float keep = rule.first ? 0.0F : momentum;
    const float take = rule.first ? 1.0F : 1.0F - rule.dampening;
    const float of_gradient = rule.nesterov ? 1.0F : 0.0F;
    const float of_velocity = rule.nesterov ? momentum : 1.0F;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = gradient[i] + decay * parameter[i];
        const float old = rule.first ? 0.0F : velocity[i];
        const float v = keep * old + take * g;
        velocity[i] = v;
        parameter[i] -= lr * (of_gradient * g + of_velocity * v);
    }
}

// m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g²;  p -= step m / (sqrt(v) / root + eps)
void adam(const AdamRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
          float* RESTRICT mean, float* RESTRICT variance, std::int64_t count) {
    const float to_mean = rule.to_mean, to_variance = rule.to_variance, beta2 = rule.beta2;
    const float coupled = rule.coupled_decay, shrink = rule.shrink;
    const float step = rule.step, root = rule.root, eps = rule.eps;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i] * shrink;
        const float g = gradient[i] + coupled * p;
        const float m = mean[i] + to_mean * (g - mean[i]);
        const float v = beta2 * variance[i] + to_variance * (g * g);
        mean[i] = m;
        variance[i] = v;
        parameter[i] = p - step * (m / (__builtin_sqrtf(v) / root + eps));
    }
}

}  // namespace convlet::CONVLET_ISA
