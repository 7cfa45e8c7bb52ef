#include "array.hpp"
#include "bindings.hpp"
#include "channel_scale.hpp"

namespace convlet {
namespace {

Dense factors(const char* op, const Array& scale, const Extents4& x) {
    check_extents(op, "scale", image_extents({op, "scale"}, scale), {x[0], x[1], 1, 1});
    return dense({op, "scale"}, scale, 4);
}

ScaledImages shape_of_images(const Extents4& e) { return {e[0], e[2] * e[3], e[1]}; }

}  // namespace

void bind_channel_scale(py::module_& m) {
    m.def(
        "channel_scale",
        [](const Array& x, const Array& scale) {
            const char* op = "channel_scale";
            const Dense by = factors(op, scale, image_extents({op, "x"}, x));
            const Images in = images({op, "x"}, x);
            Array y = empty_images(in.extents);
            float* out = data(y);
            without_gil([&] { channel_scale(shape_of_images(in.extents), in.data, by.data, out); });
            return y;
        },
        "x"_a, "scale"_a);
    m.def(
        "channel_scale_grad",
        [](const Array& dy, const Array& x, const Array& scale) {
            const char* op = "channel_scale_grad";
            const Extents4 extents = image_extents({op, "x"}, x);
            const Dense by = factors(op, scale, extents);
            check_extents(op, "dy", image_extents({op, "dy"}, dy), extents);
            const Images in = images({op, "x"}, x), grad = images({op, "dy"}, dy);
            Array dx = empty_images(extents), dscale = empty({extents[0], extents[1], 1, 1});
            float *x_out = data(dx), *s_out = data(dscale);
            without_gil([&] {
                channel_scale_grad(shape_of_images(extents), grad.data, in.data, by.data, x_out,
                                   s_out);
            });
            return py::make_tuple(dx, dscale);
        },
        "dy"_a, "x"_a, "scale"_a);
}

}  // namespace convlet
