#include "optim.hpp"

#include <algorithm>
#include <functional>

#include "dispatch.hpp"
#include "reject.hpp"
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
    parallel_for(first.back(), static_cast<double>(floats), [&](std::int64_t task) {
        const auto index = static_cast<std::size_t>(
            std::upper_bound(first.begin(), first.end(), task) - first.begin() - 1);
        const OptimTensor& t = tensors[index];
        const std::int64_t at = (task - first[index]) * CHUNK;
        update(t, at, std::min(CHUNK, t.count - at));
    });
}

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
