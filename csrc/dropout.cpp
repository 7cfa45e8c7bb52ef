#include "dropout.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 8192;  // a multiple of 64: whole mask bytes and counters

template <class Body>
void for_chunks(std::int64_t count, double cost, Body body) {
    parallel_for(ceil_div(count, CHUNK), cost * static_cast<double>(count), [&](std::int64_t task) {
        const std::int64_t first = task * CHUNK;
        body(first, std::min(CHUNK, count - first));
    });
}

}  // namespace

void dropout_forward(const float* x, std::int64_t count, const DropoutRule& rule, float* y,
                     std::uint8_t* mask) {
    const KernelTable& table = kernels();
    for_chunks(count, 6, [&](std::int64_t at, std::int64_t n) {
        DropoutRule part = rule;
        part.counter += static_cast<std::uint64_t>(at / 4);
        table.dropout(part, x + at, n, y + at, mask + at / 8);
    });
}

void dropout_grad(const float* dy, const std::uint8_t* mask, std::int64_t count, float scale,
                  float* dx) {
    const KernelTable& table = kernels();
    for_chunks(count, 1, [&](std::int64_t at, std::int64_t n) {
        table.dropout_grad(dy + at, mask + at / 8, n, scale, dx + at);
    });
}

}  // namespace convlet
