#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "conv2d.hpp"
#include "correlation.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

// The taps that reach the pixels h = phase, phase + stride, … of one axis of the input.
//
// dx[h] needs dy[i] with i*stride + r*dilation - padding = h. For one phase of h modulo the stride
// the taps r that divide evenly are an arithmetic progression, and i - h/stride falls along it: a
// plain correlation of stride 1 with the taps in reverse.
struct Phase {
    std::int64_t taps, last_tap, tap_step;  // taps last_tap, last_tap - tap_step, …
    std::int64_t dilation, origin, count;
};

Phase phase_of(std::int64_t phase, std::int64_t size, std::int64_t kernel, std::int64_t stride,
               std::int64_t padding, std::int64_t dilation) {
    const std::int64_t common = std::gcd(dilation, stride);
    Phase p{0, 0, stride / common, dilation / common, 0, ceil_div(size - phase, stride)};
    std::int64_t first = 0;
    while (first < std::min(kernel, p.tap_step) &&
           (phase + padding - first * dilation) % stride != 0)
        ++first;
    if (first >= std::min(kernel, p.tap_step)) return p;
    p.taps = (kernel - 1 - first) / p.tap_step + 1;
    p.last_tap = first + (p.taps - 1) * p.tap_step;
    p.origin = (phase + padding - p.last_tap * dilation) / stride;
    return p;
}

std::vector<Phase> phases(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                          std::int64_t padding, std::int64_t dilation) {
    std::vector<Phase> all;
    for (std::int64_t h = 0; h < std::min(stride, size); ++h)
        all.push_back(phase_of(h, size, kernel, stride, padding, dilation));
    return all;
}

// The taps of a phase in the order in which its correlation reads them.
std::vector<std::int64_t> tap_offsets(const Phase& row, const Phase& column,
                                      std::int64_t kernel_width) {
    std::vector<std::int64_t> offsets;
    for (std::int64_t a = 0; a < row.taps; ++a)
        for (std::int64_t b = 0; b < column.taps; ++b)
            offsets.push_back((row.last_tap - a * row.tap_step) * kernel_width + column.last_tap -
                              b * column.tap_step);
    return offsets;
}

// dy -> the pixels of dx of one phase, of the first group.
Correlation phase_geometry(const Conv2dShape& s, const Phase& row, const Phase& column) {
    Correlation g{};
    g.images = s.images;
    g.height = s.out_height;
    g.width = s.out_width;
    g.channels = s.group_out_channels;
    g.x_pixel = s.out_channels;
    g.kernel_h = row.taps;
    g.kernel_w = column.taps;
    g.step_h = g.step_w = 1;
    g.dilation_h = row.dilation;
    g.dilation_w = column.dilation;
    g.origin_h = row.origin;
    g.origin_w = column.origin;
    g.out_height = row.count;
    g.out_width = column.count;
    g.depthwise = is_depthwise(s);
    g.outside_unwanted = true;
    g.out_channels = g.depthwise ? s.channels : s.group_channels;
    g.y_pixel = s.stride.w * s.channels;
    g.y_row = s.stride.h * s.width * s.channels;
    g.y_image = s.height * s.width * s.channels;
    g.panels = kernels().panels(g.out_channels, false);
    return g;
}

// With a stride of 2 along rows and few channels, two phases are one correlation whose output
// channels are those of two neighbouring pixels: what it reads is prepared once, and whole rows are
// written.
struct PairedPhases {
    Phase together;  // every pixel of dy that one of the two reads
    TapRange taps[2];
};

std::optional<PairedPhases> pair_of(const Conv2dShape& s, const std::vector<Phase>& columns) {
    if (s.groups != 1 || s.stride.w != 2 || s.dilation.w != 1 || s.width % 2 != 0 ||
        s.group_out_channels < 2 || 2 * s.channels > MOST_FEW || columns.size() != 2)
        return {};
    const Phase &left = columns[0], &right = columns[1];
    if (left.taps == 0 || right.taps == 0) return {};
    PairedPhases p{left, {}};
    p.together.origin = std::min(left.origin, right.origin);
    const auto range = [&](const Phase& phase) {
        const std::int64_t first = phase.origin - p.together.origin;
        return TapRange{first, first + phase.taps};
    };
    p.taps[0] = range(left);
    p.taps[1] = range(right);
    p.together.taps = std::max(p.taps[0].last, p.taps[1].last);
    // Neither half has a gap, and no tap is without both.
    if (std::max(p.taps[0].first, p.taps[1].first) > std::min(p.taps[0].last, p.taps[1].last))
        return {};
    return p;
}

Correlation paired_geometry(const Conv2dShape& s, const Phase& row, const PairedPhases& pair) {
    Correlation g = phase_geometry(s, row, pair.together);
    g.out_channels = 2 * s.channels;
    g.panels = kernels().panels(g.out_channels, false);
    g.halves[0] = pair.taps[0];
    g.halves[1] = pair.taps[1];
    return g;
}

std::vector<float> bias_twice(const Conv2dShape& s, const float* bias) {
    std::vector<float> twice;
    for (int half = 0; half < 2 && bias != nullptr; ++half)
        twice.insert(twice.end(), bias, bias + s.channels);
    return twice;
}

// The weights of a row's phase and both columns' ones, [output channel][half, channel][tap].
std::vector<float> paired_weights(const Conv2dShape& s, const float* weight, const Phase& row,
                                  const std::vector<Phase>& columns, const PairedPhases& pair) {
    const std::int64_t taps = row.taps * pair.together.taps, of_channel = s.kernel.h * s.kernel.w;
    std::vector<float> all(static_cast<std::size_t>(s.out_channels * 2 * s.channels * taps));
    float* to = all.data();
    for (std::int64_t k = 0; k < s.out_channels; ++k) {
        for (std::size_t half = 0; half < 2; ++half) {
            const std::vector<std::int64_t> offsets = tap_offsets(row, columns[half], s.kernel.w);
            for (std::int64_t c = 0; c < s.channels; ++c, to += taps) {
                const float* from = weight + (k * s.channels + c) * of_channel;
                const std::int64_t count = columns[half].taps;
                for (std::int64_t a = 0; a < row.taps; ++a)
                    for (std::int64_t b = 0; b < count; ++b)
                        to[a * pair.together.taps + pair.taps[half].first + b] =
                            from[offsets[static_cast<std::size_t>(a * count + b)]];
            }
        }
    }
    return all;
}

// Whether depthwise_spread() computes all phases at once.
bool spreads(const Conv2dShape& s) {
    constexpr std::int64_t LEAST_CHANNELS = 16;  // a register of them, in every instruction set
    return is_depthwise(s) && s.channels >= LEAST_CHANNELS && s.stride.h == 2 && s.stride.w == 2 &&
           s.dilation.h == 1 && s.dilation.w == 1 && (s.kernel.w == 3 || s.kernel.w == 5);
}

void spread(const Conv2dShape& s, const float* dy, const float* weight, const float* bias,
            float* dx) {
    const std::int64_t taps = s.kernel.h * s.kernel.w;
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(taps));
    std::iota(offsets.begin(), offsets.end(), 0);
    const Phase rows{s.kernel.h, 0, 0, 1, -s.padding.before.h, s.height};
    const Phase columns{s.kernel.w, 0, 0, 1, -s.padding.before.w, s.width};
    Correlation g = phase_geometry(s, rows, columns);
    g.spread = true;
    g.step_h = s.stride.h;
    g.step_w = s.stride.w;
    g.y_pixel = s.channels;
    g.y_row = s.width * s.channels;
    g.x = dy;
    g.y = dx;
    g.epilogue.bias = bias;
    std::vector<Plan> plans{
        make_plan(g, {weight, 1, taps, taps, taps, offsets.data(), g.panels, nullptr})};
    run_plans(plans);
}

// What the phases that no tap reaches keep.
void fill_pixels(const Conv2dShape& s, const float* bias, float* dx) {
    const std::int64_t row = s.width * s.channels;
    const double floats = static_cast<double>(s.images * s.height * row);
    parallel_for(s.images * s.height, floats, [&](std::int64_t task) {
        float* pixel = dx + task * row;
        if (bias == nullptr) {
            std::fill_n(pixel, row, 0.0F);
            return;
        }
        for (std::int64_t w = 0; w < s.width; ++w, pixel += s.channels)
            std::copy_n(bias, s.channels, pixel);
    });
}

}  // namespace

void conv2d_grad_input(const Conv2dShape& s, const float* dy, const float* weight,
                       const float* bias, float* dx) {
    if (spreads(s)) return spread(s, dy, weight, bias, dx);
    const std::vector<Phase> rows =
        phases(s.height, s.kernel.h, s.stride.h, s.padding.before.h, s.dilation.h);
    const std::vector<Phase> columns =
        phases(s.width, s.kernel.w, s.stride.w, s.padding.before.w, s.dilation.w);
    const auto untouched = [](const Phase& p) { return p.taps == 0; };
    if (std::any_of(rows.begin(), rows.end(), untouched) ||
        std::any_of(columns.begin(), columns.end(), untouched))
        fill_pixels(s, bias, dx);

    std::vector<std::vector<std::int64_t>> offsets;  // outlive the plans that point at them,
    std::vector<std::vector<float>> weights;         // and so do these
    std::vector<Plan> plans;
    const std::optional<PairedPhases> pair = pair_of(s, columns);
    const std::vector<float> twice = bias_twice(s, bias);
    for (std::size_t h = 0; h < rows.size(); ++h) {
        if (rows[h].taps == 0) continue;
        float* row = dx + static_cast<std::int64_t>(h) * s.width * s.channels;
        if (pair) {
            Correlation g = paired_geometry(s, rows[h], *pair);
            if (algorithm_for(g) == Algorithm::few_channels) {
                const std::int64_t taps = g.kernel_h * g.kernel_w;
                weights.push_back(paired_weights(s, weight, rows[h], columns, *pair));
                offsets.emplace_back(static_cast<std::size_t>(taps));
                std::iota(offsets.back().begin(), offsets.back().end(), 0);
                g.x = dy;
                g.y = row;
                g.epilogue.bias = bias == nullptr ? nullptr : twice.data();
                plans.push_back(
                    make_plan(g, {weights.back().data(), s.out_channels, 2 * s.channels * taps,
                                  taps, taps, offsets.back().data(), g.panels, nullptr}));
                continue;
            }
        }
        for (std::size_t w = 0; w < columns.size(); ++w) {
            if (columns[w].taps == 0) continue;
            offsets.push_back(tap_offsets(rows[h], columns[w], s.kernel.w));
            const Correlation common = phase_geometry(s, rows[h], columns[w]);
            const std::int64_t taps = s.kernel.h * s.kernel.w;
            for (std::int64_t group = 0; group < (common.depthwise ? 1 : s.groups); ++group) {
                const std::int64_t first = group * s.group_out_channels;
                Correlation g = common;
                g.x = dy + first;
                g.epilogue.bias = bias == nullptr ? nullptr : bias + group * s.group_channels;
                g.y = row + static_cast<std::int64_t>(w) * s.channels + group * s.group_channels;
                plans.push_back(
                    make_plan(g, {weight + first * s.group_channels * taps, s.group_out_channels,
                                  s.group_channels * taps, taps, rows[h].taps * columns[w].taps,
                                  offsets.back().data(), common.panels, nullptr}));
            }
        }
    }
    run_plans(plans);
}

}  // namespace convlet
