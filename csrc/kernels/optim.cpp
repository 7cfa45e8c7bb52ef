// Optimisers' update rules, one pass over each parameter.
#include "optim.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

// g' = scale g + decay p;  v = momentum v + (1 - dampening) g', at first g';
// p -= lr (g' + momentum v for Nesterov, else v).
//
// What a rule leaves out is not computed with a factor of 0, which would turn infinity into NaN.
void sgd(const SgdRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
         float* RESTRICT velocity, std::int64_t count) {
    const float lr = rule.lr, decay = rule.weight_decay, momentum = rule.momentum;
    const float take = 1.0F - rule.dampening, scale = rule.scale;
    const bool decays = decay != 0.0F, first = rule.first, nesterov = rule.nesterov;
    if (velocity == nullptr) {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i) {
            const float p = parameter[i];
            const float g = scale * gradient[i];
            parameter[i] = p - lr * (decays ? g + decay * p : g);
        }
        return;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i], old = velocity[i];
        const float scaled = scale * gradient[i];
        const float g = decays ? scaled + decay * p : scaled;
        const float v = first ? g : momentum * old + take * g;
        velocity[i] = v;
        parameter[i] = p - lr * (nesterov ? g + momentum * v : v);
    }
}

// g' = scale g + decay p;  m += (1 - b1)(g' - m);  v = b2 v + (1 - b2) g'²;
// p -= step m / (sqrt(v) / root + eps), or with the largest v so far (AMSGrad).
void adam(const AdamRule& rule, float* RESTRICT parameter, const float* RESTRICT gradient,
          float* RESTRICT mean, float* RESTRICT variance, float* RESTRICT largest,
          std::int64_t count) {
    const float to_mean = rule.to_mean, to_variance = rule.to_variance, beta2 = rule.beta2;
    const float coupled = rule.coupled_decay, shrink = rule.shrink, scale = rule.scale;
    const float step = rule.step, root = rule.root, eps = rule.eps;
    const bool decays = coupled != 0.0F;
    if (largest != nullptr) {
#pragma omp simd
        for (std::int64_t i = 0; i < count; ++i) {
            const float p = parameter[i] * shrink, scaled = scale * gradient[i];
            const float g = decays ? scaled + coupled * p : scaled;
            const float m = mean[i] + to_mean * (g - mean[i]);
            const float v = beta2 * variance[i] + to_variance * (g * g);
            const float most = v <= largest[i] ? largest[i] : v;  // NaN passes
            mean[i] = m;
            variance[i] = v;
            largest[i] = most;
            parameter[i] = p - step * (m / (__builtin_sqrtf(most) / root + eps));
        }
        return;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i] * shrink, scaled = scale * gradient[i];
        const float g = decays ? scaled + coupled * p : scaled;
        const float m = mean[i] + to_mean * (g - mean[i]);
        const float v = beta2 * variance[i] + to_variance * (g * g);
        mean[i] = m;
        variance[i] = v;
        parameter[i] = p - step * (m / (__builtin_sqrtf(v) / root + eps));
    }
}

// The moments are Adam's; u = m / share / (sqrt(v) / root + eps) + decay p is computed twice, here
// for its size and below for the change, since reading m and v again is less than writing u.
void lamb_moments(const LambRule& rule, const float* RESTRICT parameter,
                  const float* RESTRICT gradient, float* RESTRICT mean, float* RESTRICT variance,
                  std::int64_t count, float* squares) {
    const float to_mean = rule.to_mean, to_variance = rule.to_variance, beta2 = rule.beta2;
    const float share = rule.mean_share, root = rule.root, eps = rule.eps;
    const float decay = rule.weight_decay, scale = rule.scale;
    const bool decays = decay != 0.0F;
    float of_parameter = 0.0F, of_change = 0.0F;
#pragma omp simd reduction(+ : of_parameter, of_change)
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i], g = scale * gradient[i];
        const float m = mean[i] + to_mean * (g - mean[i]);
        const float v = beta2 * variance[i] + to_variance * (g * g);
        mean[i] = m;
        variance[i] = v;
        const float adam = m / share / (__builtin_sqrtf(v) / root + eps);
        const float u = decays ? adam + decay * p : adam;
        of_parameter += p * p;
        of_change += u * u;
    }
    squares[0] = of_parameter;
    squares[1] = of_change;
}

// p -= rate u
void lamb_change(const LambRule& rule, float rate, float* RESTRICT parameter,
                 const float* RESTRICT mean, const float* RESTRICT variance, std::int64_t count) {
    const float share = rule.mean_share, root = rule.root, eps = rule.eps;
    const float decay = rule.weight_decay;
    const bool decays = decay != 0.0F;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i];
        const float adam = mean[i] / share / (__builtin_sqrtf(variance[i]) / root + eps);
        parameter[i] = p - rate * (decays ? adam + decay * p : adam);
    }
}

namespace {

template <bool Centred, bool Momentum>
void rmsprop_loop(const RmspropRule& rule, float* RESTRICT parameter,
                  const float* RESTRICT gradient, float* RESTRICT square, float* RESTRICT mean,
                  float* RESTRICT buffer, std::int64_t count) {
    const float lr = rule.lr, alpha = rule.alpha, take = 1.0F - rule.alpha, eps = rule.eps;
    const float decay = rule.weight_decay, momentum = rule.momentum, scale = rule.scale;
    const bool decays = decay != 0.0F;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
        const float p = parameter[i], scaled = scale * gradient[i];
        const float g = decays ? scaled + decay * p : scaled;
        const float s = alpha * square[i] + take * (g * g);
        square[i] = s;
        float variance = s;
        if constexpr (Centred) {
            const float m = mean[i] + take * (g - mean[i]);
            mean[i] = m;
            variance = s - m * m;
            variance = variance < 0.0F ? 0.0F : variance;  // by rounding; NaN passes
        }
        const float change = g / (__builtin_sqrtf(variance) + eps);
        if constexpr (Momentum) {
            const float b = momentum * buffer[i] + change;
            buffer[i] = b;
            parameter[i] = p - lr * b;
        } else {
            parameter[i] = p - lr * change;
        }
    }
}

}  // namespace

// g' = scale g + decay p;  s = alpha s + (1 - alpha) g'²;  m likewise of g' where it is centred;
// u = g' / (sqrt(s - m²) + eps);  b = momentum b + u;  p -= lr b
void rmsprop(const RmspropRule& rule, float* parameter, const float* gradient, float* square,
             float* mean, float* buffer, std::int64_t count) {
    if (mean != nullptr && buffer != nullptr)
        rmsprop_loop<true, true>(rule, parameter, gradient, square, mean, buffer, count);
    else if (mean != nullptr)
        rmsprop_loop<true, false>(rule, parameter, gradient, square, mean, buffer, count);
    else if (buffer != nullptr)
        rmsprop_loop<false, true>(rule, parameter, gradient, square, mean, buffer, count);
    else
        rmsprop_loop<false, false>(rule, parameter, gradient, square, mean, buffer, count);
}

void move_average(float weight, const float* RESTRICT value, float* RESTRICT average,
                  std::int64_t count) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) average[i] += weight * (value[i] - average[i]);
}

}  // namespace convlet::CONVLET_ISA
