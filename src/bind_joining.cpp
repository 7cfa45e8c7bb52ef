#include "array.hpp"
#include "bindings.hpp"
#include "joining.hpp"
#include "pixel_shuffle.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

std::int64_t pixels_of(const Extents4& e) { return e[0] * e[2] * e[3]; }

}  // namespace

void bind_joining(py::module_& m) {
    m.def(
        "add",
        [](const Array& a, const Array& b, bool overwrite_a) {
            const Flat left = flat({"add", "a"}, a);
            const Flat right = flat_like({"add", "b"}, b, left);
            Array y = over_or_new(overwrite_a, left);
            float* out = data(y);
            without_gil([&] { add(left.data, right.data, left.size, out); });
            return y;
        },
        "a"_a, "b"_a, "overwrite_a"_a = false);
    m.def(
        "join_channels",
        [](const std::vector<Array>& arrays) {
            const Argument argument{"join_channels", "arrays"};
            if (arrays.empty()) reject(argument.op, ": arrays must be at least 1, got 0");
            Extents4 extents = image_extents(argument, arrays[0]);
            extents[1] = 0;
            for (const Array& array : arrays) {
                Extents4 one = image_extents(argument, array);
                const std::int64_t channels = one[1];
                one[1] = extents[1];
                check_extents(argument.op, "arrays but for channels", one, extents);
                extents[1] += channels;
            }
            checked_size(argument.op, "y", extents);
            std::vector<Images> owners;
            std::vector<ChannelPart<const float>> parts;
            for (const Array& array : arrays) {
                owners.push_back(images(argument, array));
                parts.push_back({owners.back().data, owners.back().extents[1]});
            }
            Array y = empty_images(extents);
            float* out = data(y);
            without_gil([&] { join_channels(parts, pixels_of(extents), out); });
            return y;
        },
        "arrays"_a);
    m.def(
        "cut_channels",
        [](const Array& x, const std::vector<std::int64_t>& channels) {
            const Argument argument{"cut_channels", "x"};
            const Extents4 extents = image_extents(argument, x);
            check_parts(argument.op, "channels", channels, extents[1]);
            const Images in = images(argument, x);
            std::vector<Array> arrays;
            std::vector<ChannelPart<float>> parts;
            for (const std::int64_t count : channels) {
                arrays.push_back(empty_images({extents[0], count, extents[2], extents[3]}));
                parts.push_back({data(arrays.back()), count});
            }
            without_gil([&] { cut_channels(in.data, pixels_of(extents), parts); });
            return arrays;
        },
        "x"_a, "channels"_a);
    m.def(
        "pixel_shuffle",
        [](const Array& x, std::int64_t factor) {
            const Argument argument{"pixel_shuffle", "x"};
            const PixelShuffleShape shape =
                checked_pixel_shuffle(argument.op, image_extents(argument, x), factor);
            const Images in = images(argument, x);
            Array y = empty_images(output_extents(shape));
            float* out = data(y);
            without_gil([&] { pixel_shuffle(shape, in.data, out); });
            return y;
        },
        "x"_a, "factor"_a);
    m.def(
        "pixel_unshuffle",
        [](const Array& y, std::int64_t factor) {
            const Argument argument{"pixel_unshuffle", "y"};
            const PixelShuffleShape shape =
                checked_pixel_unshuffle(argument.op, image_extents(argument, y), factor);
            const Images in = images(argument, y);
            Array x = empty_images(input_extents(shape));
            float* out = data(x);
            without_gil([&] { pixel_unshuffle(shape, in.data, out); });
            return x;
        },
        "y"_a, "factor"_a);
}

}  // namespace convlet
