// Sums of two arrays, and images joined and cut along their channels.
#pragma once

#include <cstdint>
#include <vector>

namespace convlet {

// y = a + b, element by element.
void add(const float* a, const float* b, std::int64_t count, float* y);

// The channels of one part: (pixels, channels), without gaps.
template <class Float>
struct ChannelPart {
    Float* data;
    std::int64_t channels;
};

// Pixels whose channels are those of the parts, one after the other; and back.
void join_channels(const std::vector<ChannelPart<const float>>& parts, std::int64_t pixels,
                   float* y);
void cut_channels(const float* y, std::int64_t pixels,
                  const std::vector<ChannelPart<float>>& parts);

}  // namespace convlet
