#include <string>
#include <tuple>
#include <vector>

#include "array.hpp"
#include "bindings.hpp"
#include "conv2d_chain.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

// Weight, bias, stride, padding, dilation, groups, activation, scale, packed, version.
using LinkArgument = std::tuple<Array, OptionalArray, PairArgument, BordersArgument, PairArgument,
                                std::int64_t, std::string, OptionalArray, PackedWeight*, Version>;

// A link, and the arrays that it points to.
struct HeldLink {
    ChainLink link;
    Dense weight;
    std::optional<Dense> bias, scale;
};

HeldLink held(const char* op, const LinkArgument& argument, const Extents4& input) {
    const auto& [weight, bias, stride, padding, dilation, groups, activation, scale, packed,
                 version] = argument;
    HeldLink h{{},
               dense({op, "weight"}, weight, 4),
               dense({op, "bias"}, bias, 1),
               dense({op, "scale"}, scale, 1)};
    ChainLink& link = h.link;
    link.shape = checked_conv2d(input, extents4(h.weight),
                                {op, pair(stride), borders(padding), pair(dilation), groups});
    if (h.bias) check_extent(op, "bias", h.bias->shape[0], link.shape.out_channels);
    if (h.scale) check_extent(op, "scale", h.scale->shape[0], link.shape.out_channels);
    link.weight = h.weight.data;
    link.epilogue = {h.scale ? h.scale->data : nullptr, h.bias ? h.bias->data : nullptr, nullptr,
                     activation_named(op, activation)};
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
