// The table: all that the outside sees of an instruction set.
#include "activation.hpp"
#include "adaptive_pool2d.hpp"
#include "boxes.hpp"
#include "channel_scale.hpp"
#include "conv2d.hpp"
#include "dropout.hpp"
#include "gradient_norm.hpp"
#include "joining.hpp"
#include "kernel_table.hpp"
#include "layer_norm.hpp"
#include "layout.hpp"
#include "linear.hpp"
#include "loss.hpp"
#include "norm.hpp"
#include "optim.hpp"
#include "pool2d.hpp"
#include "prelu.hpp"
#include "resize2d.hpp"
#include "roi_align.hpp"
#include "simd.hpp"

#define CONVLET_STRING_(x) #x
#define CONVLET_STRING(x) CONVLET_STRING_(x)

namespace convlet::CONVLET_ISA {

extern const KernelTable table;
constinit const KernelTable table{
    .name = CONVLET_STRING(CONVLET_ISA),
    .copy_plane = copy_plane,
    .sum_rows = sum_rows,
    .fingerprint = fingerprint,
    .panels = panels,
    .pack_weight = pack_weight,
    .strip_floats = strip_floats,
    .correlate = correlate,
    .few_channels_floats = few_channels_floats,
    .correlate_few = correlate_few,
    .depthwise = depthwise,
    .depthwise_spread = depthwise_spread,
    .depthwise_lane_blocks = depthwise_lane_blocks,
    .depthwise_partial_floats = depthwise_partial_floats,
    .depthwise_grad_weight = depthwise_grad_weight,
    .depthwise_reduce_weight = depthwise_reduce_weight,
    .winograd_tiles = winograd_tiles,
    .winograd_input_floats = winograd_input_floats,
    .winograd_floats = winograd_floats,
    .winograd_packed_floats = winograd_packed_floats,
    .winograd_pack = winograd_pack,
    .winograd_inputs = winograd_inputs,
    .winograd = winograd,
    .winograd_pixels = winograd_pixels,
    .grad_weight_floats = grad_weight_floats,
    .few_grad_weight_floats = few_grad_weight_floats,
    .few_grad_weight_start = few_grad_weight_start,
    .few_grad_weight = few_grad_weight,
    .few_grad_weight_finish = few_grad_weight_finish,
    .grad_weight = grad_weight,
    .winograd_gradient_floats = winograd_gradient_floats,
    .winograd_gradient = winograd_gradient,
    .reduce_weight = reduce_weight,
    .max_pool2d_forward = max_pool2d_forward,
    .max_pool2d_valid = max_pool2d_valid,
    .max_pool2d_grad = max_pool2d_grad,
    .avg_pool2d_forward = avg_pool2d_forward,
    .avg_pool2d_share = avg_pool2d_share,
    .avg_pool2d_grad = avg_pool2d_grad,
    .adaptive_max_pool2d_forward = adaptive_max_pool2d_forward,
    .adaptive_max_pool2d_valid = adaptive_max_pool2d_valid,
    .adaptive_max_pool2d_grad = adaptive_max_pool2d_grad,
    .adaptive_avg_pool2d_forward = adaptive_avg_pool2d_forward,
    .adaptive_avg_pool2d_grad = adaptive_avg_pool2d_grad,
    .add = add,
    .resize2d = resize2d,
    .relu = relu,
    .relu_grad = relu_grad,
    .unary = unary,
    .unary_grad = unary_grad,
    .channel_scale = channel_scale,
    .channel_scale_grad = channel_scale_grad,
    .prelu = prelu,
    .prelu_grad = prelu_grad,
    .softmax_cross_entropy = softmax_cross_entropy,
    .softmax_cross_entropy_grad = softmax_cross_entropy_grad,
    .binary_cross_entropy = binary_cross_entropy,
    .binary_cross_entropy_grad = binary_cross_entropy_grad,
    .sgd = sgd,
    .adam = adam,
    .sum_of_squares = sum_of_squares,
    .scale = scale,
    .lamb_moments = lamb_moments,
    .lamb_change = lamb_change,
    .rmsprop = rmsprop,
    .move_average = move_average,
    .philox = philox,
    .dropout = dropout,
    .dropout_grad = dropout_grad,
    .channel_moments = channel_moments,
    .pixel_moments = pixel_moments,
    .finish_moments = finish_moments,
    .join_moments = join_moments,
    .scale_shift = scale_shift,
    .norm_sums = norm_sums,
    .norm_grad = norm_grad,
    .layer_norm = layer_norm,
    .layer_norm_grad = layer_norm_grad,
    .small_product = small_product,
    .dot_products = dot_products,
    .box_overlaps = box_overlaps,
    .paired_overlaps = paired_overlaps,
    .paired_overlaps_grad = paired_overlaps_grad,
    .box_suppressed = box_suppressed,
    .roi_align = roi_align,
    .roi_align_grad = roi_align_grad,
};

}  // namespace convlet::CONVLET_ISA
