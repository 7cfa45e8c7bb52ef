#include "activation.hpp"
#include "array.hpp"
#include "bindings.hpp"

namespace convlet {

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
}

}  // namespace convlet
