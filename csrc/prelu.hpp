// ReLU with a learnt slope for each channel, over memory whose channels are innermost.
#pragma once

#include <cstdint>

namespace convlet {

// y = x where it is positive, else weight x.
void prelu_forward(const float* x, const float* weight, std::int64_t pixels, std::int64_t channels,
                   float* y);
void prelu_grad(const float* dy, const float* x, const float* weight, std::int64_t pixels,
                std::int64_t channels, float* dx, float* dweight);

}  // namespace convlet
