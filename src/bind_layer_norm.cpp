#include <algorithm>

#include "array.hpp"
#include "bindings.hpp"
#include "layer_norm.hpp"

namespace convlet {
namespace {

void check_shape(const char* op, const char* name, const Array& array, Shape wanted) {
    if (!std::ranges::equal(shape_of(array), wanted))
        throw py::value_error(
            std::string(op) + ": " + name + " must have shape " +
            py::str(py::tuple(py::cast(std::vector(wanted.begin(), wanted.end()))))
                .cast<std::string>() +
            ", got " + py::str(py::getattr(array, "shape")).cast<std::string>());
}

std::optional<Dense> checked(const char* op, const char* name, const OptionalArray& array,
                             Shape wanted) {
    if (array) check_shape(op, name, *array, wanted);
    return dense({op, name}, array, -1);
}

}  // namespace

void bind_layer_norm(py::module_& m) {
    m.def(
        "layer_norm_forward",
        [](const Array& x, int dims, const OptionalArray& weight, const OptionalArray& bias,
           double eps) {
            const char* op = "layer_norm";
            const Shape extents = shape_of(x);
            const LayerNormShape shape = checked_layer_norm(op, extents, dims);
            const Shape features = extents.last(static_cast<std::size_t>(dims));
            const Shape leading = extents.first(extents.size() - features.size());
            const std::optional<Dense> w = checked(op, "weight", weight, features);
            const std::optional<Dense> b = checked(op, "bias", bias, features);
            const Dense in = dense({op, "x"}, x, -1);
            Array y = empty(extents), mean = empty(leading), inverse = empty(leading);
            float *out = data(y), *middle = data(mean), *over = data(inverse);
            without_gil([&] {
                layer_norm_forward(shape, in.data, pointer(w), pointer(b), eps, out, middle, over);
            });
            return py::make_tuple(y, mean, inverse);
        },
        "x"_a, "dims"_a, "weight"_a, "bias"_a, "eps"_a);
    m.def(
        "layer_norm_grad",
        [](const Array& dy, const Array& x, const Array& mean, const Array& inverse,
           const OptionalArray& weight) {
            const char* op = "layer_norm_grad";
            const Shape extents = shape_of(x);
            const auto dims = static_cast<int>(x.ndim() - mean.ndim());
            const LayerNormShape shape = checked_layer_norm(op, extents, dims);
            const Shape features = extents.last(static_cast<std::size_t>(dims));
            const Shape leading = extents.first(extents.size() - features.size());
            check_shape(op, "dy", dy, extents);
            check_shape(op, "mean", mean, leading);
            check_shape(op, "inverse", inverse, leading);
            const std::optional<Dense> w = checked(op, "weight", weight, features);
            const Dense in = dense({op, "x"}, x, -1), grad = dense({op, "dy"}, dy, -1);
            const Dense middle = dense({op, "mean"}, mean, -1);
            const Dense over = dense({op, "inverse"}, inverse, -1);
            Array dx = empty(extents), dweight = empty(features), dbias = empty(features);
            const LayerNormGradient g{grad.data,  in.data,  middle.data,   over.data,
                                      pointer(w), data(dx), data(dweight), data(dbias)};
            without_gil([&] { layer_norm_grad(shape, g); });
            return py::make_tuple(dx, dweight, dbias);
        },
        "dy"_a, "x"_a, "mean"_a, "inverse"_a, "weight"_a);
}

}  // namespace convlet
