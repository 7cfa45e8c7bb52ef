#include "optim.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 16384;  // floats of a task

template <class Update>
void for_chunks(const std::vector<OptimTensor>& tensors, Update update) {
    std::vector<std::int64_t> first{0};
    std::int64_t floats = 0;
    for (const OptimTensor& t : tensors) {
        first.push_back(first.back() + ceil_div(t.count, CHUNK));
        floats += t.count;
    }
    parallel_for(first.back(), static_cast<double>(floats) * 4, [&](std::int64_t task) {
        const auto index = static_cast<std::size_t>(
            std::upper_bound(first.begin(), first.end(), task) - first.begin() - 1);
        const OptimTensor& t = tensors[index];
        const std::int64_t at = (task - first[index]) * CHUNK;
        update(t, at, std::min(CHUNK, t.count - at));
    });
}

}  // namespace

void sgd_step(const std::vector<OptimTensor>& tensors, const SgdRule& rule) {
    const KernelTable& table = kernels();
    for_chunks(tensors, [&](const OptimTensor& t, std::int64_t at, std::int64_t count) {
        table.sgd(rule, t.parameter + at, t.gradient + at,
                  t.first == nullptr ? nullptr : t.first + at, count);
    });
}

void adam_step(const std::vector<OptimTensor>& tensors, const AdamRule& rule) {
    const KernelTable& table = kernels();
    for_chunks(tensors, [&](const OptimTensor& t, std::int64_t at, std::int64_t count) {
        table.adam(rule, t.parameter + at, t.gradient + at, t.first + at, t.second + at, count);
    });
}

}  // namespace convlet
