// Shapes of every operator as plain data, and the one validator that fills them.
//
// Letters for dimensions, the same in every file:
//   n image   c input channel   k output channel   h, w pixel   r, s tap   i, j output pixel   g
//   group
//
// A shape that exists is a valid one: checked_*() rejects everything else with
// std::invalid_argument, before anything is allocated or written, in 64-bit checked arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace convlet {

struct Pair {
    std::int64_t h, w;
};

// Zeros around an image: above it and to its left, below it and to its right.
struct Borders {
    Pair before, after;
};

using Extents4 = std::array<std::int64_t, 4>;

// y[n,k,i,j] = b[k] + sum over c,r,s of
//              w[k,c,r,s] * x[n, c, i*stride.h + r*dilation.h - padding.before.h, j*stride.w + ...]
struct Conv2dShape {
    std::int64_t images, channels, height, width;
    std::int64_t out_channels;
    Pair kernel, stride;
    Borders padding;
    Pair dilation;
    std::int64_t groups;
    std::int64_t out_height, out_width;               // filled by checked_conv2d(), never by hand
    std::int64_t group_channels, group_out_channels;  // channels of one group
};

struct Pool2dShape {
    std::int64_t images, channels, height, width;
    Pair kernel, stride, padding, dilation;
    bool count_include_pad;
    std::int64_t out_height, out_width;  // filled by checked_pool2d(), never by hand
};

struct AdaptivePool2dShape {
    std::int64_t images, channels, height, width;
    std::int64_t out_height, out_width;
};

struct Resize2dShape {
    std::int64_t images, channels, height, width;
    std::int64_t out_height, out_width;
    bool bilinear, align_corners;
    double factor_h, factor_w;  // between coordinates, or 0 for that of the sizes
};

struct GroupNormShape {
    std::int64_t images, pixels, channels, groups;
};

struct LayerNormShape {
    std::int64_t rows, features;
};

// y[n, c, h*factor + i, w*factor + j] = x[n, (c*factor + i)*factor + j, h, w]
struct PixelShuffleShape {
    std::int64_t images, channels, height, width;  // channels of y, pixels of x
    std::int64_t factor;
};

struct LinearShape {
    std::int64_t rows, inputs, outputs;
};

// What a user said of a convolution, before it is known to make sense.
struct Conv2dArguments {
    const char* op;
    Pair stride;
    Borders padding;
    Pair dilation;
    std::int64_t groups;
    const char* input = "x";  // the argument that tells the input's shape
};

struct Pool2dArguments {
    const char* op;
    Pair kernel, stride, padding, dilation;
    bool ceil_mode, count_include_pad;
    const char* input = "x";
};

struct Resize2dArguments {
    const char* op;
    Pair size;
    bool bilinear, align_corners;
    bool scaled;  // whether factors were given
    double factor_h, factor_w;
    const char* input = "x";
};

// Parts of at least 0 that add up to the whole, which is `name` of x too.
void check_parts(const char* op, const char* name, const std::vector<std::int64_t>& parts,
                 std::int64_t whole);

Conv2dShape checked_conv2d(const Extents4& input, const Extents4& weight,
                           const Conv2dArguments& arguments);
// Whether what a convolution gives can be normalised by its own moments.
void check_batch_of_norm(const Conv2dShape& shape);
// The convolution whose gradient of the input a transposed convolution is: its output has the
// extents of `input`, its input those of the transposed convolution's output.
Conv2dShape checked_conv_transpose2d(const Extents4& input, const Extents4& weight,
                                     const Conv2dArguments& arguments, const Pair& output_padding);
Pool2dShape checked_pool2d(const Extents4& input, const Pool2dArguments& arguments);
AdaptivePool2dShape checked_adaptive_pool2d(const char* op, const char* name, const Extents4& input,
                                            const Pair& output_size);
// By the extents of x, and of y.
PixelShuffleShape checked_pixel_shuffle(const char* op, const Extents4& x, std::int64_t factor);
PixelShuffleShape checked_pixel_unshuffle(const char* op, const Extents4& y, std::int64_t factor);
Resize2dShape checked_resize2d(const Extents4& input, const Resize2dArguments& arguments);
GroupNormShape checked_group_norm(const char* op, const Extents4& x, std::int64_t groups);
// The last `dims` dimensions are the features.
LayerNormShape checked_layer_norm(const char* op, std::span<const std::int64_t> x, int dims);
LinearShape checked_linear(const char* op, std::int64_t rows, std::int64_t inputs,
                           std::int64_t weight_outputs, std::int64_t weight_inputs);

// Whether an array has the extents that an operator's shape asks for; `name` is the argument.
void check_extents(const char* op, const char* name, const Extents4& got, const Extents4& wanted);
void check_extent(const char* op, const char* name, std::int64_t got, std::int64_t wanted);

// Bytes of a float32 array of these extents, or std::invalid_argument where 64 bits overflow.
std::int64_t checked_size(const char* op, const char* name, const Extents4& extents);

inline bool has_border(const Borders& b) {
    return b.before.h != 0 || b.before.w != 0 || b.after.h != 0 || b.after.w != 0;
}

inline Extents4 input_extents(const Conv2dShape& s) {
    return {s.images, s.channels, s.height, s.width};
}
inline Extents4 output_extents(const Conv2dShape& s) {
    return {s.images, s.out_channels, s.out_height, s.out_width};
}
inline Extents4 weight_extents(const Conv2dShape& s) {
    return {s.out_channels, s.group_channels, s.kernel.h, s.kernel.w};
}
inline Extents4 input_extents(const Pool2dShape& s) {
    return {s.images, s.channels, s.height, s.width};
}
inline Extents4 output_extents(const Pool2dShape& s) {
    return {s.images, s.channels, s.out_height, s.out_width};
}
inline Extents4 input_extents(const AdaptivePool2dShape& s) {
    return {s.images, s.channels, s.height, s.width};
}
inline Extents4 output_extents(const AdaptivePool2dShape& s) {
    return {s.images, s.channels, s.out_height, s.out_width};
}
inline Extents4 input_extents(const PixelShuffleShape& s) {
    return {s.images, s.channels * s.factor * s.factor, s.height, s.width};
}
inline Extents4 output_extents(const PixelShuffleShape& s) {
    return {s.images, s.channels, s.height * s.factor, s.width * s.factor};
}
inline Extents4 output_extents(const Resize2dShape& s) {
    return {s.images, s.channels, s.out_height, s.out_width};
}

}  // namespace convlet
