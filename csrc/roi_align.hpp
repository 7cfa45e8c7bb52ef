// Regions of (N, H, W, C) images, brought to one size by averages of bilinear values.
#pragma once

#include <vector>

#include "kernel_table.hpp"
#include "shape.hpp"

namespace convlet {

// How regions (image, x1, y1, x2, y2) are read: see checked_regions.
struct RoiAlignArguments {
    const char* op;
    Pair output_size;
    double spatial_scale;
    std::int64_t sampling_ratio;  // points per bin and axis; 0 or less: by the size of a bin
    bool aligned;                 // pixels have their centres at a half
};

// Checks and scales `count` regions for images of these extents; std::invalid_argument names the
// first that is wrong.
std::vector<Region> checked_regions(const Extents4& input, const float* rois, std::int64_t count,
                                    const RoiAlignArguments& arguments);

void roi_align_forward(const Extents4& input, const std::vector<Region>& regions,
                       const Pair& output_size, const float* x, float* y);
void roi_align_grad(const Extents4& input, const std::vector<Region>& regions,
                    const Pair& output_size, const float* dy, float* dx);

}  // namespace convlet
