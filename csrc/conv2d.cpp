#include "conv2d.hpp"

#include <numeric>
#include <vector>

#include "correlation.hpp"
#include "dispatch.hpp"
#include "norm.hpp"

namespace convlet {

namespace {

// Whether tasks take the moments of what they write: it pays where a block has pixels enough for
// the sums that it leaves, and a group has whole registers of channels.
bool takes_moments(const Plan& p) {
    constexpr std::int64_t LEAST_PIXELS = 64, LEAST_CHANNELS = 16;
    const std::int64_t pixels = p.algorithm == Algorithm::winograd
                                    ? p.tiles * TILE_PIXELS
                                    : p.blocks.rows * p.blocks.columns;
    return pixels >= LEAST_PIXELS && p.geometry.out_channels >= LEAST_CHANNELS;
}

}  // namespace

bool is_depthwise(const Conv2dShape& s) {
    return s.group_channels == 1 && s.group_out_channels == 1 && s.groups > 1;
}

Correlation forward_geometry(const Conv2dShape& s) {
    Correlation g{};
    g.images = s.images;
    g.height = s.height;
    g.width = s.width;
    g.channels = s.group_channels;
    g.x_pixel = s.channels;
    g.kernel_h = s.kernel.h;
    g.kernel_w = s.kernel.w;
    g.step_h = s.stride.h;
    g.step_w = s.stride.w;
    g.dilation_h = s.dilation.h;
    g.dilation_w = s.dilation.w;
    g.origin_h = -s.padding.before.h;
    g.origin_w = -s.padding.before.w;
    g.out_height = s.out_height;
    g.out_width = s.out_width;
    g.depthwise = is_depthwise(s);
    g.out_channels = g.depthwise ? s.out_channels : s.group_out_channels;
    g.y_pixel = s.out_channels;
    g.y_row = s.out_width * g.y_pixel;
    g.y_image = s.out_height * g.y_row;
    g.panels = kernels().panels(g.out_channels, false);
    return g;
}

std::vector<std::int64_t> forward_taps(const Conv2dShape& s) {
    std::vector<std::int64_t> taps(static_cast<std::size_t>(s.kernel.h * s.kernel.w));
    std::iota(taps.begin(), taps.end(), 0);
    return taps;
}

Plan forward_plan(const Conv2dShape& s, const float* weight, const Epilogue& epilogue,
                  const std::vector<std::int64_t>& taps, std::int64_t group) {
    const auto count = static_cast<std::int64_t>(taps.size());
    const std::int64_t depth = s.group_channels, first = group * s.group_out_channels;
    Correlation g = forward_geometry(s);
    const auto from_first = [first](const float* p) { return p == nullptr ? p : p + first; };
    g.epilogue = {from_first(epilogue.scale), from_first(epilogue.bias),
                  from_first(epilogue.residual), epilogue.activation};
    return make_plan(g, {weight + first * depth * count, depth, count, depth * count, count,
                         taps.data(), g.panels, nullptr});
}

void conv2d_forward(const Conv2dShape& s, const float* x, const float* weight,
                    const Epilogue& epilogue, float* y, Keeping kept, float* mean,
                    float* variance) {
    const std::vector<std::int64_t> taps = forward_taps(s);
    std::vector<Plan> plans;
    for (std::int64_t group = 0; group < (is_depthwise(s) ? 1 : s.groups); ++group) {
        plans.push_back(forward_plan(s, weight, epilogue, taps, group));
        plans.back().geometry.x = x + group * s.group_channels;
        plans.back().geometry.y = y + group * s.group_out_channels;
    }
    if (mean != nullptr && takes_moments(plans.front())) {
        OutputMoments moments(y, s.out_channels, plans.front().block_tasks);
        run_plans(plans, kept, &moments);
        moments.join(mean, variance);
        return;
    }
    run_plans(plans, kept);
    if (mean != nullptr)
        batch_moments(y, s.images * s.out_height * s.out_width, s.out_channels, mean, variance);
}

}  // namespace convlet
