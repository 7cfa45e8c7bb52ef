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

void check_cross_entropy(const char* op, const CrossEntropy& rule, bool ignores,
                         const std::int64_t* labels, std::int64_t rows) {
    if (!(rule.smoothing >= 0.0F && rule.smoothing <= 1.0F))
        reject(op, ": label_smoothing must be in [0, 1], got ", rule.smoothing);
    for (std::int64_t n = 0; n < rows; ++n)
        if ((labels[n] < 0 || labels[n] >= rule.classes) && !(ignores && labels[n] == rule.ignored))
            reject(op, ": labels must be in [0, ", rule.classes, "), got ", labels[n], " at index ",
                   n);
}

void softmax_cross_entropy_forward(const CrossEntropy& rule, const float* logits,
                                   const std::int64_t* labels, std::int64_t rows, float* losses,
                                   float* probabilities) {
    const KernelTable& table = kernels();
    for_rows(rows, rule.classes, 8, [&](std::int64_t at, std::int64_t n) {
        table.softmax_cross_entropy(rule, logits + at * rule.classes, labels + at, n, losses + at,
                                    probabilities + at * rule.classes);
    });
}

void softmax_cross_entropy_grad(const CrossEntropy& rule, const float* probabilities,
                                const std::int64_t* labels, const float* dlosses, std::int64_t rows,
                                float* dlogits) {
    const KernelTable& table = kernels();
    for_rows(rows, rule.classes, 1, [&](std::int64_t at, std::int64_t n) {
        table.softmax_cross_entropy_grad(rule, probabilities + at * rule.classes, labels + at,
                                         dlosses + at, n, dlogits + at * rule.classes);
    });
}

void binary_cross_entropy_forward(const float* logits, const float* targets, std::int64_t count,
                                  float pos_weight, float* losses) {
    const KernelTable& table = kernels();
    for_rows(count, 1, 4, [&](std::int64_t at, std::int64_t n) {
        table.binary_cross_entropy(logits + at, targets + at, n, pos_weight, losses + at);
    });
}

void binary_cross_entropy_grad(const float* dlosses, const float* logits, const float* targets,
                               std::int64_t count, float pos_weight, float* dlogits) {
    const KernelTable& table = kernels();
    for_rows(count, 1, 4, [&](std::int64_t at, std::int64_t n) {
        table.binary_cross_entropy_grad(dlosses + at, logits + at, targets + at, n, pos_weight,
                                        dlogits + at);
    });
}

}  // namespace convlet
