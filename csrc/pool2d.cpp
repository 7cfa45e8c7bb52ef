#include "pool2d.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr double LEAST_FLOATS = 8 * 1024;  // of a task: some microseconds
constexpr double MOST_FLOATS = 64 * 1024;  // of a task: its rows stay in L2
constexpr double INDEX_COST = 0.125;       // of looking at an index, to moving a float
constexpr std::int64_t CHANNELS = 64;      // at least, where channels are shared out

Pooling pooling(const Pool2dShape& s) {
    return {s.images,     s.channels,   s.height,     s.width,     s.kernel.h,
            s.kernel.w,   s.stride.h,   s.stride.w,   s.padding.h, s.padding.w,
            s.dilation.h, s.dilation.w, s.out_height, s.out_width, s.count_include_pad};
}

double floats(const Extents4& e) {
    return static_cast<double>(e[0]) * static_cast<double>(e[1]) * static_cast<double>(e[2]) *
           static_cast<double>(e[3]);
}

std::int64_t taps(const Pool2dShape& s) { return s.kernel.h * s.kernel.w; }

// Pixels in blocks, and blocks in tasks: small images share one, large ones are cut.
struct Plan {
    Blocks blocks;
    std::int64_t count, tasks;  // of blocks, of tasks
    std::int64_t parts;         // the channels of a task are shared out among so many
};

Plan make_plan(std::int64_t images, std::int64_t height, std::int64_t width,
               double floats_per_pixel) {
    Plan plan{cut_blocks(images, height, width, 1), 0, 0, 1};
    if (images == 0 || floats_per_pixel == 0) return plan;
    const double all = static_cast<double>(images * height * width) * floats_per_pixel;
    const auto pixels = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::clamp(all / 64, LEAST_FLOATS, MOST_FLOATS) /
                                     floats_per_pixel));
    plan.blocks = cut_blocks(images, height, width, pixels);
    plan.count = block_count(plan.blocks);
    plan.tasks = ceil_div(
        plan.count, std::max<std::int64_t>(1, pixels / (plan.blocks.rows * plan.blocks.columns)));
    return plan;
}

// Windows, each with the floats of the input that it moves on by, or looks at.
Plan plan_windows(const Pool2dShape& s) {
    const double steps = static_cast<double>(std::min(s.stride.h, s.height)) *
                         static_cast<double>(std::min(s.stride.w, s.width));
    return make_plan(
        s.images, s.out_height, s.out_width,
        static_cast<double>(s.channels) * std::max(steps, static_cast<double>(taps(s)) / 4));
}

Plan plan_pixels(const Pool2dShape& s) {
    return make_plan(s.images, s.height, s.width, static_cast<double>(s.channels));
}

// Few windows over many pixels, as in global pooling: the channels are shared out too.
Plan plan_forward(const Pool2dShape& s, double work) {
    Plan plan = plan_windows(s);
    const auto wanted = static_cast<std::int64_t>(std::min(64.0, work / LEAST_FLOATS));
    plan.parts = std::clamp<std::int64_t>(wanted / std::max<std::int64_t>(1, plan.tasks), 1,
                                          std::max<std::int64_t>(1, s.channels / CHANNELS));
    return plan;
}

template <class Body>
void for_blocks(const Plan& plan, double cost, Body body) {
    parallel_for(plan.tasks * plan.parts, cost, [&](std::int64_t job) {
        const std::int64_t task = job / plan.parts;
        const std::int64_t first = task * plan.count / plan.tasks;
        const std::int64_t last = (task + 1) * plan.count / plan.tasks;
        for (std::int64_t b = first; b < last; ++b)
            body(block_at(plan.blocks, b), job % plan.parts);
    });
}

template <class Kernel>
void forward(const Pool2dShape& s, Kernel kernel) {
    const double work = floats(output_extents(s)) * static_cast<double>(taps(s));
    const Plan plan = plan_forward(s, work);
    for_blocks(plan, work, [&](const PixelBlock& block, std::int64_t part) {
        kernel(
            PoolTask{block, part * s.channels / plan.parts, (part + 1) * s.channels / plan.parts});
    });
}

// Whether a position is a tap of window (i, j) that lies in the image.
bool names_a_pixel(const Pool2dShape& s, std::int64_t i, std::int64_t j, std::int64_t position) {
    if (position < 0 || position >= taps(s)) return false;
    const std::int64_t h = i * s.stride.h - s.padding.h + position / s.kernel.w * s.dilation.h;
    const std::int64_t w = j * s.stride.w - s.padding.w + position % s.kernel.w * s.dilation.w;
    return h >= 0 && h < s.height && w >= 0 && w < s.width;
}

[[noreturn]] void reject_index(const Pool2dShape& s, std::int64_t place, std::int64_t value) {
    const std::int64_t c = place % s.channels, j = place / s.channels % s.out_width;
    const std::int64_t i = place / s.channels / s.out_width % s.out_height;
    const std::int64_t n = place / s.channels / s.out_width / s.out_height;
    reject("max_pool2d_grad: indices[", n, ", ", c, ", ", i, ", ", j, "] must name a pixel of a ",
           s.kernel.h, "x", s.kernel.w, " window inside the image, got ", value);
}

template <class Index>
void check_one_by_one(const Pool2dShape& s, const Index* indices) {
    const std::int64_t count = s.images * s.out_height * s.out_width * s.channels;
    for (std::int64_t place = 0; place < count; ++place) {
        const std::int64_t j = place / s.channels % s.out_width;
        const std::int64_t i = place / s.channels / s.out_width % s.out_height;
        if (!names_a_pixel(s, i, j, indices[place])) reject_index(s, place, indices[place]);
    }
}

// The one divisor of all windows, or 0 where borders have others.
std::int64_t common_divisor(const Pool2dShape& s) {
    const bool inside =
        (s.out_height - 1) * s.stride.h + s.kernel.h <= s.height + 2 * s.padding.h &&
        (s.out_width - 1) * s.stride.w + s.kernel.w <= s.width + 2 * s.padding.w;
    const bool padded = s.padding.h > 0 || s.padding.w > 0;
    return inside && (s.count_include_pad || !padded) ? taps(s) : 0;
}

}  // namespace

void max_pool2d_forward(const Pool2dShape& s, const float* x, float* y, void* indices) {
    const Pooling p = pooling(s);
    const KernelTable& table = kernels();
    forward(s, [&](const PoolTask& task) { table.max_pool2d_forward(p, task, x, y, indices); });
}

void check_pool_indices(const Pool2dShape& s, const void* indices) {
    const Pooling p = pooling(s);
    const KernelTable& table = kernels();
    std::atomic<bool> good{true};
    for_blocks(plan_windows(s), floats(output_extents(s)) * INDEX_COST,
               [&](const PixelBlock& block, std::int64_t) {
                   if (!table.max_pool2d_valid(p, block, indices))
                       good.store(false, std::memory_order_relaxed);
               });
    if (good) return;
    if (has_wide_indices(s))
        check_one_by_one(s, static_cast<const std::int32_t*>(indices));
    else
        check_one_by_one(s, static_cast<const std::uint8_t*>(indices));
}

void check_pool_indices(const Pool2dShape& s, const std::int64_t* indices) {
    check_one_by_one(s, indices);
}

void narrow_pool_indices(const Pool2dShape& s, const std::int64_t* indices, void* narrowed) {
    const std::int64_t count = s.images * s.out_height * s.out_width * s.channels;
    if (has_wide_indices(s))
        std::copy_n(indices, count, static_cast<std::int32_t*>(narrowed));
    else
        std::copy_n(indices, count, static_cast<std::uint8_t*>(narrowed));
}

void max_pool2d_grad(const Pool2dShape& s, const float* dy, const void* indices, float* dx) {
    const Pooling p = pooling(s);
    const KernelTable& table = kernels();
    const double cost = floats(input_extents(s));
    for_blocks(plan_pixels(s), cost, [&](const PixelBlock& pixels, std::int64_t) {
        table.max_pool2d_grad(p, pixels, dy, indices, dx);
    });
}

void avg_pool2d_forward(const Pool2dShape& s, const float* x, float* y) {
    const Pooling p = pooling(s);
    const KernelTable& table = kernels();
    forward(s, [&](const PoolTask& task) { table.avg_pool2d_forward(p, task, x, y); });
}

void avg_pool2d_grad(const Pool2dShape& s, const float* dy, float* dx) {
    const Pooling p = pooling(s);
    const KernelTable& table = kernels();
    const double cost = floats(input_extents(s));
    // Multiplying by the inverse of a power of two is exact; else dy is divided, once.
    const std::int64_t divisor = common_divisor(s);
    const bool exact = divisor > 0 && std::has_single_bit(static_cast<std::uint64_t>(divisor));
    const float scale = exact ? 1.0F / static_cast<float>(divisor) : 1.0F;
    const Scratch divided(exact ? 0 : static_cast<std::int64_t>(floats(output_extents(s))));
    const float* shares = exact ? dy : divided.data();
    if (!exact)
        for_blocks(plan_windows(s), floats(output_extents(s)),
                   [&](const PixelBlock& windows, std::int64_t) {
                       table.avg_pool2d_share(p, windows, dy, divided.data());
                   });
    for_blocks(plan_pixels(s), cost, [&](const PixelBlock& pixels, std::int64_t) {
        table.avg_pool2d_grad(p, pixels, shares, scale, dx);
    });
}

}  // namespace convlet
