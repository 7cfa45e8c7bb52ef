// What the machine's caches hold: sizes of blocks follow them where the bits of results do not.
#pragma once

#include <cstdint>

namespace convlet {

// Floats of a core's second-level cache: from 256 KiB to 4 MiB, and 1 MiB where nothing tells.
std::int64_t l2_floats();

}  // namespace convlet
