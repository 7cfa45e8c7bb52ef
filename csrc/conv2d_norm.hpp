// A convolution and the batch normalisation after it, in training: forward, and all gradients.
#pragma once

#include "conv2d.hpp"
#include "norm.hpp"

namespace convlet {

// Weight and bias of the normalisation may be null, as `mean` of the running statistics where none
// are kept.
struct Conv2dNorm {
    Conv2dShape shape;
    const float *norm_weight, *norm_bias;
    double eps;
    Activation activation;
};

// y = activation(norm(conv(x)) + residual) by the moments of `before`, which is conv(x).
struct Conv2dNormForward {
    const float *x, *weight, *bias, *residual;
    RunningStatistics running;
    float *before, *mean, *variance, *y;
};
void conv2d_norm_forward(const Conv2dNorm& layer, const Conv2dNormForward& pass, Keeping kept);

// y is null where `before` tells what the activation cut. `dbefore` is that of the convolution's
// output; of dx, dweight and dbias those are made that are not null. `dresidual` is null where
// there is no residual or no activation, whose gradient is dy.
struct Conv2dNormGradient {
    const float *dy, *x, *weight, *before, *mean, *variance, *y;
    float *dbefore, *dx, *dweight, *dbias, *dnorm_weight, *dnorm_bias, *dresidual;
};
void conv2d_norm_grad(const Conv2dNorm& layer, const Conv2dNormGradient& gradient);

}  // namespace convlet
