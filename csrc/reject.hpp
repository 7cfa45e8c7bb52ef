// The one way an argument is refused: a sentence that names it, what came and what was wanted.
#pragma once

#include <sstream>
#include <stdexcept>

namespace convlet {

template <class... Parts>
[[noreturn]] void reject(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    throw std::invalid_argument(text.str());
}

}  // namespace convlet
