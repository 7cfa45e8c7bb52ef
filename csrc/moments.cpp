#include "moments.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {

void join_moments(const MomentSets& sets, float* mean, float* variance) {
    constexpr std::int64_t CHANNELS = 32;  // of a task
    const KernelTable& table = kernels();
    const double cost = static_cast<double>(sets.count * sets.channels) * 4;
    parallel_for(ceil_div(sets.channels, CHANNELS), cost, [&](std::int64_t task) {
        table.join_moments(sets, task * CHANNELS, std::min(sets.channels, (task + 1) * CHANNELS),
                           mean, variance);
    });
}

BlockMoments::BlockMoments(const Correlation& g, std::int64_t first, std::int64_t last, float* mean,
                           float* sums, float* squares)
    : g_(g), first_(first), channels_(last - first), mean_(mean), sums_(sums), squares_(squares) {}

void BlockMoments::add(const PixelBlock& b) {
    std::int64_t count = 0;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        const float* row = g_.y + b.image * g_.y_image + i * g_.y_row + first_;
        for (std::int64_t j = b.j0; j < b.j1; ++j) {
            pixels_[count++] = row + j * g_.y_pixel;
            if (count < MOST) continue;
            add_pixels(count);
            count = 0;
        }
    }
    add_pixels(count);
}

void BlockMoments::add_tiles(const WinogradKernel& kernel, std::int64_t first_tile,
                             std::int64_t tiles) {
    constexpr std::int64_t EACH = MOST / TILE_PIXELS;
    const KernelTable& table = kernels();
    for (std::int64_t t = 0; t < tiles; t += EACH)
        add_pixels(table.winograd_pixels(g_, kernel, first_, first_tile + t,
                                         std::min(EACH, tiles - t), pixels_.data()));
}

PixelMoments BlockMoments::sums(std::int64_t count) const {
    return {pixels_.data(), count, channels_, mean_, sums_, squares_, count_ == 0};
}

void BlockMoments::add_pixels(std::int64_t count) {
    if (count == 0) return;
    kernels().pixel_moments(sums(count));
    count_ += count;
}

std::int64_t BlockMoments::finish() {
    if (count_ == 0) {  // tiles beyond the border
        std::fill_n(mean_, channels_, 0.0F);
        std::fill_n(squares_, channels_, 0.0F);
        return 0;
    }
    kernels().finish_moments(sums(0), count_);
    return count_;
}

OutputMoments::OutputMoments(const float* y, std::int64_t channels, std::int64_t blocks)
    : y_(y),
      channels_(channels),
      sizes_(static_cast<std::size_t>(blocks)),
      means_(blocks * channels),
      sums_(blocks * channels),
      squares_(blocks * channels) {}

BlockMoments OutputMoments::of(const Correlation& g, std::int64_t block, std::int64_t first,
                               std::int64_t last) const {
    const std::int64_t from = first * g.panels.wide;
    const std::int64_t at = block * channels_ + (g.y - y_) + from;
    return {g,
            from,
            std::min(last * g.panels.wide, g.panels.columns),
            means_.data() + at,
            sums_.data() + at,
            squares_.data() + at};
}

void OutputMoments::set_size(std::int64_t block, std::int64_t pixels) {
    sizes_[static_cast<std::size_t>(block)] = static_cast<double>(pixels);
}

void OutputMoments::join(float* mean, float* variance) const {
    join_moments({sizes_.data(), static_cast<std::int64_t>(sizes_.size()), channels_, means_.data(),
                  squares_.data()},
                 mean, variance);
}

}  // namespace convlet
