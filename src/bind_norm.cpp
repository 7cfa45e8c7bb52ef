#include "array.hpp"
#include "bindings.hpp"
#include "norm.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

struct Statistics {
    Dense mean, variance;
};

Statistics statistics(const char* op, const Array& mean, const Array& variance,
                      std::int64_t channels) {
    Statistics s{dense({op, "mean"}, mean, 1), dense({op, "variance"}, variance, 1)};
    check_extent(op, "mean", s.mean.shape[0], channels);
    check_extent(op, "variance", s.variance.shape[0], channels);
    return s;
}

std::int64_t rows_of(const Extents4& e) { return e[0] * e[2] * e[3]; }

Images same_images(const Argument& argument, const Array& array, const Images& like) {
    Images given = images(argument, array);
    check_extents(argument.op, argument.name, given.extents, like.extents);
    return given;
}

}  // namespace

void bind_norm(py::module_& m) {
    m.def(
        "batch_moments",
        [](const Array& x) {
            const char* op = "batch_norm";
            const Images in = images({op, "x"}, x);
            const std::int64_t channels = in.extents[1], rows = rows_of(in.extents);
            if (rows < 1) reject(op, ": x must have at least 1 value per channel, got 0");
            Array mean = empty({channels}), variance = empty({channels});
            float *m_out = data(mean), *v_out = data(variance);
            without_gil([&] { batch_moments(in.data, rows, channels, m_out, v_out); });
            return py::make_tuple(mean, variance);
        },
        "x"_a);
    m.def(
        "batch_norm_forward",
        [](const Array& x, const Array& mean, const Array& variance, const OptionalArray& weight,
           const OptionalArray& bias, double eps, const OptionalArray& residual,
           const std::string& activation) {
            const char* op = "batch_norm";
            const Images in = images({op, "x"}, x);
            const std::int64_t channels = in.extents[1];
            const Statistics s = statistics(op, mean, variance, channels);
            const std::optional<Dense> w = per_channel({op, "weight"}, weight, channels);
            const std::optional<Dense> b = per_channel({op, "bias"}, bias, channels);
            std::optional<Images> more;
            if (residual) more = same_images({op, "residual"}, *residual, in);
            const BatchNorm norm{
                rows_of(in.extents), channels,   s.mean.data, s.variance.data,
                pointer(w),          pointer(b), eps,         activation_named(op, activation)};
            Array y = empty_images(in.extents);
            float* out = data(y);
            without_gil(
                [&] { batch_norm_forward(norm, in.data, more ? more->data : nullptr, out); });
            return y;
        },
        "x"_a, "mean"_a, "variance"_a, "weight"_a, "bias"_a, "eps"_a, "residual"_a = py::none(),
        "activation"_a = "none");
    m.def(
        "batch_norm_grad",
        [](const Array& dy, const Array& x, const OptionalArray& y, const Array& mean,
           const Array& variance, const OptionalArray& weight, double eps, bool fixed,
           bool with_residual, const std::string& activation, const OptionalArray& scale,
           const OptionalArray& shift, bool overwrite_dy) {
            const char* op = "batch_norm_grad";
            const Images in = images({op, "x"}, x);
            const std::int64_t channels = in.extents[1];
            const Images grad = same_images({op, "dy"}, dy, in);
            std::optional<Images> output;
            if (y) output = same_images({op, "y"}, *y, in);
            const Statistics s = statistics(op, mean, variance, channels);
            const std::optional<Dense> w = per_channel({op, "weight"}, weight, channels);
            const std::optional<Dense> scaled = per_channel({op, "scale"}, scale, channels);
            const std::optional<Dense> shifted = per_channel({op, "shift"}, shift, channels);
            if (scale && (y || with_residual || !shift))
                reject(op, ": scale and shift take the place of y, without a residual");
            const Activation f = y || scale ? activation_named(op, activation) : Activation::none;
            if (f > Activation::relu6)
                reject(op, ": activation must be 'none', 'relu' or 'relu6', got '", activation,
                       "'");
            const BatchNorm norm{rows_of(in.extents), channels, s.mean.data, s.variance.data,
                                 pointer(w),          nullptr,  eps,         f};
            // Where dz, what the activation let pass of dy, is wanted as well, it may take dy's
            // place; without an activation it is dy, which then stays.
            const bool dz_apart = with_residual && output.has_value();
            Array dx = over_or_new(overwrite_dy && !with_residual, grad);
            Array dweight = empty({channels}), dbias = empty({channels});
            py::object dresidual = py::none();
            BatchNormGradient g{grad.data,
                                in.data,
                                output ? output->data : nullptr,
                                pointer(scaled),
                                pointer(shifted),
                                data(dx),
                                data(dweight),
                                data(dbias),
                                nullptr,
                                fixed};
            if (dz_apart) {
                Array dz = over_or_new(overwrite_dy, grad);
                g.dresidual = data(dz);
                dresidual = dz;
            } else if (with_residual) {
                dresidual = grad.owner;
            }
            without_gil([&] { batch_norm_grad(norm, g); });
            return py::make_tuple(dx, dweight, dbias, dresidual);
        },
        "dy"_a, "x"_a, "y"_a, "mean"_a, "variance"_a, "weight"_a, "eps"_a, "fixed"_a,
        "with_residual"_a, "activation"_a = "relu", "scale"_a = py::none(), "shift"_a = py::none(),
        "overwrite_dy"_a = false);
    m.def(
        "batch_norm_scale_shift",
        [](const Array& mean, const Array& variance, const OptionalArray& weight,
           const OptionalArray& bias, double eps, const OptionalArray& before) {
            const char* op = "batch_norm_scale_shift";
            const std::int64_t channels = dense({op, "mean"}, mean, 1).shape[0];
            const Statistics s = statistics(op, mean, variance, channels);
            const std::optional<Dense> w = per_channel({op, "weight"}, weight, channels);
            const std::optional<Dense> b = per_channel({op, "bias"}, bias, channels);
            const std::optional<Dense> added = per_channel({op, "before"}, before, channels);
            Array scale = empty({channels}), shift = empty({channels});
            batch_norm_scale_shift({0, channels, s.mean.data, s.variance.data, pointer(w),
                                    pointer(b), eps, Activation::none},
                                   pointer(added), data(scale), data(shift));
            return py::make_tuple(scale, shift);
        },
        "mean"_a, "variance"_a, "weight"_a, "bias"_a, "eps"_a, "before"_a);
}

}  // namespace convlet
