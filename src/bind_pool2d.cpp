#include "bindings.hpp"
#include "integers.hpp"
#include "pool2d.hpp"

namespace convlet {
namespace {

Array empty_indices(const Pool2dShape& shape) {
    return empty_images(output_extents(shape), has_wide_indices(shape)
                                                   ? py::dtype::of<std::int32_t>()
                                                   : py::dtype::of<std::uint8_t>());
}

// Indices as the kernels read them, every one checked.
Array checked_indices(const Pool2dShape& shape, const Array& given) {
    const Argument argument{"max_pool2d_grad", "indices"};
    check_integers(argument, given, 4);
    check_extents(argument.op, argument.name,
                  {given.shape(0), given.shape(1), given.shape(2), given.shape(3)},
                  output_extents(shape));
    const Array last = given.attr("transpose")(0, 2, 3, 1);  // channels last
    const bool wide = has_wide_indices(shape);
    if (wide ? holds<std::int32_t>(last) : holds<std::uint8_t>(last)) {
        Array own = wide ? contiguous<std::int32_t>(last) : contiguous<std::uint8_t>(last);
        const void* indices = own.data();
        without_gil([&] { check_pool_indices(shape, indices); });
        return own;
    }
    const Integers in = integers(argument, last, 4);
    without_gil([&] { check_pool_indices(shape, in.data); });
    Array narrowed = empty_indices(shape);
    void* indices = narrowed.mutable_data();
    without_gil([&] { narrow_pool_indices(shape, in.data, indices); });
    return narrowed;
}

void bind_max_pool2d(py::module_& m) {
    m.def(
        "max_pool2d_forward",
        [](const Array& x, PairArgument kernel_size, PairArgument stride, PairArgument padding,
           PairArgument dilation, bool ceil_mode) {
            const char* op = "max_pool2d";
            const Argument input{op, "x"};
            const Pool2dShape shape = checked_pool2d(
                image_extents(input, x), {op, pair(kernel_size), pair(stride), pair(padding),
                                          pair(dilation), ceil_mode, false});
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            Array indices = empty_indices(shape);
            float* out = data(y);
            void* positions = indices.mutable_data();
            without_gil([&] { max_pool2d_forward(shape, in.data, out, positions); });
            return py::make_tuple(y, indices);
        },
        "x"_a, "kernel_size"_a, "stride"_a, "padding"_a, "dilation"_a, "ceil_mode"_a);
    m.def(
        "max_pool2d_grad",
        [](const Array& dy, const Array& indices, const Extents4& input_shape,
           PairArgument kernel_size, PairArgument stride, PairArgument padding,
           PairArgument dilation, bool ceil_mode) {
            const char* op = "max_pool2d_grad";
            const Pool2dShape shape =
                checked_pool2d(input_shape, {op, pair(kernel_size), pair(stride), pair(padding),
                                             pair(dilation), ceil_mode, false, "input_shape"});
            const Argument output{op, "dy"};
            check_extents(op, "dy", image_extents(output, dy), output_extents(shape));
            const Array checked = checked_indices(shape, indices);
            const void* positions = checked.data();
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { max_pool2d_grad(shape, grad.data, positions, out); });
            return dx;
        },
        "dy"_a, "indices"_a, "input_shape"_a, "kernel_size"_a, "stride"_a, "padding"_a,
        "dilation"_a, "ceil_mode"_a);
}

void bind_avg_pool2d(py::module_& m) {
    m.def(
        "avg_pool2d_forward",
        [](const Array& x, PairArgument kernel_size, PairArgument stride, PairArgument padding,
           bool ceil_mode, bool count_include_pad) {
            const char* op = "avg_pool2d";
            const Argument input{op, "x"};
            const Pool2dShape shape = checked_pool2d(image_extents(input, x), {op,
                                                                               pair(kernel_size),
                                                                               pair(stride),
                                                                               pair(padding),
                                                                               {1, 1},
                                                                               ceil_mode,
                                                                               count_include_pad});
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            float* out = data(y);
            without_gil([&] { avg_pool2d_forward(shape, in.data, out); });
            return y;
        },
        "x"_a, "kernel_size"_a, "stride"_a, "padding"_a, "ceil_mode"_a, "count_include_pad"_a);
    m.def(
        "avg_pool2d_grad",
        [](const Array& dy, const Extents4& input_shape, PairArgument kernel_size,
           PairArgument stride, PairArgument padding, bool ceil_mode, bool count_include_pad) {
            const char* op = "avg_pool2d_grad";
            const Pool2dShape shape = checked_pool2d(input_shape, {op,
                                                                   pair(kernel_size),
                                                                   pair(stride),
                                                                   pair(padding),
                                                                   {1, 1},
                                                                   ceil_mode,
                                                                   count_include_pad,
                                                                   "input_shape"});
            const Argument output{op, "dy"};
            check_extents(op, "dy", image_extents(output, dy), output_extents(shape));
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { avg_pool2d_grad(shape, grad.data, out); });
            return dx;
        },
        "dy"_a, "input_shape"_a, "kernel_size"_a, "stride"_a, "padding"_a, "ceil_mode"_a,
        "count_include_pad"_a);
}

}  // namespace

void bind_pool2d(py::module_& m) {
    bind_max_pool2d(m);
    bind_avg_pool2d(m);
}

}  // namespace convlet
