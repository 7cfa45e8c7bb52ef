#include "prelu.hpp"

#include <algorithm>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t WIDTH = 256;  // floats of a row of the kernel, about
constexpr std::int64_t CHUNK_FLOATS = 16 * 1024;
constexpr std::int64_t MOST_CHUNKS = 64;

// Pixels side by side in rows long enough for any vector; what is left is one short row.
struct Wide {
    std::int64_t width, rows, rest;
    Chunks chunks;
    Scratch weight;

    Wide(const float* weights, std::int64_t pixels, std::int64_t channels)
        : width(std::max<std::int64_t>(1, WIDTH / channels) * channels),
          rows(pixels * channels / width),
          rest(pixels * channels % width),
          chunks{std::clamp<std::int64_t>(rows * width / CHUNK_FLOATS, 1,
                                          std::min(MOST_CHUNKS, std::max<std::int64_t>(rows, 1))),
                 rows},
          weight(width) {
        for (std::int64_t i = 0; i < width; ++i) weight.data()[i] = weights[i % channels];
    }

    // Calls body(task, first float, rows, floats of a row); the rest is the last task.
    template <class Body>
    void each(Body body) const {
        parallel_for(chunks.count + 1, static_cast<double>(rows * width + rest),
                     [&](std::int64_t i) {
                         if (i == chunks.count)
                             body(i, rows * width, std::int64_t{1}, rest);
                         else
                             body(i, chunks.first(i) * width, chunks.size(i), width);
                     });
    }
};

}  // namespace

void prelu_forward(const float* x, const float* weight, std::int64_t pixels, std::int64_t channels,
                   float* y) {
    const Wide wide(weight, pixels, channels);
    const KernelTable& table = kernels();
    wide.each([&](std::int64_t, std::int64_t at, std::int64_t rows, std::int64_t width) {
        table.prelu(x + at, wide.weight.data(), rows, width, y + at);
    });
}

void prelu_grad(const float* dy, const float* x, const float* weight, std::int64_t pixels,
                std::int64_t channels, float* dx, float* dweight) {
    const Wide wide(weight, pixels, channels);
    const std::int64_t tasks = wide.chunks.count + 1;
    const Scratch partials(tasks * wide.width);
    std::fill_n(partials.data(), tasks * wide.width, 0.0F);
    const KernelTable& table = kernels();
    wide.each([&](std::int64_t task, std::int64_t at, std::int64_t rows, std::int64_t width) {
        table.prelu_grad(dy + at, x + at, wide.weight.data(), rows, width, dx + at,
                         partials.data() + task * wide.width);
    });
    for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (std::int64_t i = c; i < tasks * wide.width; i += channels)
            sum += static_cast<double>(partials.data()[i]);
        dweight[c] = static_cast<float>(sum);
    }
}

}  // namespace convlet
