// How this build was made, for show_config().
#pragma once

namespace convlet {

const char* compiler();
const char* kernel_flags();

}  // namespace convlet
