// A weight in the order in which the kernels read it, kept from call to call.
//
// Packing (for Winograd, transforming) a large weight takes longer than a batch of one image does.
// It is done again when the weight has changed, which its fingerprint tells: whoever changed it,
// and however, needs to say nothing. Reading a large weight for that takes long as well, so a
// caller who knows that nobody can have written to it says so by giving the same version again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "memory.hpp"

namespace convlet {

// What a caller says of a weight: a number of its own for each value the weight ever had, or
// nothing.
using Version = std::optional<std::int64_t>;

class PackedWeight {
   public:
    using Memory = std::shared_ptr<const Floats>;

    // The packing of so many floats that `pack` makes, for this weight, instruction set and layout.
    // Safe from several threads: one that comes while another packs makes a packing of its own.
    Memory get(const float* weight, std::int64_t count, Version version, std::int64_t layout,
               std::int64_t floats, const std::function<void(float*)>& pack);
    void clear();

   private:
    struct Entry {
        const void* isa;
        std::int64_t layout;
        Memory memory;
    };

    bool is_known(Version version);

    std::mutex mutex_;
    Version version_;
    std::uint64_t fingerprint_ = 0;
    std::vector<Entry> entries_;
};

// Where packed weights are kept, if anywhere, and what is known of the one that is given.
struct Keeping {
    PackedWeight* packed = nullptr;
    Version version;
};

// 64 bits that differ, but for a chance of about 2^-64, when any bit of the floats does.
std::uint64_t fingerprint(const float* x, std::int64_t count);

}  // namespace convlet
