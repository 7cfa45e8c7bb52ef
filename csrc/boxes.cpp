#include "boxes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dispatch.hpp"
#include "memory.hpp"
#include "reject.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t PAIRS_OF_TASK = 16 * 1024;
constexpr double COST_OF_PAIR = 4;
constexpr std::int64_t BOX = 4, KEPT_ROWS = 5;

std::vector<float> angles(const float* boxes, std::int64_t count, Overlap kind) {
    std::vector<float> of(kind == Overlap::ciou ? static_cast<std::size_t>(count) : 0);
    for (std::size_t i = 0; i < of.size(); ++i, boxes += BOX)
        of[i] = std::atan2(boxes[2] - boxes[0], boxes[3] - boxes[1]);
    return of;
}

template <class Body>
void for_rows(std::int64_t rows, std::int64_t pairs_of_row, Body body) {
    const std::int64_t each =
        std::max<std::int64_t>(1, PAIRS_OF_TASK / std::max<std::int64_t>(1, pairs_of_row));
    const double cost =
        COST_OF_PAIR * static_cast<double>(rows) * static_cast<double>(pairs_of_row);
    parallel_for(ceil_div(rows, each), cost,
                 [&](std::int64_t task) { body(task * each, std::min(rows, (task + 1) * each)); });
}

// Numbers from the highest score to the lowest.
std::vector<std::int64_t> by_score(const float* scores, std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
    return order;
}

// The order's numbers, group by group; inside a group they stay in order.
std::vector<std::vector<std::int64_t>> grouped(const std::vector<std::int64_t>& order,
                                               const std::int64_t* groups) {
    if (groups == nullptr) return {order};
    std::vector<std::int64_t> names(groups, groups + order.size());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::vector<std::vector<std::int64_t>> parts(names.size());
    for (const std::int64_t number : order) {
        const auto at = std::lower_bound(names.begin(), names.end(), groups[number]);
        parts[static_cast<std::size_t>(at - names.begin())].push_back(number);
    }
    return parts;
}

// Marks those of one group that are kept.
void suppress(const float* boxes, const std::vector<std::int64_t>& numbers, float threshold,
              float* rows, std::vector<char>& kept) {
    const auto room = static_cast<std::int64_t>(numbers.size());
    const KernelTable& table = kernels();
    std::int64_t count = 0;
    for (const std::int64_t number : numbers) {
        const float* box = boxes + number * BOX;
        if (table.box_suppressed({rows, room, count}, box, threshold)) continue;
        for (std::int64_t i = 0; i < BOX; ++i) rows[i * room + count] = box[i];
        rows[BOX * room + count] = (box[2] - box[0]) * (box[3] - box[1]);
        kept[static_cast<std::size_t>(number)] = 1;
        ++count;
    }
}

float decay(const SoftNms& rule, float iou) {
    if (rule.gaussian) return std::exp(-iou * iou / rule.sigma);
    return iou > rule.threshold ? 1.0F - iou : 1.0F;
}

void soften(const float* boxes, const float* scores, std::vector<std::int64_t> numbers,
            const SoftNms& rule, Kept& kept) {
    std::vector<float> left, overlaps(numbers.size());
    for (const std::int64_t number : numbers) left.push_back(scores[number]);
    const KernelTable& table = kernels();
    std::vector<float> rest(numbers.size() * BOX);
    while (!numbers.empty()) {
        const auto top = std::max_element(left.begin(), left.end());
        if (!(*top >= rule.least)) return;
        const auto at = top - left.begin();
        const std::int64_t number = numbers[static_cast<std::size_t>(at)];
        kept.numbers.push_back(number);
        kept.scores.push_back(*top);
        left.erase(top);
        numbers.erase(numbers.begin() + at);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            std::copy_n(boxes + numbers[i] * BOX, BOX, rest.data() + i * BOX);
        table.box_overlaps({boxes + number * BOX, rest.data(), nullptr, nullptr,
                            static_cast<std::int64_t>(numbers.size()), Overlap::iou, 0},
                           0, 1, overlaps.data());
        for (std::size_t i = 0; i < left.size(); ++i) left[i] *= decay(rule, overlaps[i]);
    }
}

}  // namespace

Overlap overlap_named(const char* op, const std::string& name) {
    if (name == "iou") return Overlap::iou;
    if (name == "giou") return Overlap::giou;
    if (name == "diou") return Overlap::diou;
    if (name == "ciou") return Overlap::ciou;
    reject(op, ": kind must be 'iou', 'giou', 'diou' or 'ciou', got '", name, "'");
}

void box_overlaps(const float* a, std::int64_t a_count, const float* b, std::int64_t b_count,
                  Overlap kind, float eps, float* out) {
    const std::vector<float> of_a = angles(a, a_count, kind), of_b = angles(b, b_count, kind);
    const BoxPairs pairs{a, b, of_a.data(), of_b.data(), b_count, kind, eps};
    const KernelTable& table = kernels();
    for_rows(a_count, b_count, [&](std::int64_t first, std::int64_t last) {
        table.box_overlaps(pairs, first, last, out);
    });
}

void paired_overlaps(const float* a, const float* b, std::int64_t count, Overlap kind, float eps,
                     float* out) {
    const std::vector<float> of_a = angles(a, count, kind), of_b = angles(b, count, kind);
    const BoxPairs pairs{a, b, of_a.data(), of_b.data(), count, kind, eps};
    const KernelTable& table = kernels();
    for_rows(count, 1, [&](std::int64_t first, std::int64_t last) {
        table.paired_overlaps(pairs, first, last, out);
    });
}

void paired_overlaps_grad(const float* a, const float* b, std::int64_t count, Overlap kind,
                          float eps, const float* dy, float* da) {
    const std::vector<float> of_a = angles(a, count, kind), of_b = angles(b, count, kind);
    const BoxPairs pairs{a, b, of_a.data(), of_b.data(), count, kind, eps};
    const KernelTable& table = kernels();
    for_rows(count, 1, [&](std::int64_t first, std::int64_t last) {
        table.paired_overlaps_grad(pairs, first, last, dy, da);
    });
}

void check_finite(const char* op, const char* name, const float* rows, std::int64_t count,
                  std::int64_t columns) {
    for (std::int64_t i = 0; i < count * columns; ++i)
        if (!std::isfinite(rows[i]))
            reject(op, ": ", name, " must be finite, got ", rows[i], " in row ", i / columns);
}

std::vector<std::int64_t> nms(const float* boxes, const float* scores, const std::int64_t* groups,
                              std::int64_t count, float threshold) {
    const std::vector<std::int64_t> order = by_score(scores, count);
    const std::vector<std::vector<std::int64_t>> parts = grouped(order, groups);
    std::vector<char> kept(static_cast<std::size_t>(count));
    std::vector<std::int64_t> first{0};
    for (const auto& part : parts)
        first.push_back(first.back() + KEPT_ROWS * static_cast<std::int64_t>(part.size()));
    const Scratch rows(first.back());
    parallel_for(static_cast<std::int64_t>(parts.size()), static_cast<double>(count) * 100,
                 [&](std::int64_t part) {
                     const auto at = static_cast<std::size_t>(part);
                     suppress(boxes, parts[at], threshold, rows.data() + first[at], kept);
                 });
    std::vector<std::int64_t> numbers;
    for (const std::int64_t number : order)
        if (kept[static_cast<std::size_t>(number)] != 0) numbers.push_back(number);
    return numbers;
}

Kept soft_nms(const float* boxes, const float* scores, const std::int64_t* groups,
              std::int64_t count, const SoftNms& rule) {
    Kept all;
    for (const auto& part : grouped(by_score(scores, count), groups))
        soften(boxes, scores, part, rule, all);
    const std::vector<std::int64_t> order =
        by_score(all.scores.data(), static_cast<std::int64_t>(all.scores.size()));
    Kept sorted;
    for (const std::int64_t i : order) {
        sorted.numbers.push_back(all.numbers[static_cast<std::size_t>(i)]);
        sorted.scores.push_back(all.scores[static_cast<std::size_t>(i)]);
    }
    return sorted;
}

}  // namespace convlet
