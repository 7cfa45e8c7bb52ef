#include <algorithm>

#include "bindings.hpp"
#include "dispatch.hpp"
#include "dropout.hpp"
#include "integers.hpp"
#include "reject.hpp"

namespace convlet {
namespace {

void check_probability(const char* op, double p) {
    if (!(p >= 0 && p <= 1)) reject(op, ": p must be in [0, 1], got ", p);
}

float scale_of(double p) { return p < 1 ? static_cast<float>(1 / (1 - p)) : 0.0F; }

// Four-dimensional arrays are numbered as NHWC and others as C-contiguous, however they lie.
struct Numbered {
    const float* data;
    std::int64_t count;
    Array owner;
};

Numbered numbered(const Argument& argument, const Array& x) {
    if (x.ndim() == 4) {
        const Images in = images(argument, x);
        return {in.data, x.size(), in.owner};
    }
    const Dense in = dense(argument, x, -1);
    return {in.data, x.size(), in.owner};
}

Array empty_for(const Array& x) {
    if (x.ndim() == 4) return empty_images({x.shape(0), x.shape(1), x.shape(2), x.shape(3)});
    return empty(shape_of(x));
}

}  // namespace

void bind_dropout(py::module_& m) {
    m.def(
        "dropout_forward",
        [](const Array& x, double p, std::uint64_t seed, std::uint64_t offset) {
            const char* op = "dropout";
            check_probability(op, p);
            const Numbered in = numbered({op, "x"}, x);
            Array y = empty_for(x), mask = empty({mask_bytes(in.count)}, py::dtype("uint8"));
            const double threshold = std::min(p * 4294967296.0, 4294967295.0);
            const DropoutRule rule{
                {seed, offset, 0}, static_cast<std::uint32_t>(threshold), scale_of(p)};
            float* out = data(y);
            auto* bits = data<std::uint8_t>(mask);
            without_gil([&] { dropout_forward(in.data, in.count, rule, out, bits); });
            return py::make_tuple(y, mask);
        },
        "x"_a, "p"_a, "seed"_a, "offset"_a);
    m.def(
        "dropout_grad",
        [](const Array& dy, const Array& mask, double p) {
            const char* op = "dropout_grad";
            check_probability(op, p);
            const Numbered grad = numbered({op, "dy"}, dy);
            if (!holds<std::uint8_t>(mask))
                throw py::type_error("dropout_grad: mask must be uint8, got " +
                                     py::str(mask.dtype()).cast<std::string>());
            check_extent(op, "mask", mask.size(), mask_bytes(grad.count));
            const Array own = contiguous<std::uint8_t>(mask);
            Array dx = empty_for(dy);
            float* out = data(dx);
            const auto* bits = static_cast<const std::uint8_t*>(own.data());
            without_gil([&] { dropout_grad(grad.data, bits, grad.count, scale_of(p), out); });
            return dx;
        },
        "dy"_a, "mask"_a, "p"_a);
    m.def(
        "philox",
        [](const std::array<std::uint64_t, 2>& counter, std::uint64_t key, std::int64_t count) {
            if (count < 0) reject("philox: count must be at least 0, got ", count);
            Array numbers = empty({count}, py::dtype("uint32"));
            kernels().philox({key, counter[0], counter[1]}, count, data<std::uint32_t>(numbers));
            return numbers;
        },
        "counter"_a, "key"_a, "count"_a);
}

}  // namespace convlet
