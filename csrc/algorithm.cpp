#include "algorithm.hpp"

#include <atomic>

#include "winograd_kernel.hpp"

namespace convlet {
namespace {

std::atomic<bool> exact{false};

// Whether lanes had better be pixels: a register of output channels would be mostly empty, one of
// neighbouring pixels is at least half full on AVX-512, several taps make up for writing the strip
// channel by channel, and they are near enough for a strip without gaps.
bool has_few_channels(const Correlation& g) {
    constexpr std::int64_t LEAST_TAPS = 4, LEAST_WIDTH = 8, MOST_REACH = 16;
    return g.out_channels <= MOST_FEW && g.step_w == 1 && g.out_width >= LEAST_WIDTH &&
           g.kernel_h * g.kernel_w >= LEAST_TAPS && (g.kernel_h - 1) * g.dilation_h <= MOST_REACH &&
           (g.kernel_w - 1) * g.dilation_w <= MOST_REACH;
}

// The same of the gradient of the weight, for which both sides are made into planes: registers of
// output channels would be half empty, or nearly and a single input channel is a plane already.
bool has_few_sums(const Correlation& g) {
    return has_few_channels(g) &&
           (g.out_channels <= 4 || (g.channels == 1 && g.out_channels <= FEW_SUMMED));
}

}  // namespace

void use_exact_conv(bool value) { exact.store(value); }
bool exact_conv() { return exact.load(std::memory_order_relaxed); }

Algorithm algorithm_for(const Correlation& g, bool of_weight) {
    if (g.depthwise) return g.spread ? Algorithm::depthwise_spread : Algorithm::depthwise;
    if (of_weight ? has_few_sums(g) : has_few_channels(g)) return Algorithm::few_channels;
    if (exact_conv() || g.channels < 16 || g.out_channels < 16) return Algorithm::direct;
    const bool gains = winograd_gains(g, winograd_kernel(g), !of_weight);
    return gains ? Algorithm::winograd : Algorithm::direct;
}

}  // namespace convlet
