// The kernels of linear.cpp, as the table lists them.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void small_product(const SmallProduct& product);
void dot_products(const DotProducts& products, std::int64_t first, std::int64_t last);

}  // namespace convlet::CONVLET_ISA
