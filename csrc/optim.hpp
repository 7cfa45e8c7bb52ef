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
    float *first, *second, *third;
    std::int64_t count;
};

// std::invalid_argument where an array that is written shares memory with any other: the result
// would depend on the order of the work.
void check_apart(const char* op, const std::vector<OptimTensor>& tensors);

void sgd_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule);
void adam_step(const std::vector<OptimTensor>& tensors, const AdamRule& rule);
void rmsprop_step(const std::vector<OptimTensor>& tensors, const RmspropRule& rule);

// The step of SGD with each tensor's gradient and decay scaled by
// trust |p| / (|g| + decay |p| + eps), or by 1 where |p| or |g| is 0 (You et al. 2017).
void lars_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule, double trust,
               double eps);

// p -= lr |p| / |u| u for each tensor, or lr u where it does not adapt or |p| or |u| is 0.
void lamb_step(const std::vector<OptimTensor>& tensors, const LambRule& rule, double lr,
               bool adapt);

// average += weight (value - average); the average is `parameter`, the value `gradient`.
void average_step(const std::vector<OptimTensor>& tensors, double weight);

}  // namespace convlet
