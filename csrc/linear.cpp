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

// Few rows, for each of which there are so many inputs, do not pay for packing the weight; a task
// reads about so many floats of it.
constexpr std::int64_t MOST_DOT_ROWS = 8, INPUTS_OF_ROW = 64, DOT_FLOATS = 64 * 1024;

// A sum over so many rows and more is cut into chunks of them, as convolutions do.
constexpr std::int64_t DEEP = 1024;

bool is_small(const LinearShape& s) {
    return s.inputs < SMALL && s.outputs < SMALL && s.rows < SMALL &&
           s.inputs * s.outputs < SMALL && s.inputs * s.outputs * s.rows < SMALL;
}

// On the calling thread, in the floating-point mode of all kernels.
void multiply(const SmallProduct& product) {
    const KernelTable& table = kernels();
    parallel_for(1, 0, [&](std::int64_t) { table.small_product(product); });
}

Conv2dShape as_conv2d(const LinearShape& s) {
    return checked_conv2d({s.rows, s.inputs, 1, 1}, {s.outputs, s.inputs, 1, 1},
                          {"linear", {1, 1}, {0, 0}, {1, 1}, 1});
}

}  // namespace

void linear_forward(const LinearShape& s, const float* x, const float* weight, const float* bias,
                    Activation activation, float* y) {
    if (s.rows > 0 && s.rows <= s.inputs / INPUTS_OF_ROW && s.rows <= MOST_DOT_ROWS) {
        const DotProducts products{x, weight, bias, y, s.rows, s.inputs, s.outputs, activation};
        const std::int64_t columns = std::max<std::int64_t>(4, DOT_FLOATS / s.inputs / 4 * 4);
        const double cost = static_cast<double>(s.inputs) * static_cast<double>(s.outputs) / 4;
        const KernelTable& table = kernels();
        parallel_for(ceil_div(s.outputs, columns), cost, [&](std::int64_t task) {
            const std::int64_t first = task * columns;
            table.dot_products(products, first, std::min(s.outputs, first + columns));
        });
        return;
    }
    conv2d_forward(as_conv2d(s), x, weight, {nullptr, bias, nullptr, activation}, y);
}

void linear_grad_input(const LinearShape& s, const float* dy, const float* weight, float* dx) {
    if (is_small(s)) {
        multiply({dy, s.outputs, 1, weight, s.inputs, dx, s.rows, s.inputs, s.outputs});
        return;
    }
    conv2d_grad_input(as_conv2d(s), dy, weight, nullptr, dx);
}

void linear_grad_weight(const LinearShape& s, const float* dy, const float* x, float* dw) {
    if (is_small(s)) {
        kernels().small_product({dy, 1, s.outputs, x, s.inputs, dw, s.outputs, s.inputs, s.rows});
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
