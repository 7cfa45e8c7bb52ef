#include "depthwise_grad_weight.hpp"

#include <algorithm>

#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr double TASK_FLOPS = 1e6;  // about 20 us of one core
constexpr std::int64_t MOST_CHUNKS = 64;
constexpr std::int64_t PARTIAL_FLOATS = std::int64_t{1} << 20;

}  // namespace

// Chunks of the rows of dy have partial sums of their own, which are added in order; where the rows
// are few, the channels are shared out too.
void depthwise_grad_weight(const WeightGradient& w, float* dw) {
    const Correlation& g = w.geometry;
    const std::int64_t size = g.out_channels * g.kernel_h * g.kernel_w;
    const std::int64_t rows = g.images * g.out_height;
    if (rows * g.out_width == 0) {
        std::fill_n(dw, size, 0.0F);
        return;
    }
    const KernelTable& table = kernels();
    const std::int64_t floats = table.depthwise_partial_floats(g);
    const std::int64_t blocks = table.depthwise_lane_blocks(g.out_channels);
    const auto wanted =
        static_cast<std::int64_t>(std::clamp(flops(g) / TASK_FLOPS, 1.0, double{MOST_CHUNKS}));
    const std::int64_t chunks =
        std::clamp<std::int64_t>(std::min(PARTIAL_FLOATS / floats, wanted), 1, rows);
    const std::int64_t parts = std::clamp<std::int64_t>(wanted / chunks, 1, blocks);
    const Scratch partials(chunks * floats);
    parallel_for(chunks * parts, flops(g) / FLOPS_PER_COST, [&](std::int64_t task) {
        const std::int64_t part = task % parts, chunk = task / parts;
        const LaneBlocks own{part * blocks / parts, (part + 1) * blocks / parts};
        table.depthwise_grad_weight(w, own, chunk * rows / chunks, (chunk + 1) * rows / chunks,
                                    partials.data() + chunk * floats);
    });
    parallel_for(blocks, static_cast<double>(chunks * floats), [&](std::int64_t block) {
        table.depthwise_reduce_weight(g, partials.data(), chunks, block, dw);
    });
}

}  // namespace convlet
