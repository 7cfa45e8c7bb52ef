// Moments of channels over pixels that lie anywhere, which a task of a convolution has just
// written; and of sets of pixels together.
//
// One pass while the pixels are in the caches, over differences from the first of them: as
// (k - mean)^2 is at most count * variance, no more digits cancel than the rounding of a sum of
// `count` numbers costs, however far from zero the mean is.
#include "norm.hpp"
#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Differences from what is not finite would hide which of the others are.
INLINE float finite(float x) { return x - x == 0.0F ? x : 0.0F; }

// Adds the sums of `Registers` registers of `Lanes` channels from `at` on, which stay in registers
// while the pixels go by, `Rows` at once so that sums do not wait for each other. The first `skip`
// channels belong to the columns before.
template <int Lanes, int Registers, int Rows>
INLINE void add_columns(const PixelMoments& m, std::int64_t at, std::int64_t skip) {
    constexpr int WIDTH = Registers * Lanes;
    float middle[WIDTH], sum[Rows][WIDTH] = {}, square[Rows][WIDTH] = {};
    const float* first = m.first ? m.pixels[0] + at : m.shift + at;
#pragma omp simd
    for (int j = 0; j < WIDTH; ++j) middle[j] = finite(first[j]);
    std::int64_t p = 0;
    for (; p + Rows <= m.count; p += Rows) {
        UNROLL
        for (int i = 0; i < Rows; ++i) {
            const float* pixel = m.pixels[p + i] + at;
#pragma omp simd
            for (int j = 0; j < WIDTH; ++j) {
                const float d = pixel[j] - middle[j];
                sum[i][j] += d;
                square[i][j] += d * d;
            }
        }
    }
    for (; p < m.count; ++p) {
        const float* pixel = m.pixels[p] + at;
#pragma omp simd
        for (int j = 0; j < WIDTH; ++j) {
            const float d = pixel[j] - middle[j];
            sum[0][j] += d;
            square[0][j] += d * d;
        }
    }
    float sums[WIDTH], squares[WIDTH];
    for (int j = 0; j < WIDTH; ++j) {
        sums[j] = sum[0][j];
        squares[j] = square[0][j];
        UNROLL
        for (int i = 1; i < Rows; ++i) {
            sums[j] += sum[i][j];
            squares[j] += square[i][j];
        }
    }
    if (m.first) {
        for (int j = 0; j < WIDTH; ++j) {
            m.shift[at + j] = middle[j];
            m.sums[at + j] = sums[j];
            m.squares[at + j] = squares[j];
        }
        return;
    }
    for (std::int64_t j = skip; j < WIDTH; ++j) {
        m.sums[at + j] += sums[j];
        m.squares[at + j] += squares[j];
    }
}

// Channels from `from` on in registers of `Lanes`, at least as many as that: the last one overlaps
// the one before.
template <int Lanes>
INLINE void add_narrow(const PixelMoments& m, std::int64_t from) {
    for (std::int64_t c = from; c < m.channels; c += Lanes) {
        const std::int64_t at = smaller(c, m.channels - Lanes);
        add_columns<Lanes, 1, 4>(m, at, c - at);
    }
}

}  // namespace

void pixel_moments(const PixelMoments& m) {
    std::int64_t c = 0;
    for (; c + 2 * VECTOR <= m.channels; c += 2 * VECTOR) add_columns<VECTOR, 2, 2>(m, c, 0);
    if (m.channels >= VECTOR) return add_narrow<VECTOR>(m, c);
    if (m.channels >= HALF) return add_narrow<HALF>(m, 0);
    if (m.channels >= 4) return add_narrow<4>(m, 0);
    for (c = 0; m.first && c < m.channels; ++c) {
        m.shift[c] = finite(m.pixels[0][c]);
        m.sums[c] = m.squares[c] = 0.0F;
    }
    for (std::int64_t p = 0; p < m.count; ++p) {
        for (c = 0; c < m.channels; ++c) {
            const float d = m.pixels[p][c] - m.shift[c];
            m.sums[c] += d;
            m.squares[c] += d * d;
        }
    }
}

void finish_moments(const PixelMoments& m, std::int64_t count) {
    const double share = 1.0 / static_cast<double>(count);
    float *RESTRICT mean = m.shift, *RESTRICT squares = m.squares;
    const float* RESTRICT sums = m.sums;
#pragma omp simd
    for (std::int64_t c = 0; c < m.channels; ++c) {
        const double sum = static_cast<double>(sums[c]);
        const double square = static_cast<double>(squares[c]) - sum * sum * share;
        mean[c] = static_cast<float>(static_cast<double>(mean[c]) + sum * share);
        squares[c] = static_cast<float>(square < 0.0 ? 0.0 : square);  // a NaN stays
    }
}

// Chan, Golub and LeVeque 1983, in double and in the order of the sets: a set's numbers differ from
// the common mean by what they do from their own, and all of them by what their mean does.
void join_moments(const MomentSets& t, std::int64_t first, std::int64_t last, float* RESTRICT mean,
                  float* RESTRICT variance) {
    constexpr int LANES = 16;
    double total = 0;
    for (std::int64_t i = 0; i < t.count; ++i) total += t.sizes[i];
    for (std::int64_t from = first; from < last; from += LANES) {
        const std::int64_t lanes = smaller(LANES, last - from);
        double middle[LANES] = {}, square[LANES] = {};
        for (std::int64_t i = 0; i < t.count; ++i) {
            const float* means = t.means + i * t.channels + from;
#pragma omp simd
            for (std::int64_t c = 0; c < lanes; ++c)
                middle[c] += t.sizes[i] * static_cast<double>(means[c]);
        }
        for (double& m : middle) m /= total;
        for (std::int64_t i = 0; i < t.count; ++i) {
            const float* means = t.means + i * t.channels + from;
            const float* squares = t.squares + i * t.channels + from;
#pragma omp simd
            for (std::int64_t c = 0; c < lanes; ++c) {
                const double d = static_cast<double>(means[c]) - middle[c];
                square[c] += static_cast<double>(squares[c]) + t.sizes[i] * d * d;
            }
        }
        for (std::int64_t c = 0; c < lanes; ++c) {
            mean[from + c] = static_cast<float>(middle[c]);
            variance[from + c] = static_cast<float>(square[c] / total);
        }
    }
}

}  // namespace convlet::CONVLET_ISA
