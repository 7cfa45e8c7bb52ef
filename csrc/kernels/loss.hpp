// The kernels of loss.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void softmax_cross_entropy(const CrossEntropy&, const float* logits, const std::int64_t* labels,
                           std::int64_t rows, float* losses, float* probabilities);
void softmax_cross_entropy_grad(const CrossEntropy&, const float* probabilities,
                                const std::int64_t* labels, const float* dlosses, std::int64_t rows,
                                float* dlogits);

void binary_cross_entropy(const float* logits, const float* targets, std::int64_t count,
                          float pos_weight, float* losses);
void binary_cross_entropy_grad(const float* dlosses, const float* logits, const float* targets,
                               std::int64_t count, float pos_weight, float* dlogits);

}  // namespace convlet::CONVLET_ISA
