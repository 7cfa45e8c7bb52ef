// Direct convolution of few channels to few: lanes are pixels.
//
// A register of output channels would be mostly empty here, and a row of taps too short for a loop.
// So each channel of the strip has rows of its own, from which every tap reads a register of
// neighbouring pixels; it meets one weight of each output channel.
#include "activated.hpp"
#include "conv2d.hpp"
#include "simd.hpp"
#include "strip.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr int MOST_COLUMNS = 8;
constexpr int TILE = WIDEST >= 4 ? 2 * VECTOR : VECTOR;  // pixels

// The strip of a block: `rows` rows of `width` floats for each channel, whole tiles and the taps.
struct Planes {
    std::int64_t rows, width;
};

INLINE Planes planes_of(const Correlation& g, const PixelBlock& b) {
    return {(b.i1 - b.i0 - 1) * g.step_h + 1 + (g.kernel_h - 1) * g.dilation_h,
            (b.j1 - b.j0 + TILE - 1) / TILE * TILE + (g.kernel_w - 1) * g.dilation_w};
}

// Pixels outside the image are zeros.
INLINE void copy_planes(const Correlation& g, const PixelBlock& b, const Planes& planes,
                        float* RESTRICT to) {
    const float* image = g.x + b.image * g.height * g.width * g.x_pixel;
    const std::int64_t top = b.i0 * g.step_h + g.origin_h, left = b.j0 + g.origin_w;
    const std::int64_t first = smaller(larger(-left, 0), planes.width);
    const std::int64_t last = larger(first, smaller(planes.width, g.width - left));
    zero_floats(to, g.channels * planes.rows * planes.width);
    for (std::int64_t c = 0; c < g.channels; ++c) {
        for (std::int64_t r = 0; r < planes.rows; ++r, to += planes.width) {
            if (top + r < 0 || top + r >= g.height) continue;
            const float* from = image + ((top + r) * g.width + left) * g.x_pixel + c;
            if (g.x_pixel == 1) {
                copy_floats(from + first, to + first, last - first);
            } else {
                for (std::int64_t j = first; j < last; ++j) to[j] = from[j * g.x_pixel];
            }
        }
    }
}

// Sums of a tile of pixels for columns [0, Columns), a row of `sums` for each.
template <int Columns>
__attribute__((noinline)) void pixel_tile(const Correlation& g, const Planes& planes,
                                          const float* strip, float* RESTRICT sums) {
    float acc[Columns][TILE];
    UNROLL
    for (int k = 0; k < Columns; ++k) {
#pragma omp simd
        for (int l = 0; l < TILE; ++l) acc[k][l] = 0.0F;
    }
    const std::int64_t lanes = panel_width(g.panels, 0), tap = g.channels * lanes;
    std::int64_t c = 0;
    do {
        const float* RESTRICT weight = g.packed + c * lanes;
        std::int64_t r = 0;
        do {
            const float* RESTRICT x = strip + (c * planes.rows + r * g.dilation_h) * planes.width;
            std::int64_t s = 0;
            do {
                UNROLL
                for (int k = 0; k < Columns; ++k) {
                    const float v = weight[k];
#pragma omp simd
                    for (int l = 0; l < TILE; ++l) acc[k][l] += v * x[l];
                }
                weight += tap;
                x += g.dilation_w;
            } while (++s < g.kernel_w);
        } while (++r < g.kernel_h);
    } while (++c < g.channels);
    UNROLL
    for (int k = 0; k < Columns; ++k) {
#pragma omp simd
        for (int l = 0; l < TILE; ++l) sums[k * TILE + l] = acc[k][l];
    }
}

// The sums of `pixels` neighbours through the epilogue to where their channels lie side by side.
template <int Columns>
INLINE void write_pixels(const Correlation& g, float* RESTRICT sums, float* y,
                         std::int64_t pixels) {
    const Epilogue& e = g.epilogue;
    const float lower = lower_cut(e.activation), upper = upper_cut(e.activation);
    for (int k = 0; k < Columns; ++k) {
        const float scale = e.scale == nullptr ? 1.0F : e.scale[k];
        const float bias = e.bias == nullptr ? 0.0F : e.bias[k];
        float* RESTRICT column = sums + k * TILE;
#pragma omp simd
        for (int l = 0; l < TILE; ++l) column[l] = column[l] * scale + bias;
        if (e.residual != nullptr) {
            const float* residual = e.residual + (y - g.y) + k;
            for (std::int64_t p = 0; p < pixels; ++p) column[p] += residual[p * g.y_pixel];
        }
#pragma omp simd
        for (int l = 0; l < TILE; ++l) column[l] = cut(column[l], lower, upper);
    }
    for (std::int64_t p = 0; p < pixels; ++p) {
        UNROLL
        for (int k = 0; k < Columns; ++k) y[p * g.y_pixel + k] = sums[k * TILE + p];
    }
    if (!bends(e.activation)) return;
    for (std::int64_t p = 0; p < pixels; ++p) bend(e.activation, y + p * g.y_pixel, Columns);
}

template <int Columns>
INLINE void run_pixel_tile(const Correlation& g, const Planes& planes, const float* strip, float* y,
                           std::int64_t pixels) {
    if constexpr (Columns > 0) {
        if (g.out_channels < Columns)
            return run_pixel_tile<Columns - 1>(g, planes, strip, y, pixels);
        float sums[Columns * TILE];
        pixel_tile<Columns>(g, planes, strip, sums);
        write_pixels<Columns>(g, sums, y, pixels);
    }
}

}  // namespace

bool few_channels(const Correlation& g) {
    return g.channels <= 4 && g.out_channels <= MOST_COLUMNS && g.step_w == 1 &&
           g.kernel_h * g.kernel_w > 1 && g.out_width >= VECTOR / 2;
}

std::int64_t few_channels_floats(const Correlation& g, const PixelBlock& largest) {
    const Planes planes = planes_of(g, largest);
    return g.channels * planes.rows * planes.width;
}

void correlate_few(const Correlation& g, const PixelBlock& block, float* strip) {
    const Planes planes = planes_of(g, block);
    copy_planes(g, block, planes, strip);
    for (std::int64_t i = block.i0; i < block.i1; ++i) {
        const float* row = strip + (i - block.i0) * g.step_h * planes.width;
        float* y = g.y + block.image * g.y_image + i * g.y_row;
        for (std::int64_t j = block.j0; j < block.j1; j += TILE)
            run_pixel_tile<MOST_COLUMNS>(g, planes, row + j - block.j0, y + j * g.y_pixel,
                                         smaller(TILE, block.j1 - j));
    }
}

}  // namespace convlet::CONVLET_ISA
