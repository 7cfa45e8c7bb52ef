#include "adaptive_pool2d.hpp"

#include <algorithm>
#include <atomic>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "pool2d.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t TASK_FLOATS = 32 * 1024;
constexpr std::int64_t CHANNELS = 64;  // at least, where channels are shared out

AdaptivePooling pooling(const AdaptivePool2dShape& s) {
    return {s.images, s.channels, s.height, s.width, s.out_height, s.out_width};
}

// Floats of the input under a window, at most.
std::int64_t window_floats(const AdaptivePool2dShape& s) {
    return ceil_div(s.height, s.out_height) * ceil_div(s.width, s.out_width) * s.channels;
}

std::int64_t count(const Extents4& e) { return e[0] * e[1] * e[2] * e[3]; }

// Blocks of pixels or windows, of which each counts for `floats`.
template <class Body>
void for_blocks(std::int64_t images, std::int64_t height, std::int64_t width, std::int64_t floats,
                Body body) {
    if (floats == 0) return;
    const Blocks blocks =
        cut_blocks(images, height, width, std::max<std::int64_t>(1, TASK_FLOATS / floats));
    const auto cost = static_cast<double>(images * height * width * floats);
    parallel_for(block_count(blocks), cost, [&](std::int64_t b) { body(block_at(blocks, b)); });
}

// Windows in blocks; few windows over many pixels share their channels out too.
template <class Kernel>
void forward(const AdaptivePool2dShape& s, Kernel kernel) {
    const std::int64_t floats = window_floats(s), windows = s.images * s.out_height * s.out_width;
    const std::int64_t parts =
        std::clamp<std::int64_t>(windows < 32 ? floats / TASK_FLOATS : 1, 1,
                                 std::max<std::int64_t>(1, s.channels / CHANNELS));
    const Blocks blocks = cut_blocks(s.images, s.out_height, s.out_width,
                                     std::max<std::int64_t>(1, TASK_FLOATS / floats));
    parallel_for(block_count(blocks) * parts, static_cast<double>(windows * floats),
                 [&](std::int64_t task) {
                     const std::int64_t part = task % parts;
                     kernel(PoolTask{block_at(blocks, task / parts), part * s.channels / parts,
                                     (part + 1) * s.channels / parts});
                 });
}

// One window: sums of pieces of the pixels, added in their order.
void global_average(const AdaptivePool2dShape& s, const float* x, float* y) {
    const std::int64_t pixels = s.height * s.width, c = s.channels;
    const std::int64_t pieces =
        std::clamp<std::int64_t>(pixels * c / TASK_FLOATS, 1, std::min<std::int64_t>(pixels, 64));
    const Scratch partials(s.images * pieces * c);
    const KernelTable& table = kernels();
    const auto first = [&](std::int64_t piece) { return piece * pixels / pieces; };
    parallel_for(s.images * pieces, static_cast<double>(s.images * pixels * c),
                 [&](std::int64_t task) {
                     const std::int64_t image = task / pieces, piece = task % pieces;
                     table.sum_rows(x + (image * pixels + first(piece)) * c,
                                    first(piece + 1) - first(piece), c, partials.data() + task * c);
                 });
    const auto area = static_cast<float>(pixels);
    for (std::int64_t n = 0; n < s.images; ++n) {
        const float* sums = partials.data() + n * pieces * c;
        for (std::int64_t i = 0; i < c; ++i) {
            float sum = sums[i];
            for (std::int64_t p = 1; p < pieces; ++p) sum += sums[p * c + i];
            y[n * c + i] = sum / area;
        }
    }
}

// Windows of one size that do not overlap are those of a pooling with its own kernels.
bool is_regular(const AdaptivePool2dShape& s) {
    return s.height % s.out_height == 0 && s.width % s.out_width == 0;
}

Pool2dShape regular(const AdaptivePool2dShape& s) {
    const Pair window{s.height / s.out_height, s.width / s.out_width};
    return checked_pool2d(input_extents(s),
                          {"adaptive_avg_pool2d", window, window, {0, 0}, {1, 1}, false, false});
}

[[noreturn]] void reject_index(const AdaptivePool2dShape& s, std::int64_t window, std::int64_t c,
                               std::int64_t value) {
    const std::int64_t j = window % s.out_width, i = window / s.out_width % s.out_height;
    reject("adaptive_max_pool2d_grad: indices[", window / s.out_width / s.out_height, ", ", c, ", ",
           i, ", ", j, "] must name a pixel of its window as h * ", s.width, " + w, got ", value);
}

template <class Index>
void check_one_by_one(const AdaptivePool2dShape& s, const Index* indices) {
    if (count(output_extents(s)) == 0) return;
    for (std::int64_t window = 0; window < s.images * s.out_height * s.out_width; ++window) {
        const std::int64_t j = window % s.out_width, i = window / s.out_width % s.out_height;
        const std::int64_t top = i * s.height / s.out_height, left = j * s.width / s.out_width;
        const std::int64_t bottom = ceil_div((i + 1) * s.height, s.out_height);
        const std::int64_t right = ceil_div((j + 1) * s.width, s.out_width);
        for (std::int64_t c = 0; c < s.channels; ++c) {
            const std::int64_t value = indices[window * s.channels + c];
            const std::int64_t h = value / s.width, w = value % s.width;
            if (value < 0 || h < top || h >= bottom || w < left || w >= right)
                reject_index(s, window, c, value);
        }
    }
}

}  // namespace

void adaptive_max_pool2d_forward(const AdaptivePool2dShape& s, const float* x, float* y,
                                 std::int32_t* indices) {
    if (count(output_extents(s)) == 0) return;
    const AdaptivePooling p = pooling(s);
    const KernelTable& table = kernels();
    forward(s, [&](const PoolTask& task) {
        table.adaptive_max_pool2d_forward(p, task, x, y, indices);
    });
}

void check_adaptive_indices(const AdaptivePool2dShape& s, const std::int32_t* indices) {
    const AdaptivePooling p = pooling(s);
    const KernelTable& table = kernels();
    std::atomic<bool> good{true};
    for_blocks(s.images, s.out_height, s.out_width, s.channels, [&](const PixelBlock& windows) {
        if (!table.adaptive_max_pool2d_valid(p, windows, indices))
            good.store(false, std::memory_order_relaxed);
    });
    if (!good) check_one_by_one(s, indices);
}

void check_adaptive_indices(const AdaptivePool2dShape& s, const std::int64_t* indices) {
    check_one_by_one(s, indices);
}

void adaptive_max_pool2d_grad(const AdaptivePool2dShape& s, const float* dy,
                              const std::int32_t* indices, float* dx) {
    const AdaptivePooling p = pooling(s);
    const KernelTable& table = kernels();
    for_blocks(s.images, s.height, s.width, s.channels, [&](const PixelBlock& pixels) {
        table.adaptive_max_pool2d_grad(p, pixels, dy, indices, dx);
    });
}

void adaptive_avg_pool2d_forward(const AdaptivePool2dShape& s, const float* x, float* y) {
    if (count(output_extents(s)) == 0) return;
    if (s.out_height == 1 && s.out_width == 1) return global_average(s, x, y);
    if (is_regular(s)) return avg_pool2d_forward(regular(s), x, y);
    const AdaptivePooling p = pooling(s);
    const KernelTable& table = kernels();
    forward(s, [&](const PoolTask& task) { table.adaptive_avg_pool2d_forward(p, task, x, y); });
}

void adaptive_avg_pool2d_grad(const AdaptivePool2dShape& s, const float* dy, float* dx) {
    const AdaptivePooling p = pooling(s);
    const KernelTable& table = kernels();
    for_blocks(s.images, s.height, s.width, s.channels, [&](const PixelBlock& pixels) {
        table.adaptive_avg_pool2d_grad(p, pixels, dy, dx);
    });
}

}  // namespace convlet
