// A convolution and the batch normalisation after it, in training, as one call and one call back.
// What Python runs between large kernels has left the caches, so fewer steps there are worth
// having.
#include <string>
#include <tuple>

#include "array.hpp"
#include "bindings.hpp"
#include "conv2d_norm.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

// Stride, padding, dilation, groups.
using Geometry = std::tuple<PairArgument, BordersArgument, PairArgument, std::int64_t>;
// Weight, bias and epsilon of the normalisation.
using NormArgument = std::tuple<OptionalArray, OptionalArray, double>;
// Running mean and variance, and the batch's share of them.
using RunningArgument = std::tuple<Array, Array, float>;
// Whether the gradients by the input, the weight and the bias of the convolution are wanted.
using WantedArgument = std::tuple<bool, bool, bool>;

Conv2dShape shape_of_conv(const char* op, const Extents4& x, const Dense& weight,
                          const Geometry& geometry) {
    const auto& [stride, padding, dilation, groups] = geometry;
    return checked_conv2d(x, extents4(weight),
                          {op, pair(stride), borders(padding), pair(dilation), groups});
}

std::optional<Images> images_of(const char* op, const char* name, const OptionalArray& array,
                                const Conv2dShape& shape) {
    if (!array) return std::nullopt;
    check_extents(op, name, image_extents({op, name}, *array), output_extents(shape));
    return images({op, name}, *array);
}

const float* pointer(const std::optional<Images>& array) { return array ? array->data : nullptr; }

RunningStatistics running_of(std::optional<RunningArgument>& running, std::int64_t channels) {
    if (!running) return {};
    auto& [mean, variance, momentum] = *running;
    const char* op = "batch_norm";
    check_extent(op, "running_mean", mean.size(), channels);
    check_extent(op, "running_var", variance.size(), channels);
    return {in_place({op, "running_mean"}, mean), in_place({op, "running_var"}, variance),
            momentum};
}

py::tuple forward(const Array& x, const Array& weight, const OptionalArray& bias,
                  const Geometry& geometry, const NormArgument& norm,
                  std::optional<RunningArgument> running, const OptionalArray& residual,
                  const std::string& activation, PackedWeight* packed, Version version) {
    const char* op = "conv2d_moments";
    const Dense w = dense({op, "weight"}, weight, 4);
    const Conv2dShape shape = shape_of_conv(op, image_extents({op, "x"}, x), w, geometry);
    const auto& [norm_weight, norm_bias, eps] = norm;
    check_batch_of_norm(shape);
    const std::int64_t channels = shape.out_channels;
    const auto b = per_channel({op, "bias"}, bias, channels);
    const auto nw = per_channel({"batch_norm", "weight"}, norm_weight, channels);
    const auto nb = per_channel({"batch_norm", "bias"}, norm_bias, channels);
    const auto statistics = running_of(running, channels);
    const auto more = images_of("batch_norm", "residual", residual, shape);
    const Activation f = activation_named("batch_norm", activation);
    const Images in = images({op, "x"}, x);
    Array before = empty_images(output_extents(shape)), y = empty_images(output_extents(shape));
    Array mean = empty({channels}), variance = empty({channels});
    const Conv2dNorm layer{shape, pointer(nw), pointer(nb), eps, f};
    const Conv2dNormForward pass{in.data,       w.data,         pointer(b),
                                 pointer(more), statistics,     data(before),
                                 data(mean),    data(variance), data(y)};
    without_gil([&] { conv2d_norm_forward(layer, pass, {packed, version}); });
    return py::make_tuple(y, before, mean, variance);
}

py::tuple backward(const Array& dy, const Array& x, const Array& before, const Array& mean,
                   const Array& variance, const Array& weight, const Geometry& geometry,
                   const NormArgument& norm, const OptionalArray& y, const std::string& activation,
                   bool with_residual, const WantedArgument& wanted, bool overwrite_dy) {
    const char* op = "conv2d_norm_grad";
    const Dense w = dense({op, "weight"}, weight, 4);
    const Conv2dShape shape = shape_of_conv(op, image_extents({op, "x"}, x), w, geometry);
    const auto& [norm_weight, norm_bias, eps] = norm;
    const auto& [of_x, of_weight, of_bias] = wanted;
    const std::int64_t channels = shape.out_channels;
    const Images grad = *images_of(op, "dy", dy, shape),
                 mid = *images_of(op, "before", before, shape);
    const auto after = images_of(op, "y", y, shape);
    const auto m = per_channel({op, "mean"}, mean, channels);
    const auto v = per_channel({op, "variance"}, variance, channels);
    const auto nw = per_channel({op, "norm's weight"}, norm_weight, channels);
    const auto nb = per_channel({op, "norm's bias"}, norm_bias, channels);
    const Activation f = activation_named(op, activation);
    if (f > Activation::relu6)
        reject(op, ": activation must be 'none', 'relu' or 'relu6', got '", activation, "'");
    const bool cut = f != Activation::none;
    if (cut && with_residual && !after) reject(op, ": y must be given where there is a residual");
    const Images in = images({op, "x"}, x);
    // dz, what the activation let pass of dy, goes to the residual, and may take dy's place; what
    // goes on to the convolution may where no residual wants dy.
    Array between = over_or_new(overwrite_dy && !with_residual, grad);
    Array dz = with_residual && cut ? over_or_new(overwrite_dy, grad) : grad.owner;
    Array dnw = empty({channels}), dnb = empty({channels});
    py::object dx = py::none(), dw = py::none(), db = py::none();
    float *x_out = nullptr, *w_out = nullptr, *b_out = nullptr;
    const auto place = [](Array array, py::object& object) {
        float* memory = data(array);
        object = std::move(array);
        return memory;
    };
    if (of_x) x_out = place(empty_images(input_extents(shape)), dx);
    if (of_weight) w_out = place(empty(Shape(weight_extents(shape))), dw);
    if (of_bias) b_out = place(empty({channels}), db);
    const Conv2dNorm layer{shape, pointer(nw), pointer(nb), eps, f};
    const Conv2dNormGradient g{grad.data,      in.data,
                               w.data,         mid.data,
                               m->data,        v->data,
                               pointer(after), data(between),
                               x_out,          w_out,
                               b_out,          data(dnw),
                               data(dnb),      with_residual && cut ? data(dz) : nullptr};
    without_gil([&] { conv2d_norm_grad(layer, g); });
    return py::make_tuple(dx, dw, db, dnw, dnb, with_residual ? py::object(dz) : py::none());
}

}  // namespace

void bind_conv2d_norm(py::module_& m) {
    m.def("conv2d_norm_forward", &forward, "x"_a, "weight"_a, "bias"_a, "geometry"_a, "norm"_a,
          "running"_a, "residual"_a, "activation"_a, "packed"_a, "version"_a);
    m.def("conv2d_norm_grad", &backward, "dy"_a, "x"_a, "before"_a, "mean"_a, "variance"_a,
          "weight"_a, "geometry"_a, "norm"_a, "y"_a, "activation"_a, "with_residual"_a, "wanted"_a,
          "overwrite_dy"_a);
}

}  // namespace convlet
