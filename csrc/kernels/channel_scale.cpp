// Pixels times a factor for each channel, and the sums that its gradient is.
#include "channel_scale.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {

void channel_scale(const float* x, const float* RESTRICT scale, std::int64_t pixels,
                   std::int64_t channels, float* y) {
    for (std::int64_t p = 0; p < pixels; ++p) {
        const float* RESTRICT from = x + p * channels;
        float* RESTRICT to = y + p * channels;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) to[c] = from[c] * scale[c];
    }
}

void channel_scale_grad(const float* dy, const float* x, const float* RESTRICT scale,
                        std::int64_t pixels, std::int64_t channels, float* dx,
                        float* RESTRICT dscale) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) dscale[c] = 0.0F;
    for (std::int64_t p = 0; p < pixels; ++p) {
        const float *RESTRICT grad = dy + p * channels, *RESTRICT from = x + p * channels;
        float* RESTRICT to = dx + p * channels;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) {
            to[c] = grad[c] * scale[c];
            dscale[c] += grad[c] * from[c];
        }
    }
}

}  // namespace convlet::CONVLET_ISA
