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

Array forward(const Named& f, float slope, const Array& x) {
    const Flat in = flat({f.name, "x"}, x);
    Array y = empty_like(in);
    float* out = data(y);
    without_gil([&] { unary_forward(f.function, slope, in.data, in.size, out); });
    return y;
}

Array gradient(const Named& f, float slope, const Array& dy, const Array& saved) {
    const Flat kept = flat({f.grad_name, from_output(f.function) ? "y" : "x"}, saved);
    const Flat grad = flat_like({f.grad_name, "dy"}, dy, kept);
    Array dx = empty_like(kept);
    float* out = data(dx);
    without_gil([&] { unary_grad(f.function, slope, grad.data, kept.data, grad.size, out); });
    return dx;
}

void bind_unary(py::module_& m, const Named& f) {
    m.def((std::string(f.name) + "_forward").c_str(),
          [f](const Array& x) { return forward(f, 0, x); }, "x"_a);
    const auto grad = [f](const Array& dy, const Array& saved) {
        return gradient(f, 0, dy, saved);
    };
    if (from_output(f.function))
        m.def(f.grad_name, grad, "dy"_a, "y"_a);
    else
        m.def(f.grad_name, grad, "dy"_a, "x"_a);
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
        [](const Array& dy, const Array& y) {
            const char* op = "relu_grad";
            const Flat output = flat({op, "y"}, y);
            const Flat grad = flat_like({op, "dy"}, dy, output);
            Array dx = empty_like(output);
            float* out = data(dx);
            without_gil([&] { relu_grad(grad.data, output.data, grad.size, out); });
            return dx;
        },
        "dy"_a, "y"_a);
    bind_unary(m, {Unary::relu6, "relu6", "relu6_grad"});
    bind_unary(m, {Unary::sigmoid, "sigmoid", "sigmoid_grad"});
    bind_unary(m, {Unary::silu, "silu", "silu_grad"});
    bind_unary(m, {Unary::hardsigmoid, "hardsigmoid", "hardsigmoid_grad"});
    bind_unary(m, {Unary::hardswish, "hardswish", "hardswish_grad"});
    const Named leaky{Unary::leaky_relu, "leaky_relu", "leaky_relu_grad"};
    m.def(
        "leaky_relu_forward",
        [leaky](const Array& x, float slope) { return forward(leaky, slope, x); }, "x"_a,
        "negative_slope"_a);
    m.def(
        "leaky_relu_grad",
        [leaky](const Array& dy, const Array& x, float slope) {
            return gradient(leaky, slope, dy, x);
        },
        "dy"_a, "x"_a, "negative_slope"_a);
}

}  // namespace convlet
