#include <memory>

#include "array.hpp"
#include "bindings.hpp"
#include "conv2d.hpp"
#include "reject.hpp"

namespace convlet {

void bind_conv2d(py::module_& m) {
    // Copies and pickles start empty: what they hold can be made again.
    const auto empty_one = [](const PackedWeight&) { return std::make_unique<PackedWeight>(); };
    py::class_<PackedWeight>(m, "PackedWeight",
                             py::metaclass(reinterpret_cast<PyObject*>(&PyType_Type)),
                             "A weight of conv2d() in the order in which its kernels read it.\n\n"
                             "It is packed again when the weight has changed, by whomever.")
        .def(py::init<>())
        .def("clear", &PackedWeight::clear)
        .def("__copy__", empty_one)
        .def(
            "__deepcopy__",
            [empty_one](const PackedWeight& p, const py::dict&) { return empty_one(p); }, "memo"_a)
        .def("__reduce__", [](const py::object& self) {
            return py::make_tuple(py::type::of(self), py::tuple());
        });
    m.def(
        "conv2d_forward",
        [](const Array& x, const Array& weight, const OptionalArray& bias, PairArgument stride,
           const BordersArgument& padding, PairArgument dilation, std::int64_t groups,
           const std::string& activation, const OptionalArray& scale, const OptionalArray& residual,
           PackedWeight* packed, Version version) {
            const char* op = "conv2d";
            const Argument input{op, "x"};
            const Dense w = dense({op, "weight"}, weight, 4);
            const Conv2dShape shape =
                checked_conv2d(image_extents(input, x), extents4(w),
                               {op, pair(stride), borders(padding), pair(dilation), groups});
            const auto b = per_channel({op, "bias"}, bias, shape.out_channels);
            const auto factors = per_channel({op, "scale"}, scale, shape.out_channels);
            const Activation f = activation_named(op, activation);
            std::optional<Images> more;
            if (residual) {
                check_extents(op, "residual", image_extents({op, "residual"}, *residual),
                              output_extents(shape));
                more = images({op, "residual"}, *residual);
            }
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            float* out = data(y);
            const Epilogue epilogue{pointer(factors), pointer(b), more ? more->data : nullptr, f};
            without_gil(
                [&] { conv2d_forward(shape, in.data, w.data, epilogue, out, {packed, version}); });
            return y;
        },
        "x"_a, "weight"_a, "bias"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a,
        "activation"_a = "none", "scale"_a = py::none(), "residual"_a = py::none(),
        "packed"_a = py::none(), "version"_a = py::none());
    m.def(
        "conv2d_moments",
        [](const Array& x, const Array& weight, const OptionalArray& bias, PairArgument stride,
           const BordersArgument& padding, PairArgument dilation, std::int64_t groups,
           PackedWeight* packed, Version version) {
            const char* op = "conv2d_moments";
            const Argument input{op, "x"};
            const Dense w = dense({op, "weight"}, weight, 4);
            const Conv2dShape shape =
                checked_conv2d(image_extents(input, x), extents4(w),
                               {op, pair(stride), borders(padding), pair(dilation), groups});
            const auto b = per_channel({op, "bias"}, bias, shape.out_channels);
            if (shape.images * shape.out_height * shape.out_width == 0)
                reject(op, ": the output must have at least 1 value per channel, got 0");
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            Array mean = empty({shape.out_channels}), variance = empty({shape.out_channels});
            float *out = data(y), *m_out = data(mean), *v_out = data(variance);
            const Epilogue epilogue{nullptr, pointer(b), nullptr, Activation::none};
            without_gil([&] {
                conv2d_forward(shape, in.data, w.data, epilogue, out, {packed, version}, m_out,
                               v_out);
            });
            return py::make_tuple(y, mean, variance);
        },
        "x"_a, "weight"_a, "bias"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a,
        "packed"_a = py::none(), "version"_a = py::none());
    m.def(
        "conv2d_grad_input",
        [](const Array& dy, const Array& weight, const Extents4& input_shape, PairArgument stride,
           const BordersArgument& padding, PairArgument dilation, std::int64_t groups) {
            const char* op = "conv2d_grad_input";
            const Dense w = dense({op, "weight"}, weight, 4);
            const Conv2dShape shape = checked_conv2d(
                input_shape, extents4(w),
                {op, pair(stride), borders(padding), pair(dilation), groups, "input_shape"});
            const Argument output{op, "dy"};
            check_extents(op, "dy", image_extents(output, dy), output_extents(shape));
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { conv2d_grad_input(shape, grad.data, w.data, nullptr, out); });
            return dx;
        },
        "dy"_a, "weight"_a, "input_shape"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a);
    m.def(
        "conv2d_grad_weight",
        [](const Array& dy, const Array& x, const Extents4& weight_shape, PairArgument stride,
           const BordersArgument& padding, PairArgument dilation, std::int64_t groups) {
            const char* op = "conv2d_grad_weight";
            const Argument input{op, "x"}, output{op, "dy"};
            const Conv2dShape shape =
                checked_conv2d(image_extents(input, x), weight_shape,
                               {op, pair(stride), borders(padding), pair(dilation), groups});
            check_extents(op, "dy", image_extents(output, dy), output_extents(shape));
            const Images in = images(input, x), grad = images(output, dy);
            Array dw = empty(Shape(weight_shape));
            float* out = data(dw);
            without_gil([&] { conv2d_grad_weight(shape, grad.data, in.data, out); });
            return dw;
        },
        "dy"_a, "x"_a, "weight_shape"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a);
    m.def(
        "conv_transpose2d_forward",
        [](const Array& x, const Array& weight, const OptionalArray& bias, PairArgument stride,
           PairArgument padding, PairArgument output_padding, std::int64_t groups,
           PairArgument dilation) {
            const char* op = "conv_transpose2d";
            const Argument input{op, "x"};
            const Dense w = dense({op, "weight"}, weight, 4);
            const Conv2dShape twin = checked_conv_transpose2d(
                image_extents(input, x), extents4(w),
                {op, pair(stride), {pair(padding), pair(padding)}, pair(dilation), groups},
                pair(output_padding));
            const auto b = per_channel({op, "bias"}, bias, twin.channels);
            const Images in = images(input, x);
            Array y = empty_images(input_extents(twin));
            float* out = data(y);
            without_gil([&] { conv2d_grad_input(twin, in.data, w.data, pointer(b), out); });
            return y;
        },
        "x"_a, "weight"_a, "bias"_a, "stride"_a, "padding"_a, "output_padding"_a, "groups"_a,
        "dilation"_a);
}

}  // namespace convlet
