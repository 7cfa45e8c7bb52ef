// The kernel of resize2d.cpp, as the table lists it.
#pragma once

#include "kernel_table.hpp"

namespace convlet::CONVLET_ISA {

void resize2d(const Resize& p, const PixelBlock& pixels, const float* from, float* to);

}  // namespace convlet::CONVLET_ISA
