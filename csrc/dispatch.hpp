// Which instruction set computes: chosen once, at the first call, from what the processor has.
#pragma once

#include <string>
#include <vector>

#include "kernel_table.hpp"

namespace convlet {

// The table in use: the widest that the processor has, or CONVLET_ISA, or what use_isa() chose.
const KernelTable& kernels();

std::vector<std::string> compiled_isas();
std::vector<std::string> supported_isas();  // compiled, and this processor has it; widest last
void use_isa(const std::string& name);      // std::invalid_argument for any other

}  // namespace convlet
