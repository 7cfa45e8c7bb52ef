#include "layer_norm.hpp"

#include <algorithm>
#include <optional>

#include "blocks.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace convlet {
namespace {

constexpr std::int64_t CHUNK_FLOATS = 32 * 1024;
constexpr std::int64_t MOST_CHUNKS = 64;

Chunks cut_rows(const LayerNormShape& s) {
    const std::int64_t most = std::min(MOST_CHUNKS, std::max<std::int64_t>(s.rows, 1));
    return {std::clamp<std::int64_t>(s.rows * s.features / CHUNK_FLOATS, 1, most), s.rows};
}

template <class Body>
void for_chunks(const Chunks& chunks, const LayerNormShape& s, Body body) {
    parallel_for(chunks.count, static_cast<double>(s.rows * s.features) * 3, body);
}

// An argument, or `value` for every feature.
class Filled {
   public:
    Filled(const float* given, std::int64_t features, float value) : given_(given) {
        if (given != nullptr) return;
        own_.emplace(features);
        std::fill_n(own_->data(), features, value);
    }
    const float* data() const { return given_ != nullptr ? given_ : own_->data(); }

   private:
    const float* given_;
    std::optional<Scratch> own_;
};

}  // namespace

void layer_norm_forward(const LayerNormShape& s, const float* x, const float* weight,
                        const float* bias, double eps, float* y, float* mean, float* inverse) {
    const Filled scale(weight, s.features, 1.0F), shift(bias, s.features, 0.0F);
    const Chunks chunks = cut_rows(s);
    const KernelTable& table = kernels();
    for_chunks(chunks, s, [&](std::int64_t i) {
        const std::int64_t row = chunks.first(i), at = row * s.features;
        table.layer_norm({x + at, scale.data(), shift.data(), y + at, mean + row, inverse + row,
                          s.features, eps},
                         chunks.size(i));
    });
}

void layer_norm_grad(const LayerNormShape& s, const LayerNormGradient& g) {
    const Filled scale(g.weight, s.features, 1.0F);
    const Chunks chunks = cut_rows(s);
    const std::int64_t width = 2 * s.features;  // dweight and dbias, chunk by chunk
    const Scratch partials(chunks.count * width), sums(width);
    const KernelTable& table = kernels();
    for_chunks(chunks, s, [&](std::int64_t i) {
        const std::int64_t row = chunks.first(i), at = row * s.features;
        float* partial = partials.data() + i * width;
        table.layer_norm_grad({g.dy + at, g.x + at, g.mean + row, g.inverse + row, scale.data(),
                               g.dx + at, partial, partial + s.features, s.features},
                              chunks.size(i));
    });
    table.sum_rows(partials.data(), chunks.count, width, sums.data());
    std::copy_n(sums.data(), s.features, g.dweight);
    std::copy_n(sums.data() + s.features, s.features, g.dbias);
}

}  // namespace convlet
