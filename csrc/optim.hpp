// Optimiser steps: all parameters in one parallel loop, in place.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel_table.hpp"

namespace convlet {

// One parameter with its gradient and what the optimiser keeps for it (null where it keeps less).
struct OptimTensor {
    float* parameter;
    const float* gradient;
    float *first, *second;
    std::int64_t count;
};

// std::invalid_argument where an array that is written shares memory with any other: the result
// would depend on the order of the work.
void check_apart(const char* op, const std::vector<OptimTensor>& tensors);

void sgd_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule);
void adam_step(const std::vector<OptimTensor>& tensors, const AdamRule& rule);

}  // namespace convlet
