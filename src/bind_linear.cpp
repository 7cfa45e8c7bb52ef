#include "array.hpp"
#include "bindings.hpp"
#include "layout.hpp"
#include "linear.hpp"

namespace convlet {

void bind_linear(py::module_& m) {
    m.def(
        "linear_forward",
        [](const Array& x, const Array& weight, const OptionalArray& bias,
           const std::string& activation) {
            const char* op = "linear";
            const Dense in = dense({op, "x"}, x, 2);
            const Dense w = dense({op, "weight"}, weight, 2);
            const LinearShape shape =
                checked_linear(op, in.shape[0], in.shape[1], w.shape[0], w.shape[1]);
            const auto b = per_channel({op, "bias"}, bias, shape.outputs);
            const Activation f = activation_named(op, activation);
            Array y = empty({shape.rows, shape.outputs});
            float* out = data(y);
            without_gil([&] { linear_forward(shape, in.data, w.data, pointer(b), f, out); });
            return y;
        },
        "x"_a, "weight"_a, "bias"_a, "activation"_a = "none");
    m.def(
        "linear_grad_input",
        [](const Array& dy, const Array& weight) {
            const char* op = "linear_grad_input";
            const Dense grad = dense({op, "dy"}, dy, 2);
            const Dense w = dense({op, "weight"}, weight, 2);
            check_extent(op, "the second axis of dy", grad.shape[1], w.shape[0]);
            const LinearShape shape =
                checked_linear(op, grad.shape[0], w.shape[1], w.shape[0], w.shape[1]);
            Array dx = empty({shape.rows, shape.inputs});
            float* out = data(dx);
            without_gil([&] { linear_grad_input(shape, grad.data, w.data, out); });
            return dx;
        },
        "dy"_a, "weight"_a);
    m.def(
        "linear_grad_weight",
        [](const Array& dy, const Array& x) {
            const char* op = "linear_grad_weight";
            const Dense grad = dense({op, "dy"}, dy, 2);
            const Dense in = dense({op, "x"}, x, 2);
            check_extent(op, "the first axis of dy", grad.shape[0], in.shape[0]);
            const LinearShape shape =
                checked_linear(op, in.shape[0], in.shape[1], grad.shape[1], in.shape[1]);
            Array dw = empty({shape.outputs, shape.inputs});
            float* out = data(dw);
            without_gil([&] { linear_grad_weight(shape, grad.data, in.data, out); });
            return dw;
        },
        "dy"_a, "x"_a);
    m.def(
        "channel_sum",
        [](const Array& x) {
            const char* op = "channel_sum";
            if (x.ndim() == 4) {
                const Images in = images({op, "dy"}, x);
                Array sums = empty({in.extents[1]});
                float* out = data(sums);
                without_gil([&] {
                    channel_sum(in.data, in.extents[0] * in.extents[2] * in.extents[3],
                                in.extents[1], out);
                });
                return sums;
            }
            const Dense in = dense({op, "dy"}, x, 2);
            Array sums = empty({in.shape[1]});
            float* out = data(sums);
            without_gil([&] { channel_sum(in.data, in.shape[0], in.shape[1], out); });
            return sums;
        },
        "dy"_a);
}

}  // namespace convlet
