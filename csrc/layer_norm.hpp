// Layer normalisation (Ba, Kiros and Hinton 2016, arXiv:1607.06450): each row by its own moments.
#pragma once

#include "shape.hpp"

namespace convlet {

// y = (x - mean) * inverse * weight + bias with inverse = 1 / sqrt(variance + eps); weight and bias
// may be null. The mean and the inverse of each row are kept for the gradient.
void layer_norm_forward(const LayerNormShape& shape, const float* x, const float* weight,
                        const float* bias, double eps, float* y, float* mean, float* inverse);

struct LayerNormGradient {
    const float *dy, *x, *mean, *inverse;
    const float* weight;  // or null
    float *dx, *dweight, *dbias;
};
void layer_norm_grad(const LayerNormShape& shape, const LayerNormGradient& gradient);

}  // namespace convlet
