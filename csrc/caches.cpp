#include "caches.hpp"

#include <unistd.h>

#include <algorithm>

namespace convlet {
namespace {

std::int64_t l2_bytes() {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const std::int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return std::clamp<std::int64_t>(bytes, 256 * 1024, 4 * 1024 * 1024);
#endif
    return 1024 * 1024;
}

}  // namespace

std::int64_t l2_floats() {
    static const std::int64_t floats = l2_bytes() / std::int64_t{sizeof(float)};
    return floats;
}

}  // namespace convlet
