// Softmax cross-entropy of (rows, classes) logits with one label a row.
#pragma once

#include <cstdint>

namespace convlet {

// std::invalid_argument where a label lies outside [0, classes).
void check_labels(const char* op, const std::int64_t* labels, std::int64_t rows,
                  std::int64_t classes);

void softmax_cross_entropy_forward(const float* logits, const std::int64_t* labels,
                                   std::int64_t rows, std::int64_t classes, float* losses,
                                   float* probabilities);
void softmax_cross_entropy_grad(const float* probabilities, const std::int64_t* labels,
                                const float* dlosses, std::int64_t rows, std::int64_t classes,
                                float* dlogits);

}  // namespace convlet
