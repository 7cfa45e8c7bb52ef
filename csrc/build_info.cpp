#include "build_info.hpp"

namespace convlet {

const char* compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

const char* kernel_flags() { return CONVLET_BUILD_FLAGS; }

}  // namespace convlet
