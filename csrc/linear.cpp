#include "linear.hpp"

#include <algorithm>

#include "conv2d.hpp"
#include "dispatch.hpp"
#include "layout.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

// Below so many products, packing and sharing out the work take longer than the products.
constexpr std::int64_t SMALL = 1 << 20;

// A right side of so many floats stays in the L2, where any of its rows is as near as a packed one.
// A task makes about so many products, from a multiple of the rows of its tiles.
constexpr std::int64_t NEAR_FLOATS = 1 << 16, TASK_PRODUCTS = 1 << 18, ROWS_OF_TILES = 6;

// Dot products read the weight where it lies, and add up the lanes of each sum at its end. That
// pays for few rows, and for more where each has so many inputs, but not so many that the rows of a
// tile leave the L1. A task takes so many rows, whose neighbours in memory are then its own, and
// columns of about so many floats of the weight.
constexpr std::int64_t FEW_ROWS = 8, LEAST_INPUTS = 64, NEAR_INPUTS = 512;
constexpr std::int64_t DOT_ROWS = 16, DOT_FLOATS = 64 * 1024;
constexpr std::int64_t DOT_COLUMNS = 6;  // of a tile

bool sums_dots(const LinearShape& s) {
    if (s.inputs < LEAST_INPUTS) return false;
    return (s.rows <= FEW_ROWS && s.rows <= s.inputs / LEAST_INPUTS) ||
           (s.inputs <= NEAR_INPUTS && s.rows <= s.inputs / 2);
}

void sum_dots(const LinearShape& s, const DotProducts& products) {
    const std::int64_t columns =
        std::max<std::int64_t>(1, DOT_FLOATS / s.inputs / DOT_COLUMNS) * DOT_COLUMNS;
    const std::int64_t row_blocks = ceil_div(s.rows, DOT_ROWS);
    // Reading a weight takes as long as so many products with it.
    const double reads = static_cast<double>(s.inputs) * static_cast<double>(s.outputs) / 4;
    const double cost = reads * std::max(1.0, static_cast<double>(s.rows) * 8 / FLOPS_PER_COST);
    const KernelTable& table = kernels();
    parallel_for(row_blocks * ceil_div(s.outputs, columns), cost, [&](std::int64_t task) {
        const std::int64_t row = task % row_blocks * DOT_ROWS, k = task / row_blocks * columns;
        table.dot_products(
            products, {row, std::min(s.rows, row + DOT_ROWS), k, std::min(s.outputs, k + columns)});
    });
}

// A sum over so many rows and more is cut into chunks of them, as convolutions do.
constexpr std::int64_t DEEP = 1024;

bool is_small(const LinearShape& s) {
    return s.inputs < SMALL && s.outputs < SMALL && s.rows < SMALL &&
           s.inputs * s.outputs < SMALL && s.inputs * s.outputs * s.rows < SMALL;
}

// Whether the right side of a product, (depth, columns) in rows, is read as it is.
bool reads_in_place(const LinearShape& s, std::int64_t depth, std::int64_t columns) {
    return is_small(s) || (depth < SMALL && columns < SMALL && depth * columns <= NEAR_FLOATS);
}

void multiply(const SmallProduct& product) {
    const std::int64_t row = std::max<std::int64_t>(1, product.columns * product.depth);
    const double flops = 2.0 * static_cast<double>(row) * static_cast<double>(product.rows);
    const std::int64_t rows =
        std::max<std::int64_t>(1, TASK_PRODUCTS / row / ROWS_OF_TILES) * ROWS_OF_TILES;
    const KernelTable& table = kernels();
    parallel_for(ceil_div(product.rows, rows), flops / FLOPS_PER_COST, [&](std::int64_t task) {
        SmallProduct part = product;
        part.a += task * rows * product.a_row;
        part.c += task * rows * product.columns;
        part.rows = std::min(rows, product.rows - task * rows);
        table.small_product(part);
    });
}

Conv2dShape as_conv2d(const LinearShape& s) {
    return checked_conv2d({s.rows, s.inputs, 1, 1}, {s.outputs, s.inputs, 1, 1},
                          {"linear", {1, 1}, {}, {1, 1}, 1});
}

}  // namespace

void linear_forward(const LinearShape& s, const float* x, const float* weight, const float* bias,
                    Activation activation, float* y) {
    if (sums_dots(s)) {
        sum_dots(s, {x, weight, bias, y, s.inputs, s.outputs, activation});
        return;
    }
    conv2d_forward(as_conv2d(s), x, weight, {nullptr, bias, nullptr, activation}, y);
}

void linear_grad_input(const LinearShape& s, const float* dy, const float* weight, float* dx) {
    if (reads_in_place(s, s.outputs, s.inputs)) {
        multiply({dy, s.outputs, 1, weight, s.inputs, dx, s.rows, s.inputs, s.outputs});
        return;
    }
    conv2d_grad_input(as_conv2d(s), dy, weight, nullptr, dx);
}

void linear_grad_weight(const LinearShape& s, const float* dy, const float* x, float* dw) {
    if (s.rows == 0) {
        std::fill_n(dw, s.outputs * s.inputs, 0.0F);
        return;
    }
    if (reads_in_place(s, s.rows, s.inputs) && s.rows <= DEEP) {
        multiply({dy, 1, s.outputs, x, s.inputs, dw, s.outputs, s.inputs, s.rows});
        return;
    }
    if (s.rows > DEEP || s.outputs < s.rows) {
        conv2d_grad_weight(as_conv2d(s), dy, x, dw);
        return;
    }
    // Few rows make a short depth: dy's columns, brought together, then go the way of rows.
    const std::int64_t item = sizeof(float);
    const Scratch columns(s.outputs * s.rows);
    to_contiguous({reinterpret_cast<const char*>(dy),
                   {1, 1, s.outputs, s.rows},
                   {0, 0, item, s.outputs * item}},
                  columns.data());
    linear_grad_input(checked_linear("linear", s.outputs, s.inputs, s.rows, s.inputs),
                      columns.data(), x, dw);
}

}  // namespace convlet
