// The kernels of boxes.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void box_overlaps(const BoxPairs& p, std::int64_t first, std::int64_t last, float* out);
void paired_overlaps(const BoxPairs& p, std::int64_t first, std::int64_t last, float* out);
void paired_overlaps_grad(const BoxPairs& p, std::int64_t first, std::int64_t last, const float* dy,
                          float* da);
bool box_suppressed(const KeptBoxes& kept, const float* box, float threshold);

}  // namespace convlet::CONVLET_ISA
