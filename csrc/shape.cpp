#include "shape.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reject.hpp"

namespace convlet {
namespace {

constexpr std::int64_t MAX = std::numeric_limits<std::int64_t>::max();

std::string text(const Extents4& e) {
    return "(" + std::to_string(e[0]) + ", " + std::to_string(e[1]) + ", " + std::to_string(e[2]) +
           ", " + std::to_string(e[3]) + ")";
}

std::string text(const Pair& p) {
    return "(" + std::to_string(p.h) + ", " + std::to_string(p.w) + ")";
}

void check_at_least(const char* op, const char* name, const Pair& value, std::int64_t least) {
    if (value.h < least || value.w < least)
        reject(op, ": ", name, " must be at least ", least, ", got ", text(value));
    // Geometry below adds and multiplies a handful of these; 2^31 keeps every term in 64 bits.
    constexpr std::int64_t most = std::int64_t{1} << 31;
    if (value.h > most || value.w > most)
        reject(op, ": ", name, " must be at most 2^31, got ", text(value));
}

std::int64_t product(const char* op, const char* name, std::int64_t a, std::int64_t b) {
    if (a != 0 && b > MAX / a) reject(op, ": ", name, " has more elements than 64 bits can count");
    return a * b;
}

// Size of one axis after a window slid over it; -1 where the window does not fit.
std::int64_t slid(std::int64_t size, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                  std::int64_t dilation, bool ceil_mode) {
    const std::int64_t span = dilation * (kernel - 1) + 1;
    const std::int64_t room = size + 2 * padding - span;
    // With ceil_mode a window may reach beyond the padded input, by less than a stride.
    if (room < 0 && (!ceil_mode || room <= -stride)) return -1;
    std::int64_t out = (ceil_mode ? (room + stride - 1) / stride : room / stride) + 1;
    // A window that would start beyond the input and its left padding is dropped (as in PyTorch).
    if (ceil_mode && (out - 1) * stride >= size + padding) --out;
    return out;
}

void check_pixels(const char* op, const char* name, const Extents4& e) {
    if (e[2] < 1 || e[3] < 1)
        reject(op, ": ", name, " must have at least 1 pixel, got shape ", text(e));
}

void check_sizes(const char* op, const char* name, const Extents4& e) {
    for (const std::int64_t size : e)
        if (size < 0) reject(op, ": ", name, " has a negative size, got ", text(e));
    if (e[2] > (MAX >> 8) || e[3] > (MAX >> 8))
        reject(op, ": ", name, " is too large, got ", text(e));
}

// Every window must hold at least one pixel of the input, so that a maximum exists. Only a
// window that starts in the padding can miss, where its dilated taps step over a small input
// (which leaves room for few taps, so the loop is short).
void check_windows_touch(const char* op, const char* axis, std::int64_t size, std::int64_t kernel,
                         std::int64_t stride, std::int64_t padding, std::int64_t dilation,
                         std::int64_t out) {
    if (size >= dilation) return;
    for (std::int64_t i = 0; i < out && i * stride < padding; ++i) {
        const std::int64_t start = i * stride - padding;
        const std::int64_t first = (-start + dilation - 1) / dilation;
        if (first >= kernel || start + first * dilation >= size)
            reject(op, ": window ", i, " along the ", axis, " covers only padding");
    }
}

// Sizes times a factor, and its square, must stay numbers of 64 bits.
void check_factor(const char* op, std::int64_t factor, std::int64_t size) {
    constexpr std::int64_t MOST = std::int64_t{1} << 31;
    if (factor < 1 || factor >= MOST || size >= MOST)
        reject(op, ": factor must be from 1 to 2^31 - 1 for sizes below 2^31, got ", factor);
    if (size > 0 && factor * factor > MAX / size) reject(op, ": factor is too large, got ", factor);
}

}  // namespace

std::int64_t checked_size(const char* op, const char* name, const Extents4& extents) {
    check_sizes(op, name, extents);
    std::int64_t count = 1;
    for (const std::int64_t size : extents) count = product(op, name, count, size);
    return product(op, name, count, sizeof(float));
}

void check_extents(const char* op, const char* name, const Extents4& got, const Extents4& wanted) {
    if (got != wanted)
        reject(op, ": ", name, " must have shape ", text(wanted), ", got ", text(got));
}

void check_extent(const char* op, const char* name, std::int64_t got, std::int64_t wanted) {
    if (got != wanted) reject(op, ": ", name, " must have ", wanted, " elements, got ", got);
}

Conv2dShape checked_conv2d(const Extents4& input, const Extents4& weight,
                           const Conv2dArguments& a) {
    checked_size(a.op, a.input, input);
    checked_size(a.op, "weight", weight);
    check_pixels(a.op, a.input, input);
    check_at_least(a.op, "stride", a.stride, 1);
    check_at_least(a.op, "padding", a.padding.before, 0);
    check_at_least(a.op, "padding", a.padding.after, 0);
    check_at_least(a.op, "dilation", a.dilation, 1);
    if (a.groups < 1) reject(a.op, ": groups must be at least 1, got ", a.groups);
    if (weight[2] < 1 || weight[3] < 1)
        reject(a.op, ": weight must have a kernel of at least 1x1, got shape ", text(weight));
    if (weight[0] < 1)
        reject(a.op, ": weight must have at least 1 output channel, got shape ", text(weight));
    if (weight[1] < 1)
        reject(a.op, ": weight must have at least 1 input channel, got shape ", text(weight));
    check_at_least(a.op, "the weight's kernel size", {weight[2], weight[3]}, 1);
    if (input[1] % a.groups != 0)
        reject(a.op, ": groups must divide the ", input[1], " channels of ", a.input, ", got ",
               a.groups);
    if (weight[0] % a.groups != 0)
        reject(a.op, ": groups must divide the ", weight[0], " output channels of weight, got ",
               a.groups);
    if (weight[1] != input[1] / a.groups)
        reject(a.op, ": weight has ", weight[1], " input channels but ", a.input, " has ", input[1],
               " channels in ", a.groups, " groups, which asks for ", input[1] / a.groups);

    Conv2dShape s{};
    s.images = input[0];
    s.channels = input[1];
    s.height = input[2];
    s.width = input[3];
    s.out_channels = weight[0];
    s.kernel = {weight[2], weight[3]};
    s.stride = a.stride;
    s.padding = a.padding;
    s.dilation = a.dilation;
    s.groups = a.groups;
    s.group_channels = weight[1];
    s.group_out_channels = weight[0] / a.groups;
    const Pair padded{s.height + s.padding.before.h + s.padding.after.h,
                      s.width + s.padding.before.w + s.padding.after.w};
    s.out_height = slid(padded.h, s.kernel.h, s.stride.h, 0, s.dilation.h, false);
    s.out_width = slid(padded.w, s.kernel.w, s.stride.w, 0, s.dilation.w, false);
    if (s.out_height < 1 || s.out_width < 1)
        reject(a.op, ": the dilated kernel ",
               text(Pair{s.dilation.h * (s.kernel.h - 1) + 1, s.dilation.w * (s.kernel.w - 1) + 1}),
               " is larger than the padded input ", text(padded));
    checked_size(a.op, "output", output_extents(s));
    return s;
}

void check_batch_of_norm(const Conv2dShape& s) {
    const std::int64_t pixels = s.images * s.out_height * s.out_width;
    if (pixels == 0)
        reject("conv2d_moments: the output must have at least 1 value per channel, got 0");
    if (pixels == 1)
        reject("batch_norm: training needs more than 1 value per channel, got input of shape (1, ",
               s.out_channels, ", 1, 1)");
}

Conv2dShape checked_conv_transpose2d(const Extents4& input, const Extents4& weight,
                                     const Conv2dArguments& a, const Pair& output_padding) {
    checked_size(a.op, a.input, input);
    checked_size(a.op, "weight", weight);
    check_pixels(a.op, a.input, input);
    check_at_least(a.op, "stride", a.stride, 1);
    check_at_least(a.op, "padding", a.padding.before, 0);
    check_at_least(a.op, "padding", a.padding.after, 0);
    check_at_least(a.op, "dilation", a.dilation, 1);
    check_at_least(a.op, "output_padding", output_padding, 0);
    check_at_least(a.op, "the weight's kernel size", {weight[2], weight[3]}, 1);
    if (output_padding.h >= a.stride.h || output_padding.w >= a.stride.w)
        reject(a.op, ": output_padding must be smaller than the stride ", text(a.stride), ", got ",
               text(output_padding));
    if (a.groups < 1) reject(a.op, ": groups must be at least 1, got ", a.groups);
    if (input[1] != weight[0])
        reject(a.op, ": weight has ", weight[0], " input channels but ", a.input, " has ",
               input[1]);
    if (weight[0] < 1 || weight[1] < 1)
        reject(a.op, ": weight must have at least 1 channel of each kind, got shape ",
               text(weight));
    if (input[1] % a.groups != 0)
        reject(a.op, ": groups must divide the ", input[1], " channels of ", a.input, ", got ",
               a.groups);
    // Sizes are below 2^55 and the others at most 2^31, except where they multiply.
    const auto grown = [&](std::int64_t size, std::int64_t stride, std::int64_t borders,
                           std::int64_t dilation, std::int64_t kernel, std::int64_t more) {
        const std::int64_t strided = product(a.op, "output", size - 1, stride);
        if (strided > (MAX >> 1)) reject(a.op, ": output is too large");
        return strided - borders + dilation * (kernel - 1) + more + 1;
    };
    const std::int64_t height = grown(input[2], a.stride.h, a.padding.before.h + a.padding.after.h,
                                      a.dilation.h, weight[2], output_padding.h);
    const std::int64_t width = grown(input[3], a.stride.w, a.padding.before.w + a.padding.after.w,
                                     a.dilation.w, weight[3], output_padding.w);
    if (height < 1 || width < 1)
        reject(a.op, ": output would have size ", text(Pair{height, width}),
               "; padding must be smaller");
    const std::int64_t channels = product(a.op, "output", weight[1], a.groups);
    Conv2dArguments twin = a;
    twin.input = "output";
    return checked_conv2d({input[0], channels, height, width}, weight, twin);
}

Pool2dShape checked_pool2d(const Extents4& input, const Pool2dArguments& a) {
    checked_size(a.op, a.input, input);
    check_pixels(a.op, a.input, input);
    check_at_least(a.op, "kernel_size", a.kernel, 1);
    check_at_least(a.op, "stride", a.stride, 1);
    check_at_least(a.op, "padding", a.padding, 0);
    check_at_least(a.op, "dilation", a.dilation, 1);
    const Pair span{a.dilation.h * (a.kernel.h - 1) + 1, a.dilation.w * (a.kernel.w - 1) + 1};
    if (a.padding.h > a.kernel.h / 2 || a.padding.w > a.kernel.w / 2)
        reject(a.op, ": padding must be at most half the kernel size ", text(a.kernel), ", got ",
               text(a.padding));
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (a.kernel.h > most / a.kernel.w)
        reject(a.op, ": kernel_size must have at most 2^31 - 1 positions, got ", text(a.kernel));
    Pool2dShape s{};
    s.images = input[0];
    s.channels = input[1];
    s.height = input[2];
    s.width = input[3];
    s.kernel = a.kernel;
    s.stride = a.stride;
    s.padding = a.padding;
    s.dilation = a.dilation;
    s.count_include_pad = a.count_include_pad;
    s.out_height = slid(s.height, a.kernel.h, a.stride.h, a.padding.h, a.dilation.h, a.ceil_mode);
    s.out_width = slid(s.width, a.kernel.w, a.stride.w, a.padding.w, a.dilation.w, a.ceil_mode);
    if (s.out_height < 1 || s.out_width < 1)
        reject(a.op, ": the window ", text(span), " is larger than the padded input ",
               text(Pair{s.height + 2 * a.padding.h, s.width + 2 * a.padding.w}));
    checked_size(a.op, "output", output_extents(s));
    check_windows_touch(a.op, "height", s.height, a.kernel.h, a.stride.h, a.padding.h, a.dilation.h,
                        s.out_height);
    check_windows_touch(a.op, "width", s.width, a.kernel.w, a.stride.w, a.padding.w, a.dilation.w,
                        s.out_width);
    return s;
}

AdaptivePool2dShape checked_adaptive_pool2d(const char* op, const char* name, const Extents4& input,
                                            const Pair& output_size) {
    checked_size(op, name, input);
    check_pixels(op, name, input);
    check_at_least(op, "output_size", output_size, 1);
    const AdaptivePool2dShape s{input[0], input[1],      input[2],
                                input[3], output_size.h, output_size.w};
    checked_size(op, "output", output_extents(s));
    // Borders of windows are quotients of these.
    product(op, name, s.height + 1, s.out_height + 1);
    product(op, name, s.width + 1, s.out_width + 1);
    if (product(op, name, s.height, s.width) > std::numeric_limits<std::int32_t>::max())
        reject(op, ": ", name, " must have at most 2^31 - 1 pixels, got ",
               text(Pair{s.height, s.width}));
    return s;
}

Resize2dShape checked_resize2d(const Extents4& input, const Resize2dArguments& a) {
    checked_size(a.op, a.input, input);
    check_pixels(a.op, a.input, input);
    check_at_least(a.op, "size", a.size, 1);
    for (const double factor : {a.factor_h, a.factor_w})
        if (a.scaled && !(factor > 0 && std::isfinite(factor)))
            reject(a.op, ": scale_factor must be a positive number, got ", factor);
    const Resize2dShape s{input[0],
                          input[1],
                          input[2],
                          input[3],
                          a.size.h,
                          a.size.w,
                          a.bilinear,
                          a.align_corners,
                          a.scaled ? a.factor_h : 0.0,
                          a.scaled ? a.factor_w : 0.0};
    checked_size(a.op, "output", output_extents(s));
    return s;
}

GroupNormShape checked_group_norm(const char* op, const Extents4& x, std::int64_t groups) {
    check_pixels(op, "x", x);
    if (groups < 1) reject(op, ": num_groups must be at least 1, got ", groups);
    if (x[1] < 1 || x[1] % groups != 0)
        reject(op, ": num_groups must divide the ", x[1], " channels of x, got ", groups);
    return {x[0], x[2] * x[3], x[1], groups};
}

LayerNormShape checked_layer_norm(const char* op, std::span<const std::int64_t> x, int dims) {
    const auto rank = static_cast<int>(x.size());
    if (dims < 1 || dims > rank)
        reject(op, ": normalized_shape must have 1 to ", rank, " dimensions, got ", dims);
    LayerNormShape s{1, 1};
    for (int i = 0; i < rank; ++i)
        (i < rank - dims ? s.rows : s.features) *= x[static_cast<std::size_t>(i)];
    if (s.features < 1) reject(op, ": normalized_shape must have at least 1 element, got 0");
    return s;
}

PixelShuffleShape checked_pixel_shuffle(const char* op, const Extents4& x, std::int64_t factor) {
    check_factor(op, factor, std::max(x[2], x[3]));
    if (x[1] % (factor * factor) != 0)
        reject(op, ": channels of x must be a multiple of ", factor * factor, ", got ", x[1]);
    const PixelShuffleShape s{x[0], x[1] / (factor * factor), x[2], x[3], factor};
    checked_size(op, "y", output_extents(s));
    return s;
}

PixelShuffleShape checked_pixel_unshuffle(const char* op, const Extents4& y, std::int64_t factor) {
    check_factor(op, factor, y[1]);
    if (y[2] % factor != 0 || y[3] % factor != 0)
        reject(op, ": height and width of y must be multiples of ", factor, ", got ", y[2], " and ",
               y[3]);
    const PixelShuffleShape s{y[0], y[1], y[2] / factor, y[3] / factor, factor};
    checked_size(op, "x", input_extents(s));
    return s;
}

void check_parts(const char* op, const char* name, const std::vector<std::int64_t>& parts,
                 std::int64_t whole) {
    std::int64_t rest = whole;
    for (const std::int64_t part : parts) {
        if (part < 0 || part > rest)
            reject(op, ": ", name, " must add up to the ", whole, " ", name, " of x, got ", part,
                   " of ", rest, " left");
        rest -= part;
    }
    if (rest > 0)
        reject(op, ": ", name, " must add up to the ", whole, " ", name, " of x, got ",
               whole - rest);
}

LinearShape checked_linear(const char* op, std::int64_t rows, std::int64_t inputs,
                           std::int64_t weight_outputs, std::int64_t weight_inputs) {
    if (weight_outputs < 1 || weight_inputs < 1)
        reject(op, ": weight must have at least 1 element, got shape (", weight_outputs, ", ",
               weight_inputs, ")");
    if (inputs != weight_inputs)
        reject(op, ": weight takes ", weight_inputs, " features but x has ", inputs);
    checked_size(op, "x", {rows, inputs, 1, 1});
    checked_size(op, "output", {rows, weight_outputs, 1, 1});
    return {rows, inputs, weight_outputs};
}

}  // namespace convlet
