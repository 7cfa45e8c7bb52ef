#include "array.hpp"
#include "bindings.hpp"
#include "reject.hpp"
#include "resize2d.hpp"

namespace convlet {
namespace {

using Factors = std::optional<std::array<double, 2>>;

Resize2dArguments arguments(const char* op, const Pair& size, const std::string& mode,
                            bool align_corners, const Factors& factors, const char* input = "x") {
    if (mode != "nearest" && mode != "bilinear")
        reject(op, ": mode must be 'nearest' or 'bilinear', got '", mode, "'");
    const std::array<double, 2> f = factors.value_or(std::array<double, 2>{0, 0});
    return {op, size, mode == "bilinear", align_corners, factors.has_value(), f[0], f[1], input};
}

}  // namespace

void bind_resize2d(py::module_& m) {
    m.def(
        "resize2d_forward",
        [](const Array& x, PairArgument size, const std::string& mode, bool align_corners,
           const Factors& scale_factor) {
            const char* op = "resize2d";
            const Argument input{op, "x"};
            const Resize2dShape shape =
                checked_resize2d(image_extents(input, x),
                                 arguments(op, pair(size), mode, align_corners, scale_factor));
            const Images in = images(input, x);
            Array y = empty_images(output_extents(shape));
            float* out = data(y);
            without_gil([&] { resize2d_forward(shape, in.data, out); });
            return y;
        },
        "x"_a, "size"_a, "mode"_a, "align_corners"_a, "scale_factor"_a);
    m.def(
        "resize2d_grad",
        [](const Array& dy, const Extents4& input_shape, const std::string& mode,
           bool align_corners, const Factors& scale_factor) {
            const char* op = "resize2d_grad";
            const Argument output{op, "dy"};
            const Extents4 extents = image_extents(output, dy);
            const Resize2dShape shape = checked_resize2d(
                input_shape, arguments(op, {extents[2], extents[3]}, mode, align_corners,
                                       scale_factor, "input_shape"));
            check_extents(op, "dy", extents, output_extents(shape));
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { resize2d_grad(shape, grad.data, out); });
            return dx;
        },
        "dy"_a, "input_shape"_a, "mode"_a, "align_corners"_a, "scale_factor"_a);
}

}  // namespace convlet
