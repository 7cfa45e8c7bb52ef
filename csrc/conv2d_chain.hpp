// Convolutions that follow one another, of which only the first input and the last output need to
// be whole.
#pragma once

#include <span>

#include "kernel_data.hpp"
#include "packed_weight.hpp"
#include "shape.hpp"

namespace convlet {

struct ChainLink {
    Conv2dShape shape;
    const float* weight;
    Epilogue epilogue;
    Keeping kept;
};

// The output of each link is the next one's input; to the bit what conv2d_forward() gives link by
// link. Where neighbours are 1x1 or depthwise, and what is between them would leave the L2, tasks
// compute a band of rows at a time of all of them, so that it does not.
void conv2d_chain(std::span<const ChainLink> links, const float* x, float* y);

}  // namespace convlet
