// Means and variances of channels, gathered block by block of pixels and joined.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernel_table.hpp"
#include "memory.hpp"

namespace convlet {

// Mean and biased variance of each channel of all sets together.
void join_moments(const MomentSets& sets, float* mean, float* variance);

// The moments of one block of pixels and some channels of it, which a task adds as it writes them.
class BlockMoments {
   public:
    // Channels [first, last) of g's output; sums go to numbers of so many channels.
    BlockMoments(const Correlation& g, std::int64_t first, std::int64_t last, float* mean,
                 float* sums, float* squares);
    void add(const PixelBlock& pixels);
    void add_tiles(const WinogradKernel& kernel, std::int64_t first_tile, std::int64_t tiles);
    // Turns the sums into mean and squares; how many pixels there were.
    std::int64_t finish();

   private:
    PixelMoments sums(std::int64_t count) const;
    void add_pixels(std::int64_t count);

    // Sums of so many pixels are added to those of the block: rounding grows with how many these
    // are and with how many pixels each has, not with their product.
    static constexpr std::int64_t MOST = 16 * TILE_PIXELS;

    const Correlation& g_;
    std::int64_t first_, channels_;
    float *mean_, *sums_, *squares_;
    std::int64_t count_ = 0;
    std::array<const float*, MOST> pixels_;
};

// Moments of every channel of an output y, whose blocks are the same for all channels.
class OutputMoments {
   public:
    OutputMoments(const float* y, std::int64_t channels, std::int64_t blocks);
    // Of the columns of g's panels [first, last).
    BlockMoments of(const Correlation& g, std::int64_t block, std::int64_t first,
                    std::int64_t last) const;
    void set_size(std::int64_t block, std::int64_t pixels);
    void join(float* mean, float* variance) const;

   private:
    const float* y_;
    std::int64_t channels_;
    std::vector<double> sizes_;
    Scratch means_, sums_, squares_;
};

}  // namespace convlet
