// Correlations: what a convolution's forward pass and each phase of its gradient of the input are.
//
// This is where the work is cut, by the shape alone.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithm.hpp"
#include "blocks.hpp"
#include "kernel_table.hpp"
#include "memory.hpp"
#include "moments.hpp"
#include "packed_weight.hpp"
#include "winograd_kernel.hpp"

namespace convlet {

// Everything of one correlation that does not depend on the task.
struct Plan {
    Correlation geometry;
    WeightPacking packing;
    Algorithm algorithm;
    Blocks blocks;              // of pixels, but for Winograd
    WinogradKernel kernel;      // for Winograd's,
    std::int64_t tiles;         // the tiles of a block,
    std::int64_t run;           // and the input channels that are summed at once
    bool packed_ahead;          // else tasks read weights in place or transform what they need
    std::int64_t block_tasks;   // blocks of pixels or of tiles
    std::int64_t panel_groups;  // the panels of a block are shared out among so many tasks
};

// `packing` says how to read the weights; its `packed` is set by run_plans().
Plan make_plan(Correlation geometry, const WeightPacking& packing);

// Cuts plans further where they have fewer tasks than there are threads, and work for more: into
// narrower panels and blocks of fewer tiles. It is the same sums that are made, in the same order;
// where moments are taken, whose sums go by blocks and registers, only Winograd's panels narrow.
void cut_for_threads(std::vector<Plan>& plans, std::int64_t threads, bool moments);

// Channels whose weights a task transforms at once, for 64 outputs two thirds of the L2 at most.
std::int64_t channels_at_once();

// A single tap whose columns are neighbours in the weight, in whole registers, is read in place: as
// one panel, or for so few pixels that packing would take longer than the cache lines apart do.
bool reads_in_place(const Plan& plan);

// The packed weights of plans that are alike, in memory of their own or as `kept` has them, and the
// plans told where.
class PlacedWeights {
   public:
    PlacedWeights(std::vector<Plan>& plans, Keeping kept);

   private:
    Scratch own_;
    PackedWeight::Memory kept_;
};

// Packs the weights of all plans, or takes them from `kept`, then runs them as one parallel loop.
// Plans of which moments are taken write the same pixels of different channels.
void run_plans(std::vector<Plan>& plans, Keeping kept = {}, OutputMoments* moments = nullptr);

// A 1x1 convolution has no neighbours: all its pixels become one long row, whatever their image.
void flatten_pixels(Correlation& geometry);

// Blocks of pixels whose strip and panel of weights share the L2.
Blocks blocks_of(const Correlation& geometry);
double flops(const Correlation& geometry);

inline std::int64_t panel_count(const Panels& p) { return p.wide_count + (p.rest > 0 ? 1 : 0); }
inline std::int64_t padded_columns(const Panels& p) { return p.wide_count * p.wide + p.rest; }

}  // namespace convlet
