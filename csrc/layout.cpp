#include "layout.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

// Whether walking the axes in this order, last fastest, walks the memory without gaps.
bool runs_in_order(const StridedImages& a, const std::array<int, 4>& order) {
    std::int64_t expected = sizeof(float);
    for (int axis = 3; axis >= 0; --axis) {
        const auto at = static_cast<std::size_t>(order[static_cast<std::size_t>(axis)]);
        if (a.extents[at] == 0) return true;
        if (a.extents[at] == 1) continue;
        if (a.strides[at] != expected) return false;
        expected *= a.extents[at];
    }
    return true;
}

constexpr std::array<int, 4> CHANNELS_LAST{0, 2, 3, 1};
constexpr std::array<int, 4> CONTIGUOUS{0, 1, 2, 3};

// Writes the array in the given order of axes: a task is one step along the first two.
void copy_in_order(const StridedImages& a, const std::array<int, 4>& order, float* to) {
    const auto axis = [&](int i) {
        return static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    };
    const std::int64_t outer = a.extents[axis(0)], middle = a.extents[axis(1)];
    const StridedPlane plane{a.extents[axis(2)], a.extents[axis(3)], a.strides[axis(2)],
                             a.strides[axis(3)]};
    const std::int64_t size = plane.rows * plane.columns;
    const KernelTable& table = kernels();
    parallel_for(
        outer * middle, static_cast<double>(outer * middle * size) * 2, [&](std::int64_t task) {
            table.copy_plane(
                plane,
                a.data + task / middle * a.strides[axis(0)] + task % middle * a.strides[axis(1)],
                to + task * size);
        });
}

}  // namespace

bool is_channels_last(const StridedImages& images) { return runs_in_order(images, CHANNELS_LAST); }
bool is_contiguous(const StridedImages& images) { return runs_in_order(images, CONTIGUOUS); }

void to_channels_last(const StridedImages& from, float* to) {
    copy_in_order(from, CHANNELS_LAST, to);
}
void to_contiguous(const StridedImages& from, float* to) { copy_in_order(from, CONTIGUOUS, to); }

void channel_sum(const float* x, std::int64_t rows, std::int64_t channels, float* sums) {
    // Chunks of rows have sums of their own, which are added in their order.
    const std::int64_t chunks = std::clamp<std::int64_t>(rows * channels / 16384, 1, 64);
    const Scratch partials(chunks * channels);
    const KernelTable& table = kernels();
    parallel_for(chunks, static_cast<double>(rows * channels), [&](std::int64_t chunk) {
        const std::int64_t first = chunk * rows / chunks, last = (chunk + 1) * rows / chunks;
        table.sum_rows(x + first * channels, last - first, channels,
                       partials.data() + chunk * channels);
    });
    table.sum_rows(partials.data(), chunks, channels, sums);
}

}  // namespace convlet
