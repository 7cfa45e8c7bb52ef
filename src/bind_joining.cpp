#include <algorithm>
#include <limits>

#include "array.hpp"
#include "bindings.hpp"
#include "joining.hpp"
#include "pixel_shuffle.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

std::int64_t pixels_of(const Extents4& e) { return e[0] * e[2] * e[3]; }

// Sizes times a factor, and its square, must stay numbers of 64 bits.
void check_factor(const char* op, std::int64_t factor, std::int64_t size) {
    constexpr std::int64_t MOST = std::int64_t{1} << 31;
    if (factor < 1 || factor >= MOST || size >= MOST)
        reject(op, ": factor must be from 1 to 2^31 - 1 for sizes below 2^31, got ", factor);
    if (size > 0 && factor * factor > std::numeric_limits<std::int64_t>::max() / size)
        reject(op, ": factor is too large, got ", factor);
}

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
            const auto [n, c, h, w] = image_extents(argument, x);
            check_factor(argument.op, factor, std::max(h, w));
            if (c % (factor * factor) != 0)
                reject(argument.op, ": channels of x must be a multiple of ", factor * factor,
                       ", got ", c);
            const PixelShuffle shape{n, h, w, c / (factor * factor), factor};
            const Extents4 extents{n, shape.channels, h * factor, w * factor};
            checked_size(argument.op, "y", extents);
            const Images in = images(argument, x);
            Array y = empty_images(extents);
            float* out = data(y);
            without_gil([&] { pixel_shuffle(shape, in.data, out); });
            return y;
        },
        "x"_a, "factor"_a);
    m.def(
        "pixel_unshuffle",
        [](const Array& y, std::int64_t factor) {
            const Argument argument{"pixel_unshuffle", "y"};
            const auto [n, c, h, w] = image_extents(argument, y);
            check_factor(argument.op, factor, c);
            if (h % factor != 0 || w % factor != 0)
                reject(argument.op, ": height and width of y must be multiples of ", factor,
                       ", got ", h, " and ", w);
            const PixelShuffle shape{n, h / factor, w / factor, c, factor};
            const Extents4 extents{n, c * factor * factor, shape.height, shape.width};
            checked_size(argument.op, "x", extents);
            const Images in = images(argument, y);
            Array x = empty_images(extents);
            float* out = data(x);
            without_gil([&] { pixel_unshuffle(shape, in.data, out); });
            return x;
        },
        "y"_a, "factor"_a);
}

}  // namespace convlet
