#include "joining.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t TASK_FLOATS = 16 * 1024;  // half of an L1 for input and output
constexpr auto FLOAT = static_cast<std::int64_t>(sizeof(float));

template <class Part>
std::int64_t channels_of(const std::vector<Part>& parts) {
    std::int64_t channels = 0;
    for (const Part& part : parts) channels += part.channels;
    return channels;
}

// body(first pixel, pixels) for pieces of the pixels.
template <class Body>
void for_pieces(std::int64_t pixels, std::int64_t channels, Body body) {
    if (pixels * channels == 0) return;
    const std::int64_t each = std::max<std::int64_t>(1, TASK_FLOATS / channels);
    parallel_for(
        ceil_div(pixels, each), static_cast<double>(pixels * channels),
        [&](std::int64_t task) { body(task * each, std::min(each, pixels - task * each)); });
}

}  // namespace

void add(const float* a, const float* b, std::int64_t count, float* y) {
    const KernelTable& table = kernels();
    for_pieces(count, 1,
               [&](std::int64_t at, std::int64_t n) { table.add(a + at, b + at, n, y + at); });
}

void join_channels(const std::vector<ChannelPart<const float>>& parts, std::int64_t pixels,
                   float* y) {
    const std::int64_t all = channels_of(parts);
    const KernelTable& table = kernels();
    for_pieces(pixels, all, [&](std::int64_t first, std::int64_t count) {
        float* to = y + first * all;
        for (const ChannelPart<const float>& part : parts) {
            const float* from = part.data + first * part.channels;
            table.copy_plane({count, part.channels, part.channels * FLOAT, FLOAT, all},
                             reinterpret_cast<const char*>(from), to);
            to += part.channels;
        }
    });
}

void cut_channels(const float* y, std::int64_t pixels,
                  const std::vector<ChannelPart<float>>& parts) {
    const std::int64_t all = channels_of(parts);
    const KernelTable& table = kernels();
    for_pieces(pixels, all, [&](std::int64_t first, std::int64_t count) {
        const float* from = y + first * all;
        for (const ChannelPart<float>& part : parts) {
            table.copy_plane({count, part.channels, all * FLOAT, FLOAT, part.channels},
                             reinterpret_cast<const char*>(from),
                             part.data + first * part.channels);
            from += part.channels;
        }
    });
}

}  // namespace convlet
