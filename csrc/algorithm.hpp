// Which algorithm computes a correlation: by its shape alone.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

enum class Algorithm : std::int32_t { direct, few_channels, winograd, depthwise, depthwise_spread };

// Of the correlation, or of the gradient of its weight, which does not pack weights.
// docs/kernels.md tells the rule and the reasons.
Algorithm algorithm_for(const Correlation& geometry, bool of_weight = false);

// Winograd's sums differ from direct ones by a few rounding errors; exact convolution forgoes it.
void use_exact_conv(bool exact);
bool exact_conv();

}  // namespace convlet
