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
double cost_of(Unary f) { return f == Unary::sigmoid || f == Unary::silu ? 4 : 1; }

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

void unary_forward(Unary f, float slope, const float* x, std::int64_t count, float* y) {
    const KernelTable& table = kernels();
    for_chunks(count, cost_of(f),
               [&](std::int64_t at, std::int64_t n) { table.unary(f, slope, x + at, n, y + at); });
}

void unary_grad(Unary f, float slope, const float* dy, const float* saved, std::int64_t count,
                float* dx) {
    const KernelTable& table = kernels();
    for_chunks(count, cost_of(f), [&](std::int64_t at, std::int64_t n) {
        table.unary_grad(f, slope, dy + at, saved + at, n, dx + at);
    });
}

}  // namespace convlet
