// The kernels of loss.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void softmax_cross_entropy(const float* logits, const std::int64_t* labels, std::int64_t rows,
                           std::int64_t classes, float* losses, float* probabilities);
void softmax_cross_entropy_grad(const float* probabilities, const std::int64_t* labels,
                                const float* dlosses, std::int64_t rows, std::int64_t classes,
                                float* dlogits);

}  // namespace convlet::CONVLET_ISA
