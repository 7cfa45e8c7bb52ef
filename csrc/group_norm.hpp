// Group normalisation (Wu and He 2018, arXiv:1803.08494) of NHWC images: the channels of an image
// are cut into groups, each normalised by its own moments.
#pragma once

#include "shape.hpp"

namespace convlet {

// Mean and biased variance (images, groups).
void group_moments(const GroupNormShape& shape, const float* x, float* mean, float* variance);

// y = (x - mean) / sqrt(variance + eps) * weight + bias; weight and bias may be null.
struct GroupNorm {
    GroupNormShape shape;
    const float *mean, *variance, *weight, *bias;
    double eps;
};
void group_norm_forward(const GroupNorm& norm, const float* x, float* y);

struct GroupNormGradient {
    const float *dy, *x;
    float *dx, *dweight, *dbias;
};
void group_norm_grad(const GroupNorm& norm, const GroupNormGradient& gradient);

}  // namespace convlet
