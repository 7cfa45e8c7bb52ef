#include "adaptive_pool2d.hpp"
#include "bindings.hpp"
#include "integers.hpp"

namespace convlet {
namespace {

// Indices as the kernels read them, every one checked.
Array checked_indices(const AdaptivePool2dShape& shape, const Array& given) {
    const Argument argument{"adaptive_max_pool2d_grad", "indices"};
    check_integers(argument, given, 4);
    check_extents(argument.op, argument.name,
                  {given.shape(0), given.shape(1), given.shape(2), given.shape(3)},
                  output_extents(shape));
    const Array last = given.attr("transpose")(0, 2, 3, 1);  // channels last
    if (!holds<std::int32_t>(last)) {
        const Integers in = integers(argument, last, 4);
        without_gil([&] { check_adaptive_indices(shape, in.data); });
        return contiguous<std::int32_t>(last.attr("astype")(py::dtype::of<std::int32_t>()));
    }
    Array own = contiguous<std::int32_t>(last);
    const auto* indices = static_cast<const std::int32_t*>(own.data());
    without_gil([&] { check_adaptive_indices(shape, indices); });
    return own;
}

}  // namespace

void bind_adaptive_pool2d(py::module_& m) {
    m.def(
        "adaptive_max_pool2d_forward",
        [](const Array& x, PairArgument output_size) {
            const char* op = "adaptive_max_pool2d";
            const Argument input{op, "x"};
            const AdaptivePool2dShape shape =
                checked_adaptive_pool2d(op, "x", image_extents(input, x), pair(output_size));
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            Array indices = empty_images(output_extents(shape), py::dtype::of<std::int32_t>());
            float* out = data(y);
            auto* pixels = data<std::int32_t>(indices);
            without_gil([&] { adaptive_max_pool2d_forward(shape, in.data, out, pixels); });
            return py::make_tuple(y, indices);
        },
        "x"_a, "output_size"_a);
    m.def(
        "adaptive_max_pool2d_grad",
        [](const Array& dy, const Array& indices, const Extents4& input_shape) {
            const char* op = "adaptive_max_pool2d_grad";
            const Argument output{op, "dy"};
            const Extents4 extents = image_extents(output, dy);
            const AdaptivePool2dShape shape =
                checked_adaptive_pool2d(op, "input_shape", input_shape, {extents[2], extents[3]});
            check_extents(op, "dy", extents, output_extents(shape));
            const Array checked = checked_indices(shape, indices);
            const auto* pixels = static_cast<const std::int32_t*>(checked.data());
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { adaptive_max_pool2d_grad(shape, grad.data, pixels, out); });
            return dx;
        },
        "dy"_a, "indices"_a, "input_shape"_a);
    m.def(
        "adaptive_avg_pool2d_forward",
        [](const Array& x, PairArgument output_size) {
            const char* op = "adaptive_avg_pool2d";
            const Argument input{op, "x"};
            const AdaptivePool2dShape shape =
                checked_adaptive_pool2d(op, "x", image_extents(input, x), pair(output_size));
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            float* out = data(y);
            without_gil([&] { adaptive_avg_pool2d_forward(shape, in.data, out); });
            return y;
        },
        "x"_a, "output_size"_a);
    m.def(
        "adaptive_avg_pool2d_grad",
        [](const Array& dy, const Extents4& input_shape) {
            const char* op = "adaptive_avg_pool2d_grad";
            const Argument output{op, "dy"};
            const Extents4 extents = image_extents(output, dy);
            const AdaptivePool2dShape shape =
                checked_adaptive_pool2d(op, "input_shape", input_shape, {extents[2], extents[3]});
            check_extents(op, "dy", extents, output_extents(shape));
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { adaptive_avg_pool2d_grad(shape, grad.data, out); });
            return dx;
        },
        "dy"_a, "input_shape"_a);
}

}  // namespace convlet
