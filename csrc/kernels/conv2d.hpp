// The kernels of conv2d.cpp and conv2d_grad_weight.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

Panels panels(std::int64_t columns, bool whole_registers);
void pack_weight(const WeightPacking& packing, std::int64_t panel);
std::int64_t strip_floats(const Correlation& geometry, const PixelBlock& largest);
void correlate(const Correlation& geometry, const PixelBlock& block, std::int64_t first_panel,
               std::int64_t last_panel, float* strip);
std::int64_t few_channels_floats(const Correlation& geometry, const PixelBlock& largest);
void correlate_few(const Correlation& geometry, const PixelBlock& block, float* strip);
void depthwise(const Correlation& geometry, const PixelBlock& block);
void depthwise_spread(const Correlation& geometry, const PixelBlock& block);
std::int64_t depthwise_lane_blocks(std::int64_t channels);
std::int64_t depthwise_partial_floats(const Correlation& geometry);
void depthwise_grad_weight(const WeightGradient& gradient, const LaneBlocks& blocks,
                           std::int64_t first_row, std::int64_t last_row, float* partial);
void depthwise_reduce_weight(const Correlation& geometry, const float* partials, std::int64_t count,
                             std::int64_t lane_block, float* dw);
std::int64_t winograd_tiles(const Correlation& geometry, const WinogradKernel& kernel);
std::int64_t winograd_input_floats(const Correlation& geometry, const WinogradKernel& kernel,
                                   std::int64_t tiles);
std::int64_t winograd_floats(const WinogradKernel& kernel, std::int64_t tiles,
                             std::int64_t unpacked);
std::int64_t winograd_packed_floats(const WinogradKernel& kernel, const WeightPacking& packing);
void winograd_pack(const WinogradKernel& kernel, const WeightPacking& packing, std::int64_t panel);
void winograd_inputs(const Correlation& geometry, const WinogradKernel& kernel, std::int64_t run,
                     std::int64_t first_tile, std::int64_t tiles, std::int64_t from,
                     std::int64_t to, const float* zeros, float* inputs);
void winograd(const Correlation& geometry, const WinogradKernel& kernel,
              const WeightPacking* unpacked, std::int64_t run, std::int64_t first_tile,
              std::int64_t tiles, const float* inputs, std::int64_t first_panel,
              std::int64_t last_panel, float* scratch);
std::int64_t winograd_pixels(const Correlation& geometry, const WinogradKernel& kernel,
                             std::int64_t channel, std::int64_t first_tile, std::int64_t tiles,
                             const float** pixels);
std::int64_t grad_weight_floats(const Correlation& geometry, const PixelBlock& largest);
std::int64_t few_grad_weight_floats(const Correlation& geometry, const PixelBlock& largest);
void few_grad_weight_start(const Correlation& geometry, float* scratch);
void few_grad_weight(const WeightGradient& gradient, const PixelBlock& block, float* scratch);
void few_grad_weight_finish(const Correlation& geometry, const float* scratch,
                            const WeightSums& sums);
void grad_weight(const WeightGradient& gradient, const PixelBlock& block, std::int64_t first_row,
                 std::int64_t last_row, std::int64_t first_panel, std::int64_t last_panel,
                 float* scratch, const WeightSums& sums);
std::int64_t winograd_gradient_floats(const WinogradGradient& gradient, const WinogradPart& part);
void winograd_gradient(const WinogradGradient& gradient, const WinogradPart& part,
                       const float* zeros, float* scratch, const WinogradTarget& target);
void reduce_weight(const WeightReduction& reduction, std::int64_t panel, std::int64_t first_row,
                   std::int64_t last_row);

}  // namespace convlet::CONVLET_ISA
