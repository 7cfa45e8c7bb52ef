#include "array.hpp"
#include "bindings.hpp"
#include "group_norm.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

// One number for each group of each image.
Dense per_group(const char* op, const char* name, const Array& array, std::int64_t images,
                std::int64_t groups) {
    if (array.ndim() == 2 && (array.shape(0) != images || array.shape(1) != groups))
        reject(op, ": ", name, " must have shape (", images, ", ", groups, "), got (",
               array.shape(0), ", ", array.shape(1), ")");
    return dense({op, name}, array, 2);
}

}  // namespace

void bind_group_norm(py::module_& m) {
    m.def(
        "group_moments",
        [](const Array& x, std::int64_t num_groups) {
            const char* op = "group_moments";
            const Argument input{op, "x"};
            const GroupNormShape shape =
                checked_group_norm(op, image_extents(input, x), num_groups);
            const Images in = images(input, x);
            Array mean = empty({shape.images, num_groups});
            Array variance = empty({shape.images, num_groups});
            float *middle = data(mean), *spread = data(variance);
            without_gil([&] { group_moments(shape, in.data, middle, spread); });
            return py::make_tuple(mean, variance);
        },
        "x"_a, "num_groups"_a);
    m.def(
        "group_norm_forward",
        [](const Array& x, const Array& mean, const Array& variance, const OptionalArray& weight,
           const OptionalArray& bias, double eps) {
            const char* op = "group_norm";
            const Argument input{op, "x"};
            const Extents4 extents = image_extents(input, x);
            const std::int64_t groups = mean.ndim() == 2 ? mean.shape(1) : 1;
            const GroupNormShape shape = checked_group_norm(op, extents, groups);
            const Dense middle = per_group(op, "mean", mean, shape.images, groups);
            const Dense spread = per_group(op, "variance", variance, shape.images, groups);
            const std::optional<Dense> w = per_channel({op, "weight"}, weight, shape.channels);
            const std::optional<Dense> b = per_channel({op, "bias"}, bias, shape.channels);
            const Images in = images(input, x);
            const GroupNorm norm{shape, middle.data, spread.data, pointer(w), pointer(b), eps};
            Array y = empty_images(extents);
            float* out = data(y);
            without_gil([&] { group_norm_forward(norm, in.data, out); });
            return y;
        },
        "x"_a, "mean"_a, "variance"_a, "weight"_a, "bias"_a, "eps"_a);
    m.def(
        "group_norm_grad",
        [](const Array& dy, const Array& x, const Array& mean, const Array& variance,
           const OptionalArray& weight, double eps) {
            const char* op = "group_norm_grad";
            const Argument input{op, "x"}, output{op, "dy"};
            const Extents4 extents = image_extents(input, x);
            const std::int64_t groups = mean.ndim() == 2 ? mean.shape(1) : 1;
            const GroupNormShape shape = checked_group_norm(op, extents, groups);
            check_extents(op, "dy", image_extents(output, dy), extents);
            const Dense middle = per_group(op, "mean", mean, shape.images, groups);
            const Dense spread = per_group(op, "variance", variance, shape.images, groups);
            const std::optional<Dense> w = per_channel({op, "weight"}, weight, shape.channels);
            const Images in = images(input, x), grad = images(output, dy);
            const GroupNorm norm{shape, middle.data, spread.data, pointer(w), nullptr, eps};
            Array dx = empty_images(extents), dweight = empty({shape.channels});
            Array dbias = empty({shape.channels});
            const GroupNormGradient g{grad.data, in.data, data(dx), data(dweight), data(dbias)};
            without_gil([&] { group_norm_grad(norm, g); });
            return py::make_tuple(dx, dweight, dbias);
        },
        "dy"_a, "x"_a, "mean"_a, "variance"_a, "weight"_a, "eps"_a);
}

}  // namespace convlet
