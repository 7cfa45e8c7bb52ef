// The kernels of layer_norm.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void layer_norm(const LayerNorm& task, std::int64_t rows);
void layer_norm_grad(const LayerNormGrad& task, std::int64_t rows);

}  // namespace convlet::CONVLET_ISA
