#include "resize2d.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t TASK_FLOATS = 32 * 1024;

// What each target of an axis is made of: see ResizeAxis. Weights of 0 are left out, so that
// infinities stay where nothing of them belongs.
struct Axis {
    std::vector<std::int64_t> first, offset{0};
    std::vector<float> weight;

    void add(std::int64_t from, std::initializer_list<float> weights) {
        first.push_back(from);
        weight.insert(weight.end(), weights);
        offset.push_back(static_cast<std::int64_t>(weight.size()));
    }
};

ResizeAxis plain(const Axis& a) { return {a.first.data(), a.offset.data(), a.weight.data()}; }

// The largest integer up to i * size / out, in float32: at borders its rounding decides, and
// trained networks know PyTorch's.
Axis nearest(std::int64_t size, std::int64_t out, double factor) {
    const float scale = factor > 0 ? static_cast<float>(1.0 / factor)
                                   : static_cast<float>(size) / static_cast<float>(out);
    const auto last = static_cast<float>(size - 1);
    Axis axis;
    for (std::int64_t i = 0; i < out; ++i) {
        const float at = std::min(std::floor(static_cast<float>(i) * scale), last);
        axis.add(std::min(static_cast<std::int64_t>(at), size - 1), {1.0F});
    }
    return axis;
}

// Between the two pixels beside (i + 1/2) * size / out - 1/2, or where the centres of the first
// and of the last pixels meet beside i * (size - 1) / (out - 1).
Axis linear(std::int64_t size, std::int64_t out, double factor, bool align_corners) {
    const auto last = static_cast<double>(size - 1);
    double scale = factor > 0 ? 1.0 / factor : static_cast<double>(size) / static_cast<double>(out);
    if (align_corners) scale = out > 1 ? last / static_cast<double>(out - 1) : 0.0;
    const double shift = align_corners ? 0.0 : 0.5;
    Axis axis;
    for (std::int64_t i = 0; i < out; ++i) {
        const double middle = scale * (static_cast<double>(i) + shift) - shift;
        const double at = std::clamp(middle, 0.0, last), floor = std::floor(at);
        const auto left = static_cast<std::int64_t>(floor);
        const auto right = static_cast<float>(at - floor);
        if (right == 0.0F || right == 1.0F)
            axis.add(right == 0.0F ? left : left + 1, {1.0F});
        else
            axis.add(left, {1.0F - right, right});
    }
    return axis;
}

Axis axis_of(const Resize2dShape& s, std::int64_t size, std::int64_t out, double factor) {
    return s.bilinear ? linear(size, out, factor, s.align_corners) : nearest(size, out, factor);
}

// The adjoint: what each of `size` sources gives to. Targets of one source are neighbours, for
// sources only grow from target to target.
Axis transposed(const Axis& axis, std::int64_t size) {
    Axis adjoint;
    adjoint.first.resize(size);
    adjoint.offset.resize(size + 1);
    adjoint.weight.resize(axis.weight.size());
    const auto targets = static_cast<std::int64_t>(axis.first.size());
    for (std::int64_t t = targets; t-- > 0;)
        for (std::int64_t k = axis.offset[t]; k < axis.offset[t + 1]; ++k) {
            const std::int64_t source = axis.first[t] + k - axis.offset[t];
            adjoint.first[source] = t;
            ++adjoint.offset[source + 1];
        }
    for (std::int64_t i = 0; i < size; ++i) adjoint.offset[i + 1] += adjoint.offset[i];
    for (std::int64_t t = 0; t < targets; ++t)
        for (std::int64_t k = axis.offset[t]; k < axis.offset[t + 1]; ++k) {
            const std::int64_t source = axis.first[t] + k - axis.offset[t];
            adjoint.weight[adjoint.offset[source] + t - adjoint.first[source]] = axis.weight[k];
        }
    return adjoint;
}

void run(const Resize& p, const float* from, float* to) {
    const auto taps = static_cast<std::int64_t>(p.rows.offset[p.height] *
                                                p.columns.offset[p.width] / p.height / p.width);
    const std::int64_t floats = p.channels * std::max<std::int64_t>(1, taps);
    const Blocks blocks =
        cut_blocks(p.images, p.height, p.width, std::max<std::int64_t>(1, TASK_FLOATS / floats));
    const KernelTable& table = kernels();
    parallel_for(block_count(blocks), static_cast<double>(p.images * p.height * p.width * floats),
                 [&](std::int64_t b) { table.resize2d(p, block_at(blocks, b), from, to); });
}

}  // namespace

void resize2d_forward(const Resize2dShape& s, const float* x, float* y) {
    if (s.images * s.channels == 0) return;
    const Axis rows = axis_of(s, s.height, s.out_height, s.factor_h);
    const Axis columns = axis_of(s, s.width, s.out_width, s.factor_w);
    run({s.images, s.channels, s.height, s.width, s.out_height, s.out_width, plain(rows),
         plain(columns)},
        x, y);
}

void resize2d_grad(const Resize2dShape& s, const float* dy, float* dx) {
    if (s.images * s.channels == 0) return;
    const Axis rows = transposed(axis_of(s, s.height, s.out_height, s.factor_h), s.height);
    const Axis columns = transposed(axis_of(s, s.width, s.out_width, s.factor_w), s.width);
    run({s.images, s.channels, s.out_height, s.out_width, s.height, s.width, plain(rows),
         plain(columns)},
        dy, dx);
}

}  // namespace convlet
