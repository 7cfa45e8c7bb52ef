// Gradient of the weight by few output channels: lanes are pixels.
//
// A register of output channels would be mostly empty. So both sides are planes: a register of
// neighbouring pixels of dy meets one of x for each tap, and each product has a register of sums,
// whose lanes are added up at the end.
#include "conv2d.hpp"
#include "planes.hpp"

namespace convlet::CONVLET_ISA {
namespace {

// Taps of a row that are summed together: their sums, the outputs' pixels and an input's fit the
// registers.
template <int Columns>
constexpr int taps_at_once() {
    constexpr int REGISTERS = VECTOR == 16 ? 30 : 14;
    constexpr int FITTING = (REGISTERS - 1 - Columns) / Columns;
    return FITTING < 1 ? 1 : FITTING > 5 ? 5 : FITTING;
}

// Pixels of both sides, each a run of registers that no other output's pixels follow in: the whole
// registers of dy's rows, or the rest of each. A tap's pixels of x start `tap` floats after those
// of the tap before it, a row's `x_row` after those of the row before.
struct Side {
    const float *x, *dy;
    std::int64_t tap, x_row, x_kernel_row, x_channel;
    std::int64_t dy_row, dy_channel;
    std::int64_t rows, registers;
};

// Adds to the sums of neighbouring taps and all columns.
template <int Columns, int Taps>
__attribute__((noinline)) void add_taps(const Side& s, const float* RESTRICT x,
                                        float* RESTRICT sums, std::int64_t sums_step) {
    float acc[Taps][Columns][VECTOR];
    UNROLL
    for (int t = 0; t < Taps; ++t) {
        UNROLL
        for (int k = 0; k < Columns; ++k) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) acc[t][k][l] = sums[t * sums_step + k * VECTOR + l];
        }
    }
    const float* RESTRICT dy = s.dy;
    const std::int64_t x_next = s.x_row - s.registers * VECTOR;
    const std::int64_t dy_next = s.dy_row - s.registers * VECTOR;
    std::int64_t row = 0;
    do {
        std::int64_t j = 0;
        do {
            float outputs[Columns][VECTOR];
            UNROLL
            for (int k = 0; k < Columns; ++k) {
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l) outputs[k][l] = dy[k * s.dy_channel + l];
            }
            UNROLL
            for (int t = 0; t < Taps; ++t) {
                const float* RESTRICT from = x + t * s.tap;
                float pixels[VECTOR];
#pragma omp simd
                for (int l = 0; l < VECTOR; ++l) pixels[l] = from[l];
                UNROLL
                for (int k = 0; k < Columns; ++k) {
#pragma omp simd
                    for (int l = 0; l < VECTOR; ++l) acc[t][k][l] += pixels[l] * outputs[k][l];
                }
            }
            x += VECTOR;
            dy += VECTOR;
        } while (++j < s.registers);
        x += x_next;
        dy += dy_next;
    } while (++row < s.rows);
    UNROLL
    for (int t = 0; t < Taps; ++t) {
        UNROLL
        for (int k = 0; k < Columns; ++k) {
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) sums[t * sums_step + k * VECTOR + l] = acc[t][k][l];
        }
    }
}

// Taps [0, count) of a row, as many at once as there are registers for.
template <int Columns, int Taps>
INLINE void add_row_of_taps(const Side& s, const float* x, std::int64_t count, float* sums,
                            std::int64_t sums_step) {
    for (; count >= Taps; count -= Taps) {
        add_taps<Columns, Taps>(s, x, sums, sums_step);
        x += Taps * s.tap;
        sums += Taps * sums_step;
    }
    if constexpr (Taps > 1)
        if (count > 0) add_row_of_taps<Columns, Taps - 1>(s, x, count, sums, sums_step);
}

template <int Columns>
INLINE void add_side(const Correlation& g, const Side& s, float* sums) {
    if constexpr (Columns > 0) {
        if (g.out_channels < Columns) return add_side<Columns - 1>(g, s, sums);
        if (s.registers == 0) return;
        const std::int64_t of_channel = Columns * VECTOR, of_tap = g.channels * of_channel;
        for (std::int64_t r = 0; r < g.kernel_h; ++r)
            for (std::int64_t c = 0; c < g.channels; ++c)
                add_row_of_taps<Columns, taps_at_once<Columns>()>(
                    s, s.x + r * s.x_kernel_row + c * s.x_channel, g.kernel_w,
                    sums + r * g.kernel_w * of_tap + c * of_channel, of_tap);
    }
}

std::int64_t dy_width(const PixelBlock& b) { return (b.j1 - b.j0 + VECTOR - 1) / VECTOR * VECTOR; }

std::int64_t lane_sums(const Correlation& g) {
    return g.kernel_h * g.kernel_w * g.channels * g.out_channels * VECTOR;
}

std::int64_t plane_floats(const Correlation& g, const PixelBlock& b) {
    const Planes planes = planes_of(g, b);
    return (g.channels * planes.rows * planes.width + VECTOR - 1) / VECTOR * VECTOR;
}

std::int64_t rest_floats(const Correlation& g, const PixelBlock& b) {
    return planes_of(g, b).rows * g.channels * g.kernel_w * VECTOR;
}

// The last pixels of each row, which fill no register, as each tap reads them; zeros after them,
// for what x has there belongs to no output, and might be infinite.
void copy_rest(const Correlation& g, const Planes& planes, const float* RESTRICT x,
               std::int64_t rest, float* RESTRICT to) {
    const int last = static_cast<int>(rest);
    for (std::int64_t row = 0; row < planes.rows * g.channels; ++row, x += planes.width) {
        for (std::int64_t t = 0; t < g.kernel_w; ++t, to += VECTOR) {
            const float* RESTRICT from = x + t * g.dilation_w;
#pragma omp simd
            for (int l = 0; l < VECTOR; ++l) to[l] = l < last ? from[l] : 0.0F;
        }
    }
}

}  // namespace

std::int64_t few_grad_weight_floats(const Correlation& g, const PixelBlock& largest) {
    return lane_sums(g) + plane_floats(g, largest) + rest_floats(g, largest) +
           (largest.i1 - largest.i0) * g.out_channels * dy_width(largest);
}

void few_grad_weight(const WeightGradient& w, const PixelBlock& block, float* scratch) {
    const Correlation& g = w.geometry;
    const std::int64_t rows = block.i1 - block.i0, columns = block.j1 - block.j0;
    const std::int64_t whole = columns / VECTOR, rest = columns % VECTOR;
    float* const x = scratch + lane_sums(g);
    float* const x_rest = x + plane_floats(g, block);
    float* const dy = x_rest + rest_floats(g, block);
    const Planes planes = planes_of(g, block);
    const std::int64_t width = dy_width(block);
    copy_planes(g, block, planes, x);
    if (rest > 0) copy_rest(g, planes, x + whole * VECTOR, rest, x_rest);
    for (std::int64_t i = 0; i < rows; ++i) {
        float* const row = dy + i * g.out_channels * width;
        for (std::int64_t k = 0; k < g.out_channels; ++k)
            zero_floats(row + k * width + columns, width - columns);
        transpose_block(
            w.dy + block.image * g.y_image + (block.i0 + i) * g.y_row + block.j0 * g.y_pixel,
            g.y_pixel, columns, g.out_channels, row, width);
    }
    const std::int64_t x_row = g.channels * planes.width, dy_row = g.out_channels * width;
    const std::int64_t rest_row = g.channels * g.kernel_w * VECTOR;
    add_side<FEW_SUMMED>(g,
                         {x, dy, g.dilation_w, g.step_h * x_row, g.dilation_h * x_row, planes.width,
                          dy_row, width, rows, whole},
                         scratch);
    add_side<FEW_SUMMED>(
        g,
        {x_rest, dy + whole * VECTOR, VECTOR, g.step_h * rest_row, g.dilation_h * rest_row,
         g.kernel_w * VECTOR, dy_row, width, rows, rest > 0 ? 1 : 0},
        scratch);
}

void few_grad_weight_start(const Correlation& g, float* scratch) {
    zero_floats(scratch, lane_sums(g));
}

void few_grad_weight_finish(const Correlation& g, const float* scratch, const WeightSums& sums) {
    const std::int64_t rows = g.kernel_h * g.kernel_w * g.channels;
    const std::int64_t step = panel_width(g.panels, 0);
    float* to = sums.to + sums.rows_before * step;
    for (std::int64_t m = 0; m < rows; ++m, to += step) {
        for (std::int64_t k = 0; k < g.out_channels; ++k, scratch += VECTOR) {
            float sum = 0;
            for (int l = 0; l < VECTOR; ++l) sum += scratch[l];
            to[k] = sums.resume ? to[k] + sum : sum;
        }
    }
}

}  // namespace convlet::CONVLET_ISA
