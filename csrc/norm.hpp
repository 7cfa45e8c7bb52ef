// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) of NHWC images: with the
// activation and the residual that follow it in one pass, and one pass back.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

// Mean and biased variance of each channel over all rows.
void batch_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                   float* variance);

// Running statistics moved towards a batch's by `momentum`, the variance towards the unbiased one
// of so many rows.
struct RunningStatistics {
    float *mean, *variance;
    float momentum;
};
void move_statistics(const RunningStatistics& running, const float* mean, const float* variance,
                     std::int64_t rows, std::int64_t channels);

// y = activation((x - mean) / sqrt(variance + eps) * weight + bias + residual); weight, bias and
// residual may be null.
struct BatchNorm {
    std::int64_t rows, channels;
    const float *mean, *variance, *weight, *bias;
    double eps;
    Activation activation;
};
// The same as x * scale + shift, for an x to which `before` (or null) is still to be added.
void batch_norm_scale_shift(const BatchNorm& norm, const float* before, float* scale, float* shift);
void batch_norm_forward(const BatchNorm& norm, const float* x, const float* residual, float* y);

// What a gradient needs. Where there was an activation, y or, without a residual, the scale and
// shift of the forward tell what it cut.
struct BatchNormGradient {
    const float *dy, *x, *y, *scale, *shift;
    float *dx, *dweight, *dbias;
    float* dresidual;  // or null; without an activation it is dy itself
    bool fixed;        // mean and variance did not come from x (evaluation)
};
void batch_norm_grad(const BatchNorm& norm, const BatchNormGradient& gradient);

}  // namespace convlet
