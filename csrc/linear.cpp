#include "linear.hpp"

#include "conv2d.hpp"

namespace convlet {
namespace {

Conv2dShape as_conv2d(const LinearShape& s) {
    return checked_conv2d({s.rows, s.inputs, 1, 1}, {s.outputs, s.inputs, 1, 1},
                          {"linear", {1, 1}, {0, 0}, {1, 1}, 1});
}

}  // namespace

void linear_forward(const LinearShape& s, const float* x, const float* weight, const float* bias,
                    Activation activation, float* y) {
    conv2d_forward(as_conv2d(s), x, weight, bias, activation, y);
}

void linear_grad_input(const LinearShape& s, const float* dy, const float* weight, float* dx) {
    conv2d_grad_input(as_conv2d(s), dy, weight, nullptr, dx);
}

void linear_grad_weight(const LinearShape& s, const float* dy, const float* x, float* dw) {
    conv2d_grad_weight(as_conv2d(s), dy, x, dw);
}

}  // namespace convlet
