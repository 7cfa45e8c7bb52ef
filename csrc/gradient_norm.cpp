#include "gradient_norm.hpp"

#include <algorithm>
#include <numeric>

#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK = 16384;  // floats of a task

// Pieces of the arrays, one per task.
std::vector<Values> pieces_of(const std::vector<Values>& arrays) {
    std::vector<Values> pieces;
    for (const Values& array : arrays)
        for (std::int64_t at = 0; at < array.count; at += CHUNK)
            pieces.push_back({array.data + at, std::min(CHUNK, array.count - at)});
    return pieces;
}

template <class Body>
void for_pieces(const std::vector<Values>& pieces, Body body) {
    const auto tasks = static_cast<std::int64_t>(pieces.size());
    parallel_for(tasks, static_cast<double>(tasks * CHUNK), [&](std::int64_t task) {
        const auto index = static_cast<std::size_t>(task);
        body(pieces[index], index);
    });
}

}  // namespace

double sum_of_squares(const std::vector<Values>& arrays) {
    const std::vector<Values> pieces = pieces_of(arrays);
    std::vector<double> sums(pieces.size());
    const KernelTable& table = kernels();
    for_pieces(pieces, [&](const Values& piece, std::size_t index) {
        sums[index] = table.sum_of_squares(piece.data, piece.count);
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void scale(const std::vector<Values>& arrays, float factor) {
    const KernelTable& table = kernels();
    for_pieces(pieces_of(arrays), [&](const Values& piece, std::size_t) {
        table.scale(piece.data, piece.count, factor);
    });
}

}  // namespace convlet
