#include <algorithm>
#include <numeric>
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
    g.out_channels = g.depthwise ? s.channels : s.group_channels;
    g.y_pixel = s.stride.w * s.channels;
    g.y_row = s.stride.h * s.width * s.channels;
    g.y_image = s.height * s.width * s.channels;
    g.panels = kernels().panels(g.out_channels, false);
    return g;
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
    const std::vector<Phase> rows =
        phases(s.height, s.kernel.h, s.stride.h, s.padding.h, s.dilation.h);
    const std::vector<Phase> columns =
        phases(s.width, s.kernel.w, s.stride.w, s.padding.w, s.dilation.w);
    const auto untouched = [](const Phase& p) { return p.taps == 0; };
    if (std::any_of(rows.begin(), rows.end(), untouched) ||
        std::any_of(columns.begin(), columns.end(), untouched))
        fill_pixels(s, bias, dx);

    const std::int64_t taps = s.kernel.h * s.kernel.w;
    std::vector<std::vector<std::int64_t>> offsets;  // outlive the plans that point at them
    std::vector<Plan> plans;
    for (std::size_t h = 0; h < rows.size(); ++h) {
        for (std::size_t w = 0; w < columns.size(); ++w) {
            if (rows[h].taps * columns[w].taps == 0) continue;
            offsets.push_back(tap_offsets(rows[h], columns[w], s.kernel.w));
            const Correlation common = phase_geometry(s, rows[h], columns[w]);
            const std::int64_t first_pixel =
                static_cast<std::int64_t>(h) * s.width + static_cast<std::int64_t>(w);
            for (std::int64_t group = 0; group < (common.depthwise ? 1 : s.groups); ++group) {
                const std::int64_t first = group * s.group_out_channels;
                Correlation g = common;
                g.x = dy + first;
                g.epilogue.bias = bias == nullptr ? nullptr : bias + group * s.group_channels;
                g.y = dx + first_pixel * s.channels + group * s.group_channels;
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
