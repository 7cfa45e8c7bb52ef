// Images times a factor for each of their channels: what squeeze and excitation weighs by (Hu, Shen
// and Sun 2017, arXiv:1709.01507), over memory whose channels are innermost.
#pragma once

#include <cstdint>

namespace convlet {

struct ScaledImages {
    std::int64_t images, pixels, channels;  // pixels of an image
};

// y = x * scale[image, channel].
void channel_scale(const ScaledImages& shape, const float* x, const float* scale, float* y);
// dx = dy * scale, dscale = sum over an image's pixels of dy * x.
void channel_scale_grad(const ScaledImages& shape, const float* dy, const float* x,
                        const float* scale, float* dx, float* dscale);

}  // namespace convlet
