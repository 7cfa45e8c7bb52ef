#include "loss.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 8192;  // logits of a task

template <class Body>
void for_rows(std::int64_t rows, std::int64_t classes, double cost, Body body) {
    const std::int64_t chunk = std::max<std::int64_t>(1, CHUNK / classes);
    parallel_for(ceil_div(rows, chunk), cost * static_cast<double>(rows * classes),
                 [&](std::int64_t task) {
                     const std::int64_t first = task * chunk;
                     body(first, std::min(chunk, rows - first));
                 });
}

}  // namespace

void check_labels(const char* op, const std::int64_t* labels, std::int64_t rows,
                  std::int64_t classes) {
    for (std::int64_t n = 0; n < rows; ++n)
        if (labels[n] < 0 || labels[n] >= classes)
            reject(op, ": labels must be in [0, ", classes, "), got ", labels[n], " at index ", n);
}

void softmax_cross_entropy_forward(const float* logits, const std::int64_t* labels,
                                   std::int64_t rows, std::int64_t classes, float* losses,
                                   float* probabilities) {
    const KernelTable& table = kernels();
    for_rows(rows, classes, 8, [&](std::int64_t at, std::int64_t n) {
        table.softmax_cross_entropy(logits + at * classes, labels + at, n, classes, losses + at,
                                    probabilities + at * classes);
    });
}

void softmax_cross_entropy_grad(const float* probabilities, const std::int64_t* labels,
                                const float* dlosses, std::int64_t rows, std::int64_t classes,
                                float* dlogits) {
    const KernelTable& table = kernels();
    for_rows(rows, classes, 1, [&](std::int64_t at, std::int64_t n) {
        table.softmax_cross_entropy_grad(probabilities + at * classes, labels + at, dlosses + at, n,
                                         classes, dlogits + at * classes);
    });
}

}  // namespace convlet
