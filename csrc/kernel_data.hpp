// What csrc/<op>.cpp hands to the kernels: plain data.
//
// Everything here is compiled under every instruction set, so it has no member functions, no
// initialisers that run, and no std:: templates (an inline function compiled for AVX-512 could be
// picked by the linker for an older processor).
#pragma once

#include <cstdint>

namespace convlet {

// What may follow a sum before it is written.
enum class Activation : std::int32_t { none, relu, relu6, silu, hardswish };

// How the lanes of an instruction set cut a matrix with `columns` columns into panels: panel p has
// a width that is one of the register tile's, the last ones narrower, padded with zeros.
struct Panels {
    std::int64_t columns;
    std::int64_t wide;        // columns of a wide panel
    std::int64_t wide_count;  // panels of that width
    std::int64_t rest;        // padded width of the last panel, or 0
};

// A run of the dot product that is contiguous in the input: `depth` floats at `offset`.
struct Step {
    std::int64_t offset, depth;
};

// What becomes of a complete sum: activation(sum * scale + bias + residual). Pointers may be null;
// scale and bias have a number per column, residual lies as the output does.
struct Epilogue {
    const float *scale, *bias, *residual;
    Activation activation;
};

// Taps [first, last) of a row.
struct TapRange {
    std::int64_t first, last;
};

// One correlation: what forward, and each phase of the gradient of the input, compute.
//
//   y[n, i, j, k] = sum over r, s, c of
//                   x[n, i*step_h + r*dilation_h + origin_h, j*step_w + ..., c] * b[r, s, c, k]
//
// or, depthwise, x[…, k] * b[r, s, k]: each output channel reads the input channel of its number.
// x is NHWC with `x_pixel` floats between pixels, of which `channels` starting at x are used;
// pixels outside the image count as zero.
struct Correlation {
    const float* x;
    std::int64_t images, height, width, channels, x_pixel;
    std::int64_t kernel_h, kernel_w, step_h, step_w, dilation_h, dilation_w, origin_h, origin_w;
    float* y;
    std::int64_t out_height, out_width, out_channels;
    std::int64_t y_image, y_row, y_pixel;  // floats between images, rows, pixels
    const float* packed;                   // weights in panels, see pack_weight,
    std::int64_t packed_step;              // or, not 0, rows of all columns so far apart
    Panels panels;
    Epilogue epilogue;
    bool depthwise;  // `channels` is then 1
    bool spread;     // y[n, h, w, k] = sum over i, j of x[n, i, j, k] * b[r, s, k] instead, where
                     // h = i*step_h + r + origin_h and w likewise: depthwise_spread() only
    // Of a gradient, whose pixels outside of the image nobody asked for: those products need not be
    // made, and are not NaN where a weight is infinite.
    bool outside_unwanted;
    // Where the output channels are those of two neighbouring pixels of a gradient (correlate_few):
    // which taps of a row each half of them has. All zeros stand for one pixel.
    TapRange halves[2];
};

constexpr int MOST_FEW = 8;      // output channels of correlate_few(),
constexpr int FEW_SUMMED = 6;    // and of few_grad_weight()
constexpr int TILE_PIXELS = 16;  // at most, that one of Winograd's tiles writes

// The pixels of one task: rows [i0, i1) and columns [j0, j1) of image n.
struct PixelBlock {
    std::int64_t image, i0, i1, j0, j1;
};

// Packs w into panels: packed[panel][tap][depth][lane]; tap t reads w + taps[t].
struct WeightPacking {
    const float* weight;
    std::int64_t depth, depth_stride, lane_stride, tap_count;
    const std::int64_t* taps;
    Panels panels;
    float* packed;
};

// A kernel of any size, step and dilation as Winograd takes it: in pieces of at most points - 3
// taps a side, whose products for a tile of 4x4 outputs are summed before they are transformed
// back.
constexpr int MOST_PIECES = 16;
struct WinogradPiece {
    std::int64_t first_row, first_column;  // its first tap
    int rows, columns;                     // its taps
};
struct WinogradKernel {
    int points;                        // of a side of a transformed tile: 6, or 5
    std::int64_t in_h, in_w;           // pixels of x from one input of a tile to the next,
    std::int64_t out_h, out_w;         // of y from one output to the next,
    std::int64_t tap_h, tap_w;         // and taps of the kernel from one of a piece to the next
    std::int64_t kernel_w, tap_count;  // of the kernel
    // Pieces that fill their rows but not their columns, then those that fill both, then columns
    // only, then neither: those with products at infinity are neighbours.
    std::int64_t count, first_of_columns, last_of_rows, last_of_columns;
    WinogradPiece pieces[MOST_PIECES];
};

// Gradient of the weight: dw[(r, s, c), k] += sum over pixels of x[pixel + tap, c] * dy[pixel, k].
struct WeightGradient {
    Correlation geometry;  // x, its geometry and the extents of dy; y, packed and bias unused
    const float* dy;       // NHWC, geometry.y_pixel floats between pixels
    const float* dy_end;   // of the array: reads past a pixel's channels must end before it
};

// Blocks [first, last) of the channels, of a register of lanes each.
struct LaneBlocks {
    std::int64_t first, last;
};

// Where sums go: panel p's start at to + p * panel, `rows_before` of its rows belong to others.
// Rows are `step` floats apart, or 0 for the panel's width. They hold what came before if `resume`.
struct WeightSums {
    float* to;
    std::int64_t panel, rows_before, step;
    bool resume;
};

// y[row, k] = activation(x[row] . weight[k] + bias[k]), weights read where they lie.
struct DotProducts {
    const float *x, *weight, *bias;  // bias may be null
    float* y;
    std::int64_t inputs, outputs;  // inputs: a register of them at least
    Activation activation;
};
struct DotBlock {  // of y
    std::int64_t first_row, last_row, first_column, last_column;
};

// c[i, j] = sum over d of a[i * a_row + d * a_step] * b[d * b_step + j], c contiguous.
struct SmallProduct {
    const float* a;
    std::int64_t a_row, a_step;
    const float* b;
    std::int64_t b_step;
    float* c;
    std::int64_t rows, columns, depth;
};

// The same by Winograd.
struct WinogradGradient {
    WeightGradient gradient;
    WinogradKernel kernel;
};

// What of it a task makes: sums over some tiles, of some rows (pieces of the kernel, and their
// channels) and panels.
struct WinogradPart {
    std::int64_t first_tile, last_tile;
    std::int64_t first_row, last_row;
    std::int64_t first_panel, last_panel;
};

// Where the sums of a part go: to the weight's gradient; or, where that is null because shares or
// pieces are put together afterwards, to partial[panel][tap][channel][lane].
struct WinogradTarget {
    float *partial, *weight;
};

// Adds the partial sums in their order and turns panels[(tap, row), lane] into weight, whose
// elements are lane * lane_stride + row * row_stride + tap; the row stride is the number of taps
// unless lanes lie together.
struct WeightReduction {
    const float* partials;
    std::int64_t partial_count, partial_size;
    std::int64_t rows, tap_count;
    Panels panels;
    float* weight;
    std::int64_t lane_stride, row_stride;
};

// Two axes of an array with byte strides; columns are neighbours in the copy, whose rows are
// `to_row` floats apart.
struct StridedPlane {
    std::int64_t rows, columns, row_stride, column_stride, to_row;
};

// The geometry of a pooling, as checked_pool2d() found it. Arrays are NHWC; the indices of max
// pooling are positions r*kernel_w + s: uint8, or int32 where a window has more than 256 of them.
struct Pooling {
    std::int64_t images, channels, height, width;
    std::int64_t kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w;
    std::int64_t dilation_h, dilation_w, out_height, out_width;
    bool count_include_pad;
};

// Windows of one image, and the channels [c0, c1): all, or at least 64 of them.
struct PoolTask {
    PixelBlock block;
    std::int64_t c0, c1;
};

// Window i of an axis of `size` pixels cut into `out`: pixels [floor(i size / out),
// ceil((i + 1) size / out)). The indices of max pooling are pixels h*width + w.
struct AdaptivePooling {
    std::int64_t images, channels, height, width, out_height, out_width;
};

// How much two boxes (x1, y1, x2, y2) overlap, by one of four measures.
enum class Overlap : std::int32_t { iou, giou, diou, ciou };

// Boxes in rows of four floats. Angles are atan(width / height), and only read for ciou; `eps` is
// added to denominators.
struct BoxPairs {
    const float *a, *b, *a_angle, *b_angle;
    std::int64_t b_count;
    Overlap kind;
    float eps;
};

// Boxes that are kept: five rows of `room` floats, x1, y1, x2, y2 and the area.
struct KeptBoxes {
    const float* rows;
    std::int64_t room, count;
};

// A region of an image in its pixels: the corner of its first bin, and how many points sample a
// bin.
struct Region {
    std::int64_t image;
    float top, left, bin_height, bin_width;
    std::int64_t grid_height, grid_width;
};

struct RoiAlign {
    std::int64_t channels, height, width, out_height, out_width;
};

// One axis of a resize: target t is the sum of weight[k] * source pixel (first[t] + k - offset[t])
// over k in [offset[t], offset[t + 1]).
struct ResizeAxis {
    const std::int64_t *first, *offset;
    const float* weight;
};

// Images of height x width pixels are made from images of another size, axis by axis.
struct Resize {
    std::int64_t images, channels, from_height, from_width, height, width;
    ResizeAxis rows, columns;
};

// Element-wise functions beside ReLU. Their gradients read the output where `from_output` of
// csrc/activation.hpp says so, else the input.
enum class Unary : std::int32_t {
    relu6,
    leaky_relu,
    sigmoid,
    silu,
    hardsigmoid,
    hardswish,
    tanh,
    elu,
    gelu,
    gelu_tanh,
    softplus,
    mish
};

// Softmax cross-entropy of rows of logits. `weight` has a number per class, or is null; rows
// labelled `ignored` count as nothing; `smoothing` is the share of the target that all classes have
// alike.
struct CrossEntropy {
    std::int64_t classes, ignored;
    const float* weight;
    float smoothing;
};

// torch.optim.SGD's rule; no velocity is kept where momentum is 0.
struct SgdRule {
    float lr, momentum, dampening, weight_decay;
    bool nesterov, first;
    float scale;  // of the gradient: -1 climbs, LARS's ratio
};

// Adam's (Kingma and Ba 2015) or AdamW's (Loshchilov and Hutter 2019) rule at one step.
struct AdamRule {
    float to_mean, to_variance, beta2;  // 1 - beta1, 1 - beta2, beta2
    float coupled_decay;                // added to the gradient (Adam)
    float shrink;                       // of the parameter beforehand (AdamW), else 1
    float step, root, eps;              // lr / (1 - beta1^t), sqrt(1 - beta2^t)
    float scale;                        // of the gradient: -1 climbs
};

// LAMB's rule (You et al. 2020) at one step: Adam's change and decay, before each tensor's ratio.
struct LambRule {
    float to_mean, to_variance, beta2;  // 1 - beta1, 1 - beta2, beta2
    float mean_share, root, eps;        // 1 - beta1^t, sqrt(1 - beta2^t)
    float weight_decay, scale;          // of the gradient: -1 climbs
};

// torch.optim.RMSprop's rule; a mean is kept where it is centred, a buffer where it has momentum.
struct RmspropRule {
    float lr, alpha, eps, weight_decay, momentum;
    float scale;  // of the gradient: -1 climbs
};

// A place in the numbers of Philox 4x32-10: a key and a 128-bit counter, which serves 4 numbers.
struct PhiloxStream {
    std::uint64_t key, low, high;
};

// An element is kept where its number is at least `threshold`, and then multiplied by `scale`;
// a scale of 0 stands for keeping none.
struct DropoutRule {
    PhiloxStream stream;
    std::uint32_t threshold;
    float scale;
};

// y = activation(x * scale + shift + residual), rows of channels; residual may be null.
struct NormApply {
    const float *x, *residual, *scale, *shift;
    float* y;
    std::int64_t channels;
    Activation activation;
};

// Sums over a block of pixels, of which the channels lie at pixels[0 … count): `channels` numbers
// each of sums += x - shift and squares += (x - shift)^2. The first pixels of a block set the
// shift.
struct PixelMoments {
    const float* const* pixels;
    std::int64_t count, channels;
    float *shift, *sums, *squares;
    bool first;
};

// Means and sums of squared differences from them, [set][channel], and how many numbers each set
// has.
struct MomentSets {
    const double* sizes;
    std::int64_t count, channels;
    const float *means, *squares;
};

// Where an activation let dy pass: y tells, or scale and shift, which make y of x, or, if all are
// null, nothing was cut.
struct NormCut {
    const float *y, *scale, *shift;
    Activation activation;  // none, relu or relu6
};

// Sums by channel of dz and dz * (x - mean), where dz is what passes of dy.
struct NormSums {
    const float *dy, *x, *mean;
    NormCut cut;
    float *sum, *product;
    std::int64_t channels;
};

// dx = of_dz * dz + of_x * x + constant; dz itself is written where it is asked for.
struct NormGrad {
    const float *dy, *x, *of_dz, *of_x, *constant;
    NormCut cut;
    float *dx, *dz;
    std::int64_t channels;
};

// Rows of features, each normalised by its own moments; the mean and 1 / sqrt(variance + eps) of
// each row are written beside y.
struct LayerNorm {
    const float *x, *weight, *bias;
    float *y, *mean, *inverse;
    std::int64_t features;
    double eps;
};
struct LayerNormGrad {
    const float *dy, *x, *mean, *inverse, *weight;
    float *dx, *dweight, *dbias;
    std::int64_t features;
};

}  // namespace convlet
