#include "channel_scale.hpp"

#include <algorithm>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "memory.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK_FLOATS = 16 * 1024;
constexpr std::int64_t MOST_CHUNKS = 64;  // of an image

Chunks cut_pixels(const ScaledImages& s) {
    const std::int64_t wanted = ceil_div(s.pixels * s.channels, CHUNK_FLOATS);
    return {std::clamp<std::int64_t>(wanted, 1, std::clamp<std::int64_t>(s.pixels, 1, MOST_CHUNKS)),
            s.pixels};
}

double cost_of(const ScaledImages& s) {
    return static_cast<double>(s.images * s.pixels * s.channels);
}

}  // namespace

void channel_scale(const ScaledImages& s, const float* x, const float* scale, float* y) {
    const Chunks chunks = cut_pixels(s);
    const KernelTable& table = kernels();
    parallel_for(s.images * chunks.count, cost_of(s), [&](std::int64_t task) {
        const std::int64_t image = task / chunks.count, chunk = task % chunks.count;
        const std::int64_t at = (image * s.pixels + chunks.first(chunk)) * s.channels;
        table.channel_scale(x + at, scale + image * s.channels, chunks.size(chunk), s.channels,
                            y + at);
    });
}

void channel_scale_grad(const ScaledImages& s, const float* dy, const float* x, const float* scale,
                        float* dx, float* dscale) {
    const Chunks chunks = cut_pixels(s);
    const Scratch partials(s.images * chunks.count * s.channels);
    const KernelTable& table = kernels();
    parallel_for(s.images * chunks.count, 2 * cost_of(s), [&](std::int64_t task) {
        const std::int64_t image = task / chunks.count, chunk = task % chunks.count;
        const std::int64_t at = (image * s.pixels + chunks.first(chunk)) * s.channels;
        table.channel_scale_grad(dy + at, x + at, scale + image * s.channels, chunks.size(chunk),
                                 s.channels, dx + at, partials.data() + task * s.channels);
    });
    for (std::int64_t image = 0; image < s.images; ++image) {
        const float* of_image = partials.data() + image * chunks.count * s.channels;
        for (std::int64_t c = 0; c < s.channels; ++c) {
            double sum = 0;
            for (std::int64_t i = 0; i < chunks.count; ++i)
                sum += static_cast<double>(of_image[i * s.channels + c]);
            dscale[image * s.channels + c] = static_cast<float>(sum);
        }
    }
}

}  // namespace convlet
