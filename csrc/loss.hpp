// Cross-entropy: of (rows, classes) logits with one label a row, and of two classes by one logit.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

// std::invalid_argument where a label lies outside [0, classes) and is not one to ignore, or the
// smoothing outside [0, 1].
void check_cross_entropy(const char* op, const CrossEntropy& rule, bool ignores,
                         const std::int64_t* labels, std::int64_t rows);

void softmax_cross_entropy_forward(const CrossEntropy& rule, const float* logits,
                                   const std::int64_t* labels, std::int64_t rows, float* losses,
                                   float* probabilities);
void softmax_cross_entropy_grad(const CrossEntropy& rule, const float* probabilities,
                                const std::int64_t* labels, const float* dlosses, std::int64_t rows,
                                float* dlogits);

// Element by element over memory of one order; targets are in [0, 1].
void binary_cross_entropy_forward(const float* logits, const float* targets, std::int64_t count,
                                  float pos_weight, float* losses);
void binary_cross_entropy_grad(const float* dlosses, const float* logits, const float* targets,
                               std::int64_t count, float pos_weight, float* dlogits);

}  // namespace convlet
