// What csrc/<op>.cpp asks of the kernels: one table of functions.
#pragma once

#include "kernel_data.hpp"

namespace convlet {

struct KernelTable {
    const char* name;

    void (*copy_plane)(const StridedPlane&, const char* from, float* to);
    void (*sum_rows)(const float* x, std::int64_t rows, std::int64_t channels, float* sums);
    std::uint64_t (*fingerprint)(const float* x, std::int64_t count);

    Panels (*panels)(std::int64_t columns, bool whole_registers);
    void (*pack_weight)(const WeightPacking&, std::int64_t panel);
    std::int64_t (*strip_floats)(const Correlation&, const PixelBlock& largest);
    void (*correlate)(const Correlation&, const PixelBlock&, std::int64_t first_panel,
                      std::int64_t last_panel, float* strip);
    // For at most MOST_FEW output channels: lanes are pixels, the strip has a plane per channel.
    std::int64_t (*few_channels_floats)(const Correlation&, const PixelBlock& largest);
    void (*correlate_few)(const Correlation&, const PixelBlock&, float* strip);
    void (*depthwise)(const Correlation&, const PixelBlock&);
    void (*depthwise_spread)(const Correlation&, const PixelBlock&);
    std::int64_t (*depthwise_lane_blocks)(std::int64_t channels);
    std::int64_t (*depthwise_partial_floats)(const Correlation&);
    // Rows [first_row, last_row) of dy, counted through all images.
    void (*depthwise_grad_weight)(const WeightGradient&, const LaneBlocks&, std::int64_t first_row,
                                  std::int64_t last_row, float* partial);
    void (*depthwise_reduce_weight)(const Correlation&, const float* partials, std::int64_t count,
                                    std::int64_t lane_block, float* dw);
    std::int64_t (*winograd_tiles)(const Correlation&, const WinogradKernel&);
    std::int64_t (*winograd_input_floats)(const Correlation&, const WinogradKernel&,
                                          std::int64_t tiles);
    std::int64_t (*winograd_floats)(const WinogradKernel&, std::int64_t tiles,
                                    std::int64_t unpacked);
    std::int64_t (*winograd_packed_floats)(const WinogradKernel&, const WeightPacking&);
    void (*winograd_pack)(const WinogradKernel&, const WeightPacking&, std::int64_t panel);
    // Tiles [from, to) of a block of `tiles` tiles that starts at first_tile.
    void (*winograd_inputs)(const Correlation&, const WinogradKernel&, std::int64_t run,
                            std::int64_t first_tile, std::int64_t tiles, std::int64_t from,
                            std::int64_t to, const float* zeros, float* inputs);
    // `unpacked` where the weights were not packed ahead, else null. Sums are made in runs of so
    // many input channels; only one longer than a piece goes on into the next.
    void (*winograd)(const Correlation&, const WinogradKernel&, const WeightPacking* unpacked,
                     std::int64_t run, std::int64_t first_tile, std::int64_t tiles,
                     const float* inputs, std::int64_t first_panel, std::int64_t last_panel,
                     float* scratch);
    // Where the tiles write, from channel `channel` on; returns how many pixels these are.
    std::int64_t (*winograd_pixels)(const Correlation&, const WinogradKernel&, std::int64_t channel,
                                    std::int64_t first_tile, std::int64_t tiles,
                                    const float** pixels);
    std::int64_t (*grad_weight_floats)(const Correlation&, const PixelBlock& largest);
    // By few output channels: lanes of sums, in the first floats of the scratch memory, are
    // cleared, added to by blocks, and added up.
    std::int64_t (*few_grad_weight_floats)(const Correlation&, const PixelBlock& largest);
    void (*few_grad_weight_start)(const Correlation&, float* scratch);
    void (*few_grad_weight)(const WeightGradient&, const PixelBlock&, float* scratch);
    void (*few_grad_weight_finish)(const Correlation&, const float* scratch, const WeightSums&);
    void (*grad_weight)(const WeightGradient&, const PixelBlock&, std::int64_t first_row,
                        std::int64_t last_row, std::int64_t first_panel, std::int64_t last_panel,
                        float* scratch, const WeightSums& sums);
    std::int64_t (*winograd_gradient_floats)(const WinogradGradient&, const WinogradPart&);
    void (*winograd_gradient)(const WinogradGradient&, const WinogradPart&, const float* zeros,
                              float* scratch, const WinogradTarget&);
    void (*reduce_weight)(const WeightReduction&, std::int64_t panel, std::int64_t first_row,
                          std::int64_t last_row);

    void (*max_pool2d_forward)(const Pooling&, const PoolTask&, const float* x, float* y,
                               void* indices);
    bool (*max_pool2d_valid)(const Pooling&, const PixelBlock& windows, const void* indices);
    void (*max_pool2d_grad)(const Pooling&, const PixelBlock& pixels, const float* dy,
                            const void* indices, float* dx);
    void (*avg_pool2d_forward)(const Pooling&, const PoolTask&, const float* x, float* y);
    // shares = dy / divisor; dx = sum of the shares of a pixel's windows * scale.
    void (*avg_pool2d_share)(const Pooling&, const PixelBlock& windows, const float* dy,
                             float* shares);
    void (*avg_pool2d_grad)(const Pooling&, const PixelBlock& pixels, const float* shares,
                            float scale, float* dx);

    void (*adaptive_max_pool2d_forward)(const AdaptivePooling&, const PoolTask&, const float* x,
                                        float* y, std::int32_t* indices);
    bool (*adaptive_max_pool2d_valid)(const AdaptivePooling&, const PixelBlock& windows,
                                      const std::int32_t* indices);
    void (*adaptive_max_pool2d_grad)(const AdaptivePooling&, const PixelBlock& pixels,
                                     const float* dy, const std::int32_t* indices, float* dx);
    void (*adaptive_avg_pool2d_forward)(const AdaptivePooling&, const PoolTask&, const float* x,
                                        float* y);
    void (*adaptive_avg_pool2d_grad)(const AdaptivePooling&, const PixelBlock& pixels,
                                     const float* dy, float* dx);

    void (*add)(const float* a, const float* b, std::int64_t count, float* y);
    void (*resize2d)(const Resize&, const PixelBlock& pixels, const float* from, float* to);

    void (*relu)(const float* x, std::int64_t count, float* y);
    void (*relu_grad)(const float* dy, const float* y, std::int64_t count, float* dx);
    void (*unary)(Unary, float parameter, const float* x, std::int64_t count, float* y);
    void (*unary_grad)(Unary, float parameter, const float* dy, const float* saved,
                       std::int64_t count, float* dx);
    void (*channel_scale)(const float* x, const float* scale, std::int64_t pixels,
                          std::int64_t channels, float* y);
    void (*channel_scale_grad)(const float* dy, const float* x, const float* scale,
                               std::int64_t pixels, std::int64_t channels, float* dx,
                               float* dscale);
    void (*prelu)(const float* x, const float* weight, std::int64_t rows, std::int64_t width,
                  float* y);
    void (*prelu_grad)(const float* dy, const float* x, const float* weight, std::int64_t rows,
                       std::int64_t width, float* dx, float* dweight);
    void (*softmax_cross_entropy)(const CrossEntropy&, const float* logits,
                                  const std::int64_t* labels, std::int64_t rows, float* losses,
                                  float* probabilities);
    void (*softmax_cross_entropy_grad)(const CrossEntropy&, const float* probabilities,
                                       const std::int64_t* labels, const float* dlosses,
                                       std::int64_t rows, float* dlogits);
    void (*binary_cross_entropy)(const float* logits, const float* targets, std::int64_t count,
                                 float pos_weight, float* losses);
    void (*binary_cross_entropy_grad)(const float* dlosses, const float* logits,
                                      const float* targets, std::int64_t count, float pos_weight,
                                      float* dlogits);
    void (*sgd)(const SgdRule&, float* parameter, const float* gradient, float* velocity,
                std::int64_t count);
    void (*adam)(const AdamRule&, float* parameter, const float* gradient, float* mean,
                 float* variance, float* largest, std::int64_t count);
    double (*sum_of_squares)(const float* x, std::int64_t count);
    void (*scale)(float* x, std::int64_t count, float factor);
    void (*lamb_moments)(const LambRule&, const float* parameter, const float* gradient,
                         float* mean, float* variance, std::int64_t count, float* squares);
    void (*lamb_change)(const LambRule&, float rate, float* parameter, const float* mean,
                        const float* variance, std::int64_t count);
    void (*rmsprop)(const RmspropRule&, float* parameter, const float* gradient, float* square,
                    float* mean, float* buffer, std::int64_t count);
    void (*move_average)(float weight, const float* value, float* average, std::int64_t count);
    void (*philox)(const PhiloxStream&, std::int64_t count, std::uint32_t* out);
    void (*dropout)(const DropoutRule&, const float* x, std::int64_t count, float* y,
                    std::uint8_t* mask);
    void (*dropout_grad)(const float* dy, const std::uint8_t* mask, std::int64_t count, float scale,
                         float* dx);

    void (*channel_moments)(const float* x, std::int64_t rows, std::int64_t channels, float* mean,
                            float* squares);
    void (*pixel_moments)(const PixelMoments&);
    // From the sums of `count` pixels the mean, in place of the shift, and the squared differences.
    void (*finish_moments)(const PixelMoments&, std::int64_t count);
    // Mean and variance of all sets together, of channels [first, last).
    void (*join_moments)(const MomentSets&, std::int64_t first, std::int64_t last, float* mean,
                         float* variance);
    void (*scale_shift)(const NormApply&, std::int64_t rows);
    void (*norm_sums)(const NormSums&, std::int64_t rows);
    void (*norm_grad)(const NormGrad&, std::int64_t rows);
    void (*layer_norm)(const LayerNorm&, std::int64_t rows);
    void (*layer_norm_grad)(const LayerNormGrad&, std::int64_t rows);
    void (*small_product)(const SmallProduct&);
    void (*dot_products)(const DotProducts&, const DotBlock&);

    // Rows [first, last) of `a`, each with every box of `b`.
    void (*box_overlaps)(const BoxPairs&, std::int64_t first, std::int64_t last, float* out);
    // Rows [first, last) of `a` with the rows of the same number of `b`, and the gradient by `a`.
    void (*paired_overlaps)(const BoxPairs&, std::int64_t first, std::int64_t last, float* out);
    void (*paired_overlaps_grad)(const BoxPairs&, std::int64_t first, std::int64_t last,
                                 const float* dy, float* da);
    // Whether a kept box overlaps this one by more than the threshold.
    bool (*box_suppressed)(const KeptBoxes&, const float* box, float threshold);

    void (*roi_align)(const RoiAlign&, const Region&, const float* x, float* y);
    // Adds to channels [first, last) of dx what the regions, all of one image, gave.
    void (*roi_align_grad)(const RoiAlign&, const Region* regions, const std::int64_t* numbers,
                           std::int64_t count, const float* dy, std::int64_t first,
                           std::int64_t last, float* dx);
};

}  // namespace convlet
