#include "array.hpp"
#include "bindings.hpp"
#include "prelu.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

Dense slopes(const char* op, const Array& weight, std::int64_t channels) {
    Dense values = dense({op, "weight"}, weight, 1);
    check_extent(op, "weight", values.shape[0], channels);
    return values;
}

std::int64_t pixels_of(const Extents4& e) { return e[0] * e[2] * e[3]; }

}  // namespace

void bind_prelu(py::module_& m) {
    m.def(
        "prelu_forward",
        [](const Array& x, const Array& weight) {
            const char* op = "prelu";
            const Images in = images({op, "x"}, x);
            const Dense slope = slopes(op, weight, in.extents[1]);
            Array y = empty_images(in.extents);
            float* out = data(y);
            if (in.extents[1] == 0) return y;
            without_gil([&] {
                prelu_forward(in.data, slope.data, pixels_of(in.extents), in.extents[1], out);
            });
            return y;
        },
        "x"_a, "weight"_a);
    m.def(
        "prelu_grad",
        [](const Array& dy, const Array& x, const Array& weight) {
            const char* op = "prelu_grad";
            const Images in = images({op, "x"}, x), grad = images({op, "dy"}, dy);
            check_extents(op, "dy", grad.extents, in.extents);
            const Dense slope = slopes(op, weight, in.extents[1]);
            Array dx = empty_images(in.extents), dweight = empty({in.extents[1]});
            float *x_out = data(dx), *w_out = data(dweight);
            if (in.extents[1] == 0) return py::make_tuple(dx, dweight);
            without_gil([&] {
                prelu_grad(grad.data, in.data, slope.data, pixels_of(in.extents), in.extents[1],
                           x_out, w_out);
            });
            return py::make_tuple(dx, dweight);
        },
        "dy"_a, "x"_a, "weight"_a);
}

}  // namespace convlet
