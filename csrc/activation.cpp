#include "activation.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 16384;  // floats: half of an L1 for input and output

template <class Body>
void for_chunks(std::int64_t count, double cost, Body body) {
    parallel_for(ceil_div(count, CHUNK), cost * static_cast<double>(count), [&](std::int64_t task) {
        const std::int64_t first = task * CHUNK;
        body(first, std::min(CHUNK, count - first));
    });
}

// An exponential takes about as long as moving so many floats.
double cost_of(Unary f) {
    switch (f) {
        case Unary::relu6:
        case Unary::leaky_relu:
        case Unary::hardsigmoid:
        case Unary::hardswish:
            return 1;
        default:
            return 4;
    }
}

}  // namespace

void relu_forward(const float* x, std::int64_t count, float* y) {
    const KernelTable& table = kernels();
    for_chunks(count, 1, [&](std::int64_t at, std::int64_t n) { table.relu(x + at, n, y + at); });
}

void relu_grad(const float* dy, const float* y, std::int64_t count, float* dx) {
    const KernelTable& table = kernels();
    for_chunks(count, 1, [&](std::int64_t at, std::int64_t n) {
        table.relu_grad(dy + at, y + at, n, dx + at);
    });
}

void unary_forward(Unary f, float parameter, const float* x, std::int64_t count, float* y) {
    const KernelTable& table = kernels();
    for_chunks(count, cost_of(f), [&](std::int64_t at, std::int64_t n) {
        table.unary(f, parameter, x + at, n, y + at);
    });
}

void unary_grad(Unary f, float parameter, const float* dy, const float* saved, std::int64_t count,
                float* dx) {
    const KernelTable& table = kernels();
    for_chunks(count, cost_of(f), [&](std::int64_t at, std::int64_t n) {
        table.unary_grad(f, parameter, dy + at, saved + at, n, dx + at);
    });
}

}  // namespace convlet
