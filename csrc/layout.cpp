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

constexpr std::int64_t CHUNK_FLOATS = 8192;  // of a task
constexpr std::array<int, 4> CHANNELS_LAST{0, 2, 3, 1};
constexpr std::array<int, 4> CONTIGUOUS{0, 1, 2, 3};

// Writes the array in the given order of axes, plane by plane. A plane has the axis that is last in
// the destination and the one before it or, where another axis is nearer in the source, that one:
// such a plane is a transposition of rows that are contiguous on both sides.
void copy_in_order(const StridedImages& a, const std::array<int, 4>& order, float* to) {
    std::array<std::int64_t, 4> extents{}, from{}, into{};
    std::int64_t step = 1;
    for (std::size_t i = 4; i-- > 0;) {
        const auto axis = static_cast<std::size_t>(order[i]);
        extents[i] = a.extents[axis];
        from[i] = a.strides[axis];
        into[i] = step;
        step *= extents[i];
    }
    // Neighbours that are neighbours in the source too are one axis.
    if (from[2] == from[3] * extents[3]) {
        extents = {1, extents[0], extents[1], extents[2] * extents[3]};
        from = {0, from[0], from[1], from[3]};
        into = {0, into[0], into[1], into[3]};
    }
    std::size_t rows = 2;
    for (std::size_t i = 0; i < 3; ++i)
        if (extents[i] > 1 && from[i] == std::int64_t{sizeof(float)}) rows = i;
    const std::size_t first = rows == 0 ? 1 : 0, second = rows == 2 ? 1 : 2;
    const KernelTable& table = kernels();
    // Tasks are some planes or some rows of one, 16 or a multiple where there are as many.
    const std::int64_t planes = extents[first] * extents[second];
    const std::int64_t chunk = std::max<std::int64_t>(
        1, CHUNK_FLOATS / std::max<std::int64_t>(1, extents[rows] * extents[3]));
    const std::int64_t piece =
        ceil_div(ceil_div(CHUNK_FLOATS, std::max<std::int64_t>(1, extents[3])), 16) * 16;
    const std::int64_t pieces = std::max<std::int64_t>(1, ceil_div(extents[rows], piece));
    const auto cost = static_cast<double>(step) * 2;
    parallel_for(ceil_div(planes, chunk) * pieces, cost, [&](std::int64_t task) {
        const std::int64_t start = task / pieces * chunk, row = task % pieces * piece;
        const StridedPlane plane{std::min(piece, extents[rows] - row), extents[3], from[rows],
                                 from[3], into[rows]};
        for (std::int64_t p = start; p < std::min(planes, start + chunk); ++p) {
            const std::int64_t i = p / extents[second], j = p % extents[second];
            table.copy_plane(plane, a.data + i * from[first] + j * from[second] + row * from[rows],
                             to + i * into[first] + j * into[second] + row * into[rows]);
        }
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
