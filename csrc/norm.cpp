#include "norm.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "moments.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK_FLOATS = 32 * 1024;  // half of an L2, read twice
constexpr std::int64_t MOST_CHUNKS = 256;

Chunks cut_rows(std::int64_t rows, std::int64_t channels) {
    const std::int64_t wanted = ceil_div(rows * channels, CHUNK_FLOATS);
    return {
        std::clamp<std::int64_t>(wanted, 1, std::min(MOST_CHUNKS, std::max<std::int64_t>(rows, 1))),
        rows};
}

template <class Body>
void for_chunks(const Chunks& chunks, std::int64_t channels, Body body,
                Order order = Order::forwards) {
    parallel_for(chunks.count, static_cast<double>(chunks.rows * channels) * 2, body, order);
}

// A second pass goes from the end to the start: what was read last is still in the caches, and so
// is what is written last, the first images, when the next operator begins with them.
template <class Body>
void for_chunks_backwards(const Chunks& chunks, std::int64_t channels, Body body) {
    for_chunks(chunks, channels, body, Order::backwards);
}

double inverse_deviation(const BatchNorm& n, std::int64_t c) {
    return 1.0 / std::sqrt(static_cast<double>(n.variance[c]) + n.eps);
}

double weight_of(const BatchNorm& n, std::int64_t c) {
    return n.weight == nullptr ? 1.0 : static_cast<double>(n.weight[c]);
}

}  // namespace

void batch_moments(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                   float* variance) {
    const Chunks chunks = cut_rows(rows, channels);
    const Scratch means(chunks.count * channels), squares(chunks.count * channels);
    const KernelTable& table = kernels();
    for_chunks(chunks, channels, [&](std::int64_t i) {
        table.channel_moments(x + chunks.first(i) * channels, chunks.size(i), channels,
                              means.data() + i * channels, squares.data() + i * channels);
    });
    std::vector<double> sizes(static_cast<std::size_t>(chunks.count));
    for (std::int64_t i = 0; i < chunks.count; ++i)
        sizes[static_cast<std::size_t>(i)] = static_cast<double>(chunks.size(i));
    join_moments({sizes.data(), chunks.count, channels, means.data(), squares.data()}, mean,
                 variance);
}

void move_statistics(const RunningStatistics& running, const float* mean, const float* variance,
                     std::int64_t rows, std::int64_t channels) {
    const auto count = static_cast<double>(rows);
    const auto unbiased = static_cast<float>(count / (count - 1));
    for (std::int64_t c = 0; c < channels; ++c) {
        running.mean[c] += running.momentum * (mean[c] - running.mean[c]);
        running.variance[c] += running.momentum * (variance[c] * unbiased - running.variance[c]);
    }
}

void batch_norm_scale_shift(const BatchNorm& n, const float* before, float* scale, float* shift) {
    for (std::int64_t c = 0; c < n.channels; ++c) {
        const double s = inverse_deviation(n, c) * weight_of(n, c);
        const double bias = n.bias == nullptr ? 0.0 : static_cast<double>(n.bias[c]);
        const double added = before == nullptr ? 0.0 : static_cast<double>(before[c]);
        scale[c] = static_cast<float>(s);
        shift[c] = static_cast<float>(bias + (added - static_cast<double>(n.mean[c])) * s);
    }
}

void batch_norm_forward(const BatchNorm& n, const float* x, const float* residual, float* y) {
    const Scratch scale(n.channels), shift(n.channels);
    batch_norm_scale_shift(n, nullptr, scale.data(), shift.data());
    const Chunks chunks = cut_rows(n.rows, n.channels);
    const KernelTable& table = kernels();
    for_chunks_backwards(chunks, n.channels, [&](std::int64_t i) {
        const std::int64_t at = chunks.first(i) * n.channels;
        table.scale_shift({x + at, residual == nullptr ? nullptr : residual + at, scale.data(),
                           shift.data(), y + at, n.channels, n.activation},
                          chunks.size(i));
    });
}

void batch_norm_grad(const BatchNorm& n, const BatchNormGradient& g) {
    const Chunks chunks = cut_rows(n.rows, n.channels);
    const Scratch sums(chunks.count * n.channels), products(chunks.count * n.channels);
    const auto cut_at = [&](std::int64_t at) {
        return NormCut{g.y == nullptr ? nullptr : g.y + at, g.scale, g.shift, n.activation};
    };
    const KernelTable& table = kernels();
    for_chunks(chunks, n.channels, [&](std::int64_t i) {
        const std::int64_t at = chunks.first(i) * n.channels;
        table.norm_sums({g.dy + at, g.x + at, n.mean, cut_at(at), sums.data() + i * n.channels,
                         products.data() + i * n.channels, n.channels},
                        chunks.size(i));
    });
    // dx = w/σ (dz - mean(dz) - x̂ mean(dz x̂)), as a sum of dz, x and a constant.
    const Scratch of_dz(n.channels), of_x(n.channels), constant(n.channels);
    for (std::int64_t c = 0; c < n.channels; ++c) {
        double sum = 0, product = 0;
        for (std::int64_t i = 0; i < chunks.count; ++i) {
            sum += static_cast<double>(sums.data()[i * n.channels + c]);
            product += static_cast<double>(products.data()[i * n.channels + c]);
        }
        const double inverse = inverse_deviation(n, c), scale = inverse * weight_of(n, c);
        const double share = g.fixed || n.rows == 0 ? 0.0 : 1.0 / static_cast<double>(n.rows);
        const double of_input = -scale * inverse * inverse * product * share;
        g.dbias[c] = static_cast<float>(sum);
        g.dweight[c] = static_cast<float>(product * inverse);
        of_dz.data()[c] = static_cast<float>(scale);
        of_x.data()[c] = static_cast<float>(of_input);
        constant.data()[c] =
            static_cast<float>(-scale * sum * share - of_input * static_cast<double>(n.mean[c]));
    }
    for_chunks_backwards(chunks, n.channels, [&](std::int64_t i) {
        const std::int64_t at = chunks.first(i) * n.channels;
        table.norm_grad(
            {g.dy + at, g.x + at, of_dz.data(), of_x.data(), constant.data(), cut_at(at), g.dx + at,
             g.dresidual == nullptr ? nullptr : g.dresidual + at, n.channels},
            chunks.size(i));
    });
}

}  // namespace convlet
