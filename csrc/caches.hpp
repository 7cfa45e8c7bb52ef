// What the machine's caches hold. Sizes of blocks follow them, and so do bits of Winograd's sums,
// whose runs of channels are longer where the L2 has room: the same on one machine, for any
// threads.
#pragma once

#include <cstdint>

namespace convlet {

// Floats of a core's second-level cache: from 256 KiB to 4 MiB, and 1 MiB where nothing tells.
std::int64_t l2_floats();

}  // namespace convlet
