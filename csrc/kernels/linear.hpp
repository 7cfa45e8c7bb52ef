// The kernels of linear.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void small_product(const SmallProduct& product);
void dot_products(const DotProducts& products, const DotBlock& block);

}  // namespace convlet::CONVLET_ISA
