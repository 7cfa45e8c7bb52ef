#include "optim.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "dispatch.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 16384;  // floats of a task

// The number of the first task of each tensor, and of all tasks.
std::vector<std::int64_t> first_tasks(const std::vector<OptimTensor>& tensors) {
    std::vector<std::int64_t> first{0};
    for (const OptimTensor& t : tensors) first.push_back(first.back() + ceil_div(t.count, CHUNK));
    return first;
}

// update(tensor's number, its first float, how many, the task's number)
template <class Update>
void for_chunks(const std::vector<OptimTensor>& tensors, Update update) {
    const std::vector<std::int64_t> first = first_tasks(tensors);
    std::int64_t floats = 0;
    for (const OptimTensor& t : tensors) floats += t.count;
    parallel_for(first.back(), static_cast<double>(floats), [&](std::int64_t task) {
        const auto index = static_cast<std::size_t>(
            std::upper_bound(first.begin(), first.end(), task) - first.begin() - 1);
        const std::int64_t at = (task - first[index]) * CHUNK;
        update(index, at, std::min(CHUNK, tensors[index].count - at),
               static_cast<std::size_t>(task));
    });
}

using Norms = std::array<double, 2>;

// The norms of two things per tensor. squares(tensor, first float, how many) gives a chunk's sums
// of squares, which are added in order: the bits do not depend on threads.
template <class Squares>
std::vector<Norms> norms(const std::vector<OptimTensor>& tensors, Squares squares) {
    const std::vector<std::int64_t> first = first_tasks(tensors);
    std::vector<Norms> sums(static_cast<std::size_t>(first.back()));
    for_chunks(tensors, [&](std::size_t index, std::int64_t at, std::int64_t count,
                            std::size_t task) { sums[task] = squares(tensors[index], at, count); });
    std::vector<Norms> result;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        Norms total{};
        for (auto task = static_cast<std::size_t>(first[i]);
             task < static_cast<std::size_t>(first[i + 1]); ++task)
            for (std::size_t k = 0; k < 2; ++k) total[k] += sums[task][k];
        result.push_back({std::sqrt(total[0]), std::sqrt(total[1])});
    }
    return result;
}

float* at_or_null(float* data, std::int64_t at) { return data == nullptr ? nullptr : data + at; }

struct Span {
    const float *first, *last;
    bool written;
};

}  // namespace

void check_apart(const char* op, const std::vector<OptimTensor>& tensors) {
    std::vector<Span> spans;
    const auto add = [&](const float* data, std::int64_t count, bool written) {
        if (data != nullptr && count > 0) spans.push_back({data, data + count, written});
    };
    for (const OptimTensor& t : tensors) {
        add(t.parameter, t.count, true);
        add(t.gradient, t.count, false);
        add(t.first, t.count, true);
        add(t.second, t.count, true);
        add(t.third, t.count, true);
    }
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return std::less<>()(a.first, b.first); });
    const float *end = nullptr, *written_end = nullptr;  // of the spans so far
    for (const Span& s : spans) {
        if (std::less<>()(s.first, s.written ? end : written_end))
            reject(op, ": params and their state must not share memory with other arrays");
        end = std::max(end, s.last, std::less<>());
        if (s.written) written_end = std::max(written_end, s.last, std::less<>());
    }
}

void sgd_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule) {
    const KernelTable& table = kernels();
    for_chunks(
        tensors, [&](std::size_t index, std::int64_t at, std::int64_t count, std::size_t /*task*/) {
            const OptimTensor& t = tensors[index];
            table.sgd(rule, t.parameter + at, t.gradient + at, at_or_null(t.first, at), count);
        });
}

void adam_step(const std::vector<OptimTensor>& tensors, const AdamRule& rule) {
    const KernelTable& table = kernels();
    for_chunks(tensors,
               [&](std::size_t index, std::int64_t at, std::int64_t count, std::size_t /*task*/) {
                   const OptimTensor& t = tensors[index];
                   table.adam(rule, t.parameter + at, t.gradient + at, t.first + at, t.second + at,
                              at_or_null(t.third, at), count);
               });
}

void rmsprop_step(const std::vector<OptimTensor>& tensors, const RmspropRule& rule) {
    const KernelTable& table = kernels();
    for_chunks(tensors,
               [&](std::size_t index, std::int64_t at, std::int64_t count, std::size_t /*task*/) {
                   const OptimTensor& t = tensors[index];
                   table.rmsprop(rule, t.parameter + at, t.gradient + at, t.first + at,
                                 at_or_null(t.second, at), at_or_null(t.third, at), count);
               });
}

void lars_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule, double trust,
               double eps) {
    const KernelTable& table = kernels();
    const std::vector<Norms> sizes =
        norms(tensors, [&](const OptimTensor& t, std::int64_t at, std::int64_t count) {
            return Norms{table.sum_of_squares(t.parameter + at, count),
                         table.sum_of_squares(t.gradient + at, count)};
        });
    std::vector<SgdRule> rules;
    for (const auto& [parameter, gradient] : sizes) {
        const double whole = gradient + static_cast<double>(rule.weight_decay) * parameter + eps;
        const bool adapts = parameter > 0 && gradient > 0;
        const auto ratio = static_cast<float>(adapts ? trust * parameter / whole : 1.0);
        rules.push_back(rule);
        rules.back().weight_decay *= ratio;
        rules.back().scale *= ratio;
    }
    for_chunks(tensors, [&](std::size_t index, std::int64_t at, std::int64_t count,
                            std::size_t /*task*/) {
        const OptimTensor& t = tensors[index];
        table.sgd(rules[index], t.parameter + at, t.gradient + at, at_or_null(t.first, at), count);
    });
}

void lamb_step(const std::vector<OptimTensor>& tensors, const LambRule& rule, double lr,
               bool adapt) {
    const KernelTable& table = kernels();
    const std::vector<Norms> sizes =
        norms(tensors, [&](const OptimTensor& t, std::int64_t at, std::int64_t count) {
            std::array<float, 2> squares{};
            table.lamb_moments(rule, t.parameter + at, t.gradient + at, t.first + at, t.second + at,
                               count, squares.data());
            return Norms{static_cast<double>(squares[0]), static_cast<double>(squares[1])};
        });
    for_chunks(
        tensors, [&](std::size_t index, std::int64_t at, std::int64_t count, std::size_t /*task*/) {
            const OptimTensor& t = tensors[index];
            const auto& [parameter, change] = sizes[index];
            const bool adapts = adapt && parameter > 0 && change > 0;
            const auto rate = static_cast<float>(adapts ? lr * parameter / change : lr);
            table.lamb_change(rule, rate, t.parameter + at, t.first + at, t.second + at, count);
        });
}

void average_step(const std::vector<OptimTensor>& tensors, double weight) {
    const KernelTable& table = kernels();
    for_chunks(tensors, [&](std::size_t index, std::int64_t at, std::int64_t count,
                            std::size_t /*task*/) {
        const OptimTensor& t = tensors[index];
        table.move_average(static_cast<float>(weight), t.gradient + at, t.parameter + at, count);
    });
}

}  // namespace convlet
