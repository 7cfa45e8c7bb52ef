// Two-dimensional convolution and its gradients: chooses the algorithm, cuts the work, calls the
// kernels. Arrays are NHWC, weights (K, C/groups, R, S) as users hold them.
#pragma once

#include <vector>

#include "correlation.hpp"
#include "packed_weight.hpp"
#include "shape.hpp"

namespace convlet {

// Where `kept` is given, the packed weight is taken from there, and put there if it changed. Where
// `mean` and `variance` are, they get each channel's of y, as batch_moments() has them of a y with
// at least one pixel.
void conv2d_forward(const Conv2dShape& shape, const float* x, const float* weight,
                    const Epilogue& epilogue, float* y, Keeping kept = {}, float* mean = nullptr,
                    float* variance = nullptr);
// With a bias (one number per channel of dx, or null) it is a transposed convolution.
void conv2d_grad_input(const Conv2dShape& shape, const float* dy, const float* weight,
                       const float* bias, float* dx);
void conv2d_grad_weight(const Conv2dShape& shape, const float* dy, const float* x, float* dw);

// Whether each channel has a filter of its own; all channels are then one correlation, not groups.
bool is_depthwise(const Conv2dShape& shape);

// x -> y of the first group: what forward and the gradient of the weight have in common.
Correlation forward_geometry(const Conv2dShape& shape);

// The plan of a group, which reads the offsets of its taps as long as it lives; where x and y are,
// its caller says.
std::vector<std::int64_t> forward_taps(const Conv2dShape& shape);
Plan forward_plan(const Conv2dShape& shape, const float* weight, const Epilogue& epilogue,
                  const std::vector<std::int64_t>& taps, std::int64_t group = 0);

}  // namespace convlet
