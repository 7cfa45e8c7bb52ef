#include <string>
#include <tuple>
#include <vector>

#include "array.hpp"
#include "bindings.hpp"
#include "conv2d_chain.hpp"
#include "norm.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

// Mean, variance, weight, bias, eps.
using NormArgument = std::tuple<Array, Array, OptionalArray, OptionalArray, double>;
// Weight, bias, stride, padding, dilation, groups, activation, scale, norm, packed, version.
using LinkArgument =
    std::tuple<Array, OptionalArray, PairArgument, BordersArgument, PairArgument, std::int64_t,
               std::string, OptionalArray, std::optional<NormArgument>, PackedWeight*, Version>;

// A link, and the arrays that it points to.
struct HeldLink {
    ChainLink link;
    Dense weight;
    std::optional<Dense> bias, scale;
    std::vector<float> norm;  // what it multiplies by and adds, the bias included
};

std::vector<float> factors_of(const char* op, const NormArgument& norm, const float* bias,
                              std::int64_t channels) {
    const auto& [mean, variance, weight, shift, eps] = norm;
    const auto m = per_channel({op, "norm's mean"}, mean, channels);
    const auto v = per_channel({op, "norm's variance"}, variance, channels);
    const auto w = per_channel({op, "norm's weight"}, weight, channels);
    const auto b = per_channel({op, "norm's bias"}, shift, channels);
    std::vector<float> factors(static_cast<std::size_t>(2 * channels));
    batch_norm_scale_shift(
        {0, channels, m->data, v->data, pointer(w), pointer(b), eps, Activation::none}, bias,
        factors.data(), factors.data() + channels);
    return factors;
}

HeldLink held(const char* op, const LinkArgument& argument, const Extents4& input) {
    const auto& [weight, bias, stride, padding, dilation, groups, activation, scale, norm, packed,
                 version] = argument;
    HeldLink h{{}, dense({op, "weight"}, weight, 4), {}, {}, {}};
    ChainLink& link = h.link;
    link.shape = checked_conv2d(input, extents4(h.weight),
                                {op, pair(stride), borders(padding), pair(dilation), groups});
    const std::int64_t channels = link.shape.out_channels;
    h.bias = per_channel({op, "bias"}, bias, channels);
    h.scale = per_channel({op, "scale"}, scale, channels);
    link.weight = h.weight.data;
    link.epilogue = {pointer(h.scale), pointer(h.bias), nullptr, activation_named(op, activation)};
    if (norm) {
        if (scale) reject(op, ": scale must be None where there is a norm");
        h.norm = factors_of(op, *norm, pointer(h.bias), channels);
        link.epilogue.scale = h.norm.data();
        link.epilogue.bias = h.norm.data() + channels;
    }
    link.kept = {packed, version};
    return h;
}

}  // namespace

void bind_conv2d_chain(py::module_& m) {
    m.def(
        "conv2d_chain",
        [](const Array& x, const std::vector<LinkArgument>& links, const OptionalArray& residual) {
            const char* op = "conv2d_chain";
            if (links.empty()) reject(op, ": links must be at least 1, got 0");
            std::vector<HeldLink> all;
            std::vector<ChainLink> chain;
            Extents4 extents = image_extents({op, "x"}, x);
            for (const LinkArgument& argument : links) {
                const std::string name = "conv2d_chain, link " + std::to_string(all.size());
                all.push_back(held(name.c_str(), argument, extents));
                chain.push_back(all.back().link);
                extents = output_extents(chain.back().shape);
            }
            std::optional<Images> more;
            if (residual) {
                check_extents(op, "residual", image_extents({op, "residual"}, *residual), extents);
                more = images({op, "residual"}, *residual);
                chain.back().epilogue.residual = more->data;
            }
            const Images in = images({op, "x"}, x);
            Array y = empty_images(extents);
            float* out = data(y);
            without_gil([&] { conv2d_chain(chain, in.data, out); });
            return y;
        },
        "x"_a, "links"_a, "residual"_a = py::none());
}

}  // namespace convlet
