#include "activation.hpp"
#include "array.hpp"
#include "bindings.hpp"

namespace convlet {
namespace {

// The functions `name` and `name`_grad.
struct Named {
    Unary function;
    const char *name, *grad_name;
};

Array forward(const Named& f, float parameter, const Array& x) {
    const Flat in = flat({f.name, "x"}, x);
    Array y = empty_like(in);
    float* out = data(y);
    without_gil([&] { unary_forward(f.function, parameter, in.data, in.size, out); });
    return y;
}

Array gradient(const Named& f, float parameter, const Array& dy, const Array& saved,
               bool overwrite_dy) {
    const Flat kept = flat({f.grad_name, from_output(f.function) ? "y" : "x"}, saved);
    const Flat grad = flat_like({f.grad_name, "dy"}, dy, kept);
    Array dx = over_or_new(overwrite_dy, grad);
    float* out = data(dx);
    without_gil([&] { unary_grad(f.function, parameter, grad.data, kept.data, grad.size, out); });
    return dx;
}

void bind_unary(py::module_& m, const Named& f) {
    m.def((std::string(f.name) + "_forward").c_str(),
          [f](const Array& x) { return forward(f, 0, x); }, "x"_a);
    const auto grad = [f](const Array& dy, const Array& saved, bool overwrite_dy) {
        return gradient(f, 0, dy, saved, overwrite_dy);
    };
    if (from_output(f.function))
        m.def(f.grad_name, grad, "dy"_a, "y"_a, "overwrite_dy"_a = false);
    else
        m.def(f.grad_name, grad, "dy"_a, "x"_a, "overwrite_dy"_a = false);
}

// With a parameter; the gradient is then one of the input.
void bind_unary(py::module_& m, const Named& f, const char* parameter) {
    m.def((std::string(f.name) + "_forward").c_str(),
          [f](const Array& x, float value) { return forward(f, value, x); }, "x"_a,
          py::arg(parameter));
    m.def(
        f.grad_name,
        [f](const Array& dy, const Array& x, float value, bool overwrite_dy) {
            return gradient(f, value, dy, x, overwrite_dy);
        },
        "dy"_a, "x"_a, py::arg(parameter), "overwrite_dy"_a = false);
}

}  // namespace

void bind_activation(py::module_& m) {
    m.def(
        "relu_forward",
        [](const Array& x) {
            const Flat in = flat({"relu", "x"}, x);
            Array y = empty_like(in);
            float* out = data(y);
            without_gil([&] { relu_forward(in.data, in.size, out); });
            return y;
        },
        "x"_a);
    m.def(
        "relu_grad",
        [](const Array& dy, const Array& y, bool overwrite_dy) {
            const char* op = "relu_grad";
            const Flat output = flat({op, "y"}, y);
            const Flat grad = flat_like({op, "dy"}, dy, output);
            Array dx = over_or_new(overwrite_dy, grad);
            float* out = data(dx);
            without_gil([&] { relu_grad(grad.data, output.data, grad.size, out); });
            return dx;
        },
        "dy"_a, "y"_a, "overwrite_dy"_a = false);
    bind_unary(m, {Unary::relu6, "relu6", "relu6_grad"});
    bind_unary(m, {Unary::sigmoid, "sigmoid", "sigmoid_grad"});
    bind_unary(m, {Unary::silu, "silu", "silu_grad"});
    bind_unary(m, {Unary::hardsigmoid, "hardsigmoid", "hardsigmoid_grad"});
    bind_unary(m, {Unary::hardswish, "hardswish", "hardswish_grad"});
    bind_unary(m, {Unary::tanh, "tanh", "tanh_grad"});
    bind_unary(m, {Unary::gelu, "gelu", "gelu_grad"});
    bind_unary(m, {Unary::gelu_tanh, "gelu_tanh", "gelu_tanh_grad"});
    bind_unary(m, {Unary::mish, "mish", "mish_grad"});
    bind_unary(m, {Unary::leaky_relu, "leaky_relu", "leaky_relu_grad"}, "negative_slope");
    bind_unary(m, {Unary::elu, "elu", "elu_grad"}, "alpha");
    bind_unary(m, {Unary::softplus, "softplus", "softplus_grad"}, "beta");
}

}  // namespace convlet
