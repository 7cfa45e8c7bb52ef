#include "conv2d_norm.hpp"

#include "layout.hpp"
#include "memory.hpp"

namespace convlet {
namespace {

std::int64_t pixels_of(const Conv2dShape& s) { return s.images * s.out_height * s.out_width; }

BatchNorm norm_of(const Conv2dNorm& l, const float* mean, const float* variance) {
    return {pixels_of(l.shape), l.shape.out_channels, mean,  variance,
            l.norm_weight,      l.norm_bias,          l.eps, l.activation};
}

}  // namespace

void conv2d_norm_forward(const Conv2dNorm& l, const Conv2dNormForward& p, Keeping kept) {
    const Epilogue epilogue{nullptr, p.bias, nullptr, Activation::none};
    conv2d_forward(l.shape, p.x, p.weight, epilogue, p.before, kept, p.mean, p.variance);
    if (p.running.mean != nullptr)
        move_statistics(p.running, p.mean, p.variance, pixels_of(l.shape), l.shape.out_channels);
    batch_norm_forward(norm_of(l, p.mean, p.variance), p.before, p.residual, p.y);
}

void conv2d_norm_grad(const Conv2dNorm& l, const Conv2dNormGradient& g) {
    const std::int64_t channels = l.shape.out_channels;
    const BatchNorm norm = norm_of(l, g.mean, g.variance);
    const Scratch scale(channels), shift(channels);
    BatchNormGradient of_norm{g.dy,      g.before,       g.y,          nullptr,     nullptr,
                              g.dbefore, g.dnorm_weight, g.dnorm_bias, g.dresidual, false};
    if (l.activation != Activation::none && g.y == nullptr) {
        batch_norm_scale_shift(norm, nullptr, scale.data(), shift.data());
        of_norm.scale = scale.data();
        of_norm.shift = shift.data();
    }
    batch_norm_grad(norm, of_norm);
    if (g.dweight != nullptr) conv2d_grad_weight(l.shape, g.dbefore, g.x, g.dweight);
    if (g.dbias != nullptr) channel_sum(g.dbefore, pixels_of(l.shape), channels, g.dbias);
    if (g.dx != nullptr) conv2d_grad_input(l.shape, g.dbefore, g.weight, nullptr, g.dx);
}

}  // namespace convlet
