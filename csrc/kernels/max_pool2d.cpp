// Max pooling: y = max over the taps of a window; indices = r*S + s of the first largest.
#include "largest.hpp"
#include "pool2d.hpp"
#include "pooling.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr std::int64_t BEYOND_L2 = std::int64_t{1} << 20;  // floats of x

// Fetches what the windows below add to the rows of these: the processor's own guesses end with
// each page of each of the rows that are read at once.
INLINE void fetch_next_rows(const Pooling& p, const float* x) {
    const std::int64_t row = p.width * p.channels, rows = smaller(p.stride_h, p.kernel_h);
    const std::int64_t floats = smaller(p.stride_w, p.kernel_w) * p.channels;
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < floats; c += 16)
            __builtin_prefetch(x + (p.kernel_h + r) * row + c, 0, 2);
}

template <int R, int S, class Index>
__attribute__((noinline)) void forward_run(const Pooling& p, const PoolTask& task,
                                           const WindowRun& run, const float* x, float* y,
                                           Index* indices) {
    const Taps taps{p.dilation_h * p.width * p.channels,
                    p.dilation_w * p.channels,
                    run.rows.last - run.rows.first,
                    run.columns.last - run.columns.first,
                    run.rows.first * p.kernel_w + run.columns.first,
                    p.kernel_w};
    x += run.input * p.channels;
    y += run.output * p.channels;
    indices += run.output * p.channels;
    const bool far = p.images * p.height * p.width * p.channels > BEYOND_L2;
    for (std::int64_t j = 0; j < run.count; ++j) {
        if (far) fetch_next_rows(p, x);
        for_channels(task.c0, task.c1, run.exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             largest<R, S, Lanes>(taps, count, x + c, y + c, indices + c);
                         });
        x += p.stride_w * p.channels;
        y += p.channels;
        indices += p.channels;
    }
}

template <int R, int S, class Index>
INLINE void forward(const Pooling& p, const PoolTask& task, const float* x, float* y,
                    Index* indices) {
    for_window_runs(p, task.block, [&](const WindowRun& run) __attribute__((always_inline)) {
        if (R > 0 && run.rows.last - run.rows.first == R && run.count > 1)
            forward_run<R, S>(p, task, run, x, y, indices);
        else
            forward_run<0, 0>(p, task, run, x, y, indices);
    });
}

// dx = sum of dy over the windows whose largest pixel this is, in their order.
template <class Index>
struct Maxima {
    const float* dy;
    const Index* indices;
};

// The taps of a pixel that has Count of them: their sum stays in registers.
template <int Lanes, int Count, class Index>
INLINE void sum_taps(const Maxima<Index>& from, const Tap* taps, std::int64_t base,
                     std::int64_t channels, std::int64_t c, float* RESTRICT to) {
    float sum[Lanes];
    UNROLL
    for (int t = 0; t < Count; ++t) {
        const std::int64_t at = (taps[t].window + base) * channels + c;
        const float* RESTRICT dy = from.dy + at;
        const Index* RESTRICT indices = from.indices + at;
        const auto position = static_cast<Index>(taps[t].position);  // compared as bytes
#pragma omp simd
        for (int l = 0; l < Lanes; ++l) {
            const float all = dy[l], value = indices[l] == position ? all : 0.0F;
            sum[l] = t == 0 ? value : sum[l] + value;
        }
    }
#pragma omp simd
    for (int l = 0; l < Lanes; ++l) to[l] = sum[l];
}

template <int Lanes, class Index>
INLINE void add_taps(const Maxima<Index>& from, const Tap* taps, std::int64_t tap_count,
                     std::int64_t base, std::int64_t channels, std::int64_t c, std::int64_t count,
                     bool resume, float* RESTRICT to) {
    if constexpr (Lanes > 0) {
        if (!resume && tap_count == 1) return sum_taps<Lanes, 1>(from, taps, base, channels, c, to);
        if (!resume && tap_count == 2) return sum_taps<Lanes, 2>(from, taps, base, channels, c, to);
        if (!resume && tap_count == 4) return sum_taps<Lanes, 4>(from, taps, base, channels, c, to);
    }
    const std::int64_t lanes = lanes_or<Lanes>(count);
    if (tap_count == 0 && !resume) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) to[l] = 0.0F;
    }
    for (std::int64_t t = 0; t < tap_count; ++t) {
        const std::int64_t at = (taps[t].window + base) * channels + c;
        const float* RESTRICT dy = from.dy + at;
        const Index* RESTRICT indices = from.indices + at;
        const auto position = static_cast<Index>(taps[t].position);
        // dy is read whatever the index, which spares masked loads.
        if (t == 0 && !resume) {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) {
                const float all = dy[l];
                to[l] = indices[l] == position ? all : 0.0F;
            }
        } else {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) {
                const float all = dy[l];
                to[l] += indices[l] == position ? all : 0.0F;
            }
        }
    }
}

// Whether windows tile the image from its first pixel on, so that each has pixels of its own.
INLINE bool apart(const Pooling& p) {
    return p.kernel_h == p.stride_h && p.kernel_w == p.stride_w && p.dilation_h == 1 &&
           p.dilation_w == 1 && p.padding_h == 0 && p.padding_w == 0 &&
           p.out_height * p.kernel_h <= p.height && p.out_width * p.kernel_w <= p.width;
}

constexpr int FEWER = FEW / 2;

// One row of pixels under windows S wide that lie side by side: what each window hands down is read
// once. `position` is that of the row's first tap.
template <int S, class Index>
__attribute__((noinline)) void hand_down(std::int64_t channels, Range windows, bool exact,
                                         std::int32_t position, const float* dy,
                                         const Index* indices, float* dx) {
    const auto hand_down_channels =
        [&]<int Lanes>(std::int64_t j, std::int64_t c, std::int64_t count)
            __attribute__((always_inline)) {
                const std::int64_t lanes = lanes_or<Lanes>(count);
                const float* RESTRICT all = dy + j * channels + c;
                const Index* RESTRICT where = indices + j * channels + c;
                float* RESTRICT to = dx + j * S * channels + c;
                UNROLL
                for (int s = 0; s < S; ++s) {
                    const auto tap = static_cast<Index>(position + s);
#pragma omp simd
                    for (std::int64_t l = 0; l < lanes; ++l) {
                        const float value = all[l];
                        to[s * channels + l] = where[l] == tap ? value : 0.0F;
                    }
                }
            };
    if (channels <= FEWER && !exact) {  // half of what FEW lanes store would be overwritten
        for (std::int64_t j = windows.first; j < windows.last; ++j)
            hand_down_channels.template operator()<FEWER>(j, 0, FEWER);
        return;
    }
    for (std::int64_t j = windows.first; j < windows.last; ++j)
        for_channels(0, channels, exact,
                     [&]<int Lanes>(std::int64_t c, std::int64_t count)
                         __attribute__((always_inline)) {
                             hand_down_channels.template operator()<Lanes>(j, c, count);
                         });
}

// dx of whole rows of pixels under such windows; what lies beyond the last window is 0.
template <int S, class Index>
INLINE void hand_down_rows(const Pooling& p, const PixelBlock& b, const Maxima<Index>& from,
                           float* dx) {
    const std::int64_t extra = overrun(p.channels);
    const std::int64_t all = p.images * p.out_height * p.out_width;
    for (std::int64_t h = b.i0; h < b.i1; ++h) {
        float* row = dx + (b.image * p.height + h) * p.width * p.channels;
        const std::int64_t i = h / p.kernel_h;
        const std::int64_t windows = i < p.out_height ? p.out_width : 0;
        if (windows > 0) {
            const std::int64_t first = (b.image * p.out_height + i) * p.out_width;
            // Lanes may run over into the pixels of this block and over windows that exist.
            const std::int64_t free =
                smaller(((b.i1 - h) * p.width - extra) / S, all - extra - first);
            const std::int64_t fast = larger(0, smaller(free, windows));
            const auto position = static_cast<std::int32_t>(h % p.kernel_h * S);
            const float* dy = from.dy + first * p.channels;
            const Index* indices = from.indices + first * p.channels;
            hand_down<S>(p.channels, {0, fast}, false, position, dy, indices, row);
            hand_down<S>(p.channels, {fast, windows}, true, position, dy, indices, row);
        }
        for (std::int64_t l = windows * S * p.channels; l < p.width * p.channels; ++l)
            row[l] = 0.0F;
    }
}

// Whether the indices of neighbouring windows name taps in rows x columns of their window.
template <class Index>
INLINE bool all_in(const Pooling& p, Range rows, Range columns, const Index* indices,
                   std::int64_t count) {
    if (count == 0) return true;
    if (columns.last - columns.first == p.kernel_w) {  // one run of positions
        Index least = indices[0], most = indices[0];
#pragma omp simd reduction(min : least) reduction(max : most)
        for (std::int64_t c = 0; c < count; ++c) {
            least = indices[c] < least ? indices[c] : least;
            most = indices[c] > most ? indices[c] : most;
        }
        return least >= rows.first * p.kernel_w && most < rows.last * p.kernel_w;
    }
    using Unsigned = std::uint32_t;
    const auto width = static_cast<Unsigned>(columns.last - columns.first);
    const auto kernel_w = static_cast<Unsigned>(p.kernel_w);
    const auto first = static_cast<Unsigned>(rows.first * p.kernel_w + columns.first);
    const auto last = static_cast<Unsigned>(rows.last) * kernel_w;
    Unsigned wrong = 0;
    if (p.kernel_h * p.kernel_w <= 32) {  // a bit for each position
        Unsigned allowed = 0;
        for (Unsigned row = first; row < last; row += kernel_w)
            allowed |= ((1U << width) - 1U) << row;
#pragma omp simd reduction(| : wrong)
        for (std::int64_t c = 0; c < count; ++c) {
            const auto at = static_cast<Unsigned>(indices[c]);
            wrong |= (at < 32U ? ~(allowed >> (at & 31U)) : 1U) & 1U;
        }
        return wrong == 0;
    }
    for (std::int64_t c = 0; c < count; ++c) {
        Unsigned found = 0;
        for (Unsigned row = first; row < last; row += kernel_w)
            found |= static_cast<Unsigned>(indices[c]) - row < width ? 1U : 0U;
        wrong |= found ^ 1U;
    }
    return wrong == 0;
}

template <class Index>
INLINE bool valid(const Pooling& p, const PixelBlock& b, const Index* indices) {
    const Axis down = rows_of(p), across = columns_of(p);
    const Range whole = common(whole_windows(across), {b.j0, b.j1});
    const Range full = whole_windows(down);
    if (whole.first == 0 && whole.last == p.out_width && b.i0 >= full.first && b.i1 <= full.last) {
        const std::int64_t first = (b.image * p.out_height + b.i0) * p.out_width;
        return all_in(p, {0, p.kernel_h}, {0, p.kernel_w}, indices + first * p.channels,
                      (b.i1 - b.i0) * p.out_width * p.channels);
    }
    bool good = true;
    for (std::int64_t i = b.i0; i < b.i1; ++i) {
        const Range rows = taps_of(down, i);
        const Index* at = indices + (b.image * p.out_height + i) * p.out_width * p.channels;
        for (std::int64_t j = b.j0; j < b.j1;) {
            // Windows without missing columns share one answer: they are looked at together.
            const std::int64_t next = j == whole.first ? larger(whole.last, j + 1) : j + 1;
            good &=
                all_in(p, rows, taps_of(across, j), at + j * p.channels, (next - j) * p.channels);
            j = next;
        }
    }
    return good;
}

INLINE bool wide_indices(const Pooling& p) { return p.kernel_h * p.kernel_w > 256; }

}  // namespace

void max_pool2d_forward(const Pooling& p, const PoolTask& task, const float* x, float* y,
                        void* indices) {
    auto* narrow = static_cast<std::uint8_t*>(indices);
    if (wide_indices(p))
        forward<0, 0>(p, task, x, y, static_cast<std::int32_t*>(indices));
    else if (p.kernel_h == 2 && p.kernel_w == 2)
        forward<2, 2>(p, task, x, y, narrow);
    else if (p.kernel_h == 3 && p.kernel_w == 3)
        forward<3, 3>(p, task, x, y, narrow);
    else
        forward<0, 0>(p, task, x, y, narrow);
}

bool max_pool2d_valid(const Pooling& p, const PixelBlock& windows, const void* indices) {
    if (wide_indices(p)) return valid(p, windows, static_cast<const std::int32_t*>(indices));
    return valid(p, windows, static_cast<const std::uint8_t*>(indices));
}

void max_pool2d_grad(const Pooling& p, const PixelBlock& pixels, const float* dy,
                     const void* indices, float* dx) {
    if (wide_indices(p))
        return gather(p, pixels,
                      Maxima<std::int32_t>{dy, static_cast<const std::int32_t*>(indices)}, dx);
    const Maxima<std::uint8_t> narrow{dy, static_cast<const std::uint8_t*>(indices)};
    const bool rows = pixels.j0 == 0 && pixels.j1 == p.width && apart(p);
    if (rows && p.kernel_w == 2)
        hand_down_rows<2>(p, pixels, narrow, dx);
    else if (rows && p.kernel_w == 3)
        hand_down_rows<3>(p, pixels, narrow, dx);
    else
        gather(p, pixels, narrow, dx);
}

}  // namespace convlet::CONVLET_ISA
