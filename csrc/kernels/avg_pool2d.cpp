// Average pooling: y = sum over the taps of a window / divisor.
#include "pool2d.hpp"
#include "pooling.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Padding counts as zeros as far as it was asked for: a window of ceil_mode may reach beyond it.
INLINE std::int64_t counted(const Axis& a, std::int64_t window, Range taps, bool with_padding) {
    if (!with_padding) return taps.last - taps.first;
    return smaller(a.kernel, a.size + a.padding - start_of(a, window));
}

INLINE float divisor(const Pooling& p, const WindowRun& run) {
    return static_cast<float>(counted(rows_of(p), run.i, run.rows, p.count_include_pad) *
                              counted(columns_of(p), run.j, run.columns, p.count_include_pad));
}

// R and S are the window's size where it is a constant and no tap is missing, else 0.
template <int R, int S>
__attribute__((noinline)) void forward_run(const Pooling& p, const PoolTask& task,
                                           const WindowRun& run, const float* x, float* y) {
    const std::int64_t row = p.width * p.channels;
    const std::int64_t rows = R > 0 ? R : run.rows.last - run.rows.first;
    const std::int64_t columns = S > 0 ? S : run.columns.last - run.columns.first;
    const float by = divisor(p, run);
    x += run.input * p.channels;
    y += run.output * p.channels;
    for (std::int64_t j = 0; j < run.count; ++j) {
        for_channels(task.c0, task.c1, run.exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             const std::int64_t lanes = lanes_or<Lanes>(count);
                             float sum[ROOM<Lanes>];
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l) sum[l] = 0.0F;
                             for (std::int64_t r = 0; r < rows; ++r) {
                                 const float* tap = x + r * row + c;
                                 for (std::int64_t s = 0; s < columns; ++s, tap += p.channels) {
#pragma omp simd
                                     for (std::int64_t l = 0; l < lanes; ++l) sum[l] += tap[l];
                                 }
                             }
#pragma omp simd
                             for (std::int64_t l = 0; l < lanes; ++l) y[c + l] = sum[l] / by;
                         });
        x += p.stride_w * p.channels;
        y += p.channels;
    }
}

// dx = sum of the shares of the windows over a pixel, in their order.
struct Shares {
    const float* shares;
    float scale;
};

template <int Lanes>
INLINE void add_taps(const Shares& from, const Tap* taps, std::int64_t tap_count, std::int64_t base,
                     std::int64_t channels, std::int64_t c, std::int64_t count, bool resume,
                     float* RESTRICT to) {
    const std::int64_t lanes = lanes_or<Lanes>(count);
    if (tap_count == 0 && !resume) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) to[l] = 0.0F;
    }
    for (std::int64_t t = 0; t < tap_count; ++t) {
        const float* RESTRICT shares = from.shares + (taps[t].window + base) * channels + c;
        if (t == 0 && !resume) {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) to[l] = shares[l] * from.scale;
        } else {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) to[l] += shares[l] * from.scale;
        }
    }
}

}  // namespace

void avg_pool2d_forward(const Pooling& p, const PoolTask& task, const float* x, float* y) {
    for_window_runs(p, task.block, [&](const WindowRun& run) __attribute__((always_inline)) {
        const bool whole = run.count > 1 && run.rows.last - run.rows.first == p.kernel_h;
        if (whole && p.kernel_h == 2 && p.kernel_w == 2)
            forward_run<2, 2>(p, task, run, x, y);
        else
            forward_run<0, 0>(p, task, run, x, y);
    });
}

void avg_pool2d_share(const Pooling& p, const PixelBlock& block, const float* dy, float* shares) {
    for_window_runs(p, block, [&](const WindowRun& run) __attribute__((always_inline)) {
        const float by = divisor(p, run);
        const float* from = dy + run.output * p.channels;
        float* to = shares + run.output * p.channels;
#pragma omp simd
        for (std::int64_t l = 0; l < run.count * p.channels; ++l) to[l] = from[l] / by;
    });
}

void avg_pool2d_grad(const Pooling& p, const PixelBlock& pixels, const float* shares, float scale,
                     float* dx) {
    gather(p, pixels, Shares{shares, scale}, dx);
}

}  // namespace convlet::CONVLET_ISA
