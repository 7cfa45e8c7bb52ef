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

PhiloxStream advanced(PhiloxStream stream, std::uint64_t counters) {
    stream.low += counters;
    if (stream.low < counters) ++stream.high;
    return stream;
}

}  // namespace

void dropout_forward(const float* x, std::int64_t count, const DropoutRule& rule, float* y,
                     std::uint8_t* mask) {
    if (rule.scale == 0) {  // p = 1 keeps nothing, also of NaN and infinity
        std::fill_n(y, count, 0.0F);
        std::fill_n(mask, mask_bytes(count), std::uint8_t{0});
        return;
    }
    const KernelTable& table = kernels();
    for_chunks(count, 6, [&](std::int64_t at, std::int64_t n) {
        DropoutRule part = rule;
        part.stream = advanced(rule.stream, static_cast<std::uint64_t>(at / 4));
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
