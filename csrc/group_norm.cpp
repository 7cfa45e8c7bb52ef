#include "group_norm.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK_FLOATS = 32 * 1024;
constexpr std::int64_t MOST_CHUNKS = 64;

// The pixels of an image in chunks; per chunk there is a row of numbers by channel.
struct Cut {
    GroupNormShape shape;
    std::int64_t chunks;
    std::int64_t first(std::int64_t chunk) const { return chunk * shape.pixels / chunks; }
    std::int64_t size(std::int64_t chunk) const { return first(chunk + 1) - first(chunk); }
    std::int64_t floats() const { return shape.images * chunks * shape.channels; }
    // Of channel c in a row of a chunk.
    std::int64_t at(std::int64_t image, std::int64_t chunk, std::int64_t c) const {
        return (image * chunks + chunk) * shape.channels + c;
    }
};

Cut cut(const GroupNormShape& s) {
    const std::int64_t most = std::clamp<std::int64_t>(s.pixels, 1, MOST_CHUNKS);
    return {s, std::clamp<std::int64_t>(s.pixels * s.channels / CHUNK_FLOATS, 1, most)};
}

double size_of(const GroupNormShape& s) {
    return static_cast<double>(s.images) * static_cast<double>(s.pixels * s.channels);
}

// body(image, chunk, first float of the chunk)
template <class Body>
void for_chunks(const Cut& k, Body body) {
    parallel_for(k.shape.images * k.chunks, size_of(k.shape) * 2, [&](std::int64_t task) {
        const std::int64_t image = task / k.chunks, chunk = task % k.chunks;
        body(image, chunk, (image * k.shape.pixels + k.first(chunk)) * k.shape.channels);
    });
}

// body(image, group, its first channel)
template <class Body>
void for_groups(const Cut& k, Body body) {
    const std::int64_t groups = k.shape.groups;
    parallel_for(k.shape.images, static_cast<double>(k.floats()) * 8, [&](std::int64_t image) {
        for (std::int64_t g = 0; g < groups; ++g) body(image, g, g * (k.shape.channels / groups));
    });
}

double inverse_deviation(const GroupNorm& n, std::int64_t image, std::int64_t group) {
    return 1.0 / std::sqrt(static_cast<double>(n.variance[image * n.shape.groups + group]) + n.eps);
}

double weight_of(const GroupNorm& n, std::int64_t c) {
    return n.weight == nullptr ? 1.0 : static_cast<double>(n.weight[c]);
}

}  // namespace

void group_moments(const GroupNormShape& s, const float* x, float* mean, float* variance) {
    const Cut k = cut(s);
    const Scratch means(k.floats()), squares(k.floats());
    const KernelTable& table = kernels();
    for_chunks(k, [&](std::int64_t image, std::int64_t chunk, std::int64_t at) {
        const std::int64_t row = k.at(image, chunk, 0);
        table.channel_moments(x + at, k.size(chunk), s.channels, means.data() + row,
                              squares.data() + row);
    });
    // Moments of a union from those of its parts, in double: Chan, Golub and LeVeque 1983.
    const std::int64_t width = s.channels / s.groups;
    const double count = static_cast<double>(width) * static_cast<double>(s.pixels);
    for_groups(k, [&](std::int64_t image, std::int64_t group, std::int64_t first) {
        double sum = 0, square = 0;
        for (std::int64_t chunk = 0; chunk < k.chunks; ++chunk) {
            double all = 0;
            for (std::int64_t c = first; c < first + width; ++c)
                all += static_cast<double>(means.data()[k.at(image, chunk, c)]);
            sum += all * static_cast<double>(k.size(chunk));
        }
        const double middle = sum / count;
        for (std::int64_t chunk = 0; chunk < k.chunks; ++chunk)
            for (std::int64_t c = first; c < first + width; ++c) {
                const std::int64_t at = k.at(image, chunk, c);
                const double away = static_cast<double>(means.data()[at]) - middle;
                square += static_cast<double>(squares.data()[at]) +
                          away * away * static_cast<double>(k.size(chunk));
            }
        mean[image * s.groups + group] = static_cast<float>(middle);
        variance[image * s.groups + group] = static_cast<float>(square / count);
    });
}

void group_norm_forward(const GroupNorm& n, const float* x, float* y) {
    const GroupNormShape& s = n.shape;
    const Cut k = cut(s);
    const Scratch scale(s.images * s.channels), shift(s.images * s.channels);
    for_groups(k, [&](std::int64_t image, std::int64_t group, std::int64_t first) {
        const double inverse = inverse_deviation(n, image, group);
        const auto mean = static_cast<double>(n.mean[image * s.groups + group]);
        for (std::int64_t c = first; c < first + s.channels / s.groups; ++c) {
            const double by = inverse * weight_of(n, c);
            scale.data()[image * s.channels + c] = static_cast<float>(by);
            shift.data()[image * s.channels + c] = static_cast<float>(
                (n.bias == nullptr ? 0.0 : static_cast<double>(n.bias[c])) - mean * by);
        }
    });
    const KernelTable& table = kernels();
    for_chunks(k, [&](std::int64_t image, std::int64_t chunk, std::int64_t at) {
        table.scale_shift({x + at, nullptr, scale.data() + image * s.channels,
                           shift.data() + image * s.channels, y + at, s.channels, Activation::none},
                          k.size(chunk));
    });
}

void group_norm_grad(const GroupNorm& n, const GroupNormGradient& g) {
    const GroupNormShape& s = n.shape;
    const Cut k = cut(s);
    const std::int64_t width = s.channels / s.groups, all = s.images * s.channels;
    const Scratch means(all), sums(k.floats()), products(k.floats());
    for_groups(k, [&](std::int64_t image, std::int64_t group, std::int64_t first) {
        std::fill_n(means.data() + image * s.channels + first, width,
                    n.mean[image * s.groups + group]);
    });
    const KernelTable& table = kernels();
    for_chunks(k, [&](std::int64_t image, std::int64_t chunk, std::int64_t at) {
        const std::int64_t row = k.at(image, chunk, 0);
        table.norm_sums({g.dy + at,
                         g.x + at,
                         means.data() + image * s.channels,
                         {},
                         sums.data() + row,
                         products.data() + row,
                         s.channels},
                        k.size(chunk));
    });
    // dx = w/σ dy - 1/σ mean(w dy) - x̂/σ mean(w dy x̂), as a sum of dy, x and a constant.
    const Scratch of_dy(all), of_x(all), constant(all), dweight(all), dbias(all);  // by image
    const double share = 1.0 / (static_cast<double>(width) * static_cast<double>(s.pixels));
    for_groups(k, [&](std::int64_t image, std::int64_t group, std::int64_t first) {
        const double inverse = inverse_deviation(n, image, group);
        double sum = 0, product = 0;
        for (std::int64_t c = first; c < first + width; ++c) {
            double one = 0, other = 0;
            for (std::int64_t chunk = 0; chunk < k.chunks; ++chunk) {
                one += static_cast<double>(sums.data()[k.at(image, chunk, c)]);
                other += static_cast<double>(products.data()[k.at(image, chunk, c)]);
            }
            dbias.data()[image * s.channels + c] = static_cast<float>(one);
            dweight.data()[image * s.channels + c] = static_cast<float>(other * inverse);
            sum += one * weight_of(n, c);
            product += other * weight_of(n, c);
        }
        const double of_input = -inverse * inverse * inverse * product * share;
        const auto mean = static_cast<double>(n.mean[image * s.groups + group]);
        for (std::int64_t c = first; c < first + width; ++c) {
            const std::int64_t at = image * s.channels + c;
            of_dy.data()[at] = static_cast<float>(inverse * weight_of(n, c));
            of_x.data()[at] = static_cast<float>(of_input);
            constant.data()[at] = static_cast<float>(-inverse * sum * share - of_input * mean);
        }
    });
    table.sum_rows(dweight.data(), s.images, s.channels, g.dweight);
    table.sum_rows(dbias.data(), s.images, s.channels, g.dbias);
    for_chunks(k, [&](std::int64_t image, std::int64_t chunk, std::int64_t at) {
        const std::int64_t row = image * s.channels;
        table.norm_grad({g.dy + at,
                         g.x + at,
                         of_dy.data() + row,
                         of_x.data() + row,
                         constant.data() + row,
                         {},
                         g.dx + at,
                         nullptr,
                         s.channels},
                        k.size(chunk));
    });
}

}  // namespace convlet
