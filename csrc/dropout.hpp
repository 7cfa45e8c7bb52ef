// Dropout with a counter-based generator: the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "kernel_table.hpp"

namespace convlet {

// Elements in the order of memory; bit i % 8 of mask[i / 8] is set where element i is kept.
void dropout_forward(const float* x, std::int64_t count, const DropoutRule& rule, float* y,
                     std::uint8_t* mask);
void dropout_grad(const float* dy, const std::uint8_t* mask, std::int64_t count, float scale,
                  float* dx);

inline std::int64_t mask_bytes(std::int64_t count) { return (count + 7) / 8; }

}  // namespace convlet
