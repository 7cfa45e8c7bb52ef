#include "memory.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace convlet {
namespace {

constexpr std::size_t ALIGNMENT = 64;
constexpr std::size_t HUGE_PAGE = std::size_t{2} << 20;

// What lies before each block, a cache line of its own, so that no table of blocks is needed.
struct alignas(ALIGNMENT) Header {
    std::size_t size;  // of the block, without this
    Header* next;      // of those of its size that wait
};

// Sizes are rounded up to eighths of a power of two: few distinct sizes, at most 12.5 % wasted.
std::size_t rounded(std::size_t bytes) {
    if (bytes <= 512) return (std::max<std::size_t>(bytes, 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    const std::size_t step = std::bit_floor(bytes - 1) / 8;
    return (bytes + step - 1) / step * step;
}

// The number of a rounded size: its power of two, and which eighth of that.
std::size_t number_of(std::size_t size) {
    const auto power = static_cast<std::size_t>(std::bit_width(size - 1));
    return power * 8 + ((size - 1) >> (power < 3 ? 0 : power - 4) & 7);
}

class Pool {
   public:
    void* acquire(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        if (bytes > PTRDIFF_MAX / 2) throw OutOfMemory(bytes, stats_.allocated_bytes);
        const std::size_t size = rounded(bytes);
        ++stats_.requests;
        Header*& waiting = free_[number_of(size)];
        Header* block = waiting;
        if (block != nullptr) {
            waiting = block->next;
            stats_.cached_bytes -= static_cast<std::int64_t>(size);
        } else {
            block = fresh(size);
            if (block == nullptr) throw OutOfMemory(bytes, stats_.allocated_bytes);
        }
        stats_.allocated_bytes += static_cast<std::int64_t>(size);
        stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.allocated_bytes);
        return block + 1;
    }

    void release(void* memory) noexcept {
        if (memory == nullptr) return;
        Header* block = static_cast<Header*>(memory) - 1;
        const std::lock_guard lock(mutex_);
        stats_.allocated_bytes -= static_cast<std::int64_t>(block->size);
        stats_.cached_bytes += static_cast<std::int64_t>(block->size);
        Header*& waiting = free_[number_of(block->size)];
        block->next = waiting;
        waiting = block;
    }

    // Memory of a stack, which counts as cached but for what is lent from it.
    Header* acquire_stack(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        Header* block = fresh(rounded(bytes));
        if (block == nullptr) throw OutOfMemory(bytes, stats_.allocated_bytes);
        waiting_in_stacks_ += static_cast<std::int64_t>(block->size);
        return block;
    }

    void free_stack(Header* block) noexcept {
        const std::lock_guard lock(mutex_);
        waiting_in_stacks_ -= static_cast<std::int64_t>(block->size);
        std::free(block);
    }

    void lend(std::size_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        ++stats_.requests;
        waiting_in_stacks_ -= static_cast<std::int64_t>(bytes);
        stats_.allocated_bytes += static_cast<std::int64_t>(bytes);
        stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.allocated_bytes);
    }

    void take_back(std::size_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        waiting_in_stacks_ += static_cast<std::int64_t>(bytes);
        stats_.allocated_bytes -= static_cast<std::int64_t>(bytes);
    }

    void empty() {
        const std::lock_guard lock(mutex_);
        drop_cached();
        missed_bytes_ = 0;
        dropped_.fill(0);
    }

    // Held across a fork, so that no child starts with the mutex of a thread it does not have.
    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

    MemoryStats stats() {
        const std::lock_guard lock(mutex_);
        MemoryStats all = stats_;
        all.cached_bytes += waiting_in_stacks_;
        return all;
    }

   private:
    // Null where the system has no memory left.
    Header* fresh(std::size_t size) {
        const std::size_t wanted = size + sizeof(Header);
        const bool large = wanted >= HUGE_PAGE;
        const std::size_t alignment = large ? HUGE_PAGE : ALIGNMENT;
        const std::size_t whole = (wanted + alignment - 1) / alignment * alignment;
        // A cache larger than what was in use at once holds sizes that the program has left behind,
        // or steps that ask for other sizes at other times: these miss what was dropped, and may
        // keep up to twice as much beside.
        std::uint32_t& dropped = dropped_[number_of(size)];
        if (dropped > 0) {
            --dropped;
            missed_bytes_ += static_cast<std::int64_t>(size);
        }
        const std::int64_t usual = std::max<std::int64_t>(stats_.peak_bytes, 64 << 20);
        if (stats_.cached_bytes > usual + std::min(missed_bytes_, 2 * usual)) drop_cached();
        void* memory = std::aligned_alloc(alignment, whole);
        if (memory == nullptr) {
            drop_cached();
            memory = std::aligned_alloc(alignment, whole);
            if (memory == nullptr) return nullptr;
        }
#ifdef MADV_HUGEPAGE
        if (large) madvise(memory, whole, MADV_HUGEPAGE);
#endif
        ++stats_.system_allocations;
        return new (memory) Header{size, nullptr};
    }

    void drop_cached() noexcept {
        for (std::size_t number = 0; number < free_.size(); ++number) {
            Header*& waiting = free_[number];
            while (waiting != nullptr) {
                Header* next = waiting->next;
                std::free(waiting);
                waiting = next;
                ++dropped_[number];
            }
        }
        stats_.cached_bytes = 0;
    }

    std::mutex mutex_;
    static constexpr std::size_t NUMBERS = 64 * 8 + 8;
    std::array<Header*, NUMBERS> free_{};
    std::array<std::uint32_t, NUMBERS> dropped_{};  // blocks that were not asked for since
    std::int64_t missed_bytes_ = 0;                 // of blocks that were
    std::int64_t waiting_in_stacks_ = 0;
    MemoryStats stats_{};
};

// Never destroyed: arrays that outlive the interpreter's shutdown still come back.
Pool& pool() {
    static Pool* const instance = new Pool;
    return *instance;
}

// What a thread's calls take and give back, the last first, in one piece: where it was too small
// for a call, others are added, and the next call finds one as large as all of them.
class ScratchStack {
   public:
    ScratchStack() = default;
    ScratchStack(const ScratchStack&) = delete;
    ScratchStack& operator=(const ScratchStack&) = delete;
    ~ScratchStack() { free_pieces(); }

    void* push(std::size_t bytes) {
        if (bytes > PTRDIFF_MAX / 2) throw OutOfMemory(bytes, memory_stats().allocated_bytes);
        bytes = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
        if (loans_.empty() && pieces_.size() > 1) free_pieces();
        if (pieces_.empty() || pieces_.back().size - pieces_.back().used < bytes) {
            const std::size_t size = pieces_.empty() ? std::max(bytes, most_) : bytes;
            pieces_.push_back({nullptr, size, 0});
            pieces_.back().block = block_or_none(size);
        }
        Piece& piece = pieces_.back();
        void* memory = reinterpret_cast<char*>(piece.block + 1) + piece.used;
        loans_.push_back({memory, bytes, pieces_.size() - 1, false});
        piece.used += bytes;
        lent_ += bytes;
        most_ = std::max(most_, lent_);
        pool().lend(bytes);
        return memory;
    }

    void pop(const void* memory) noexcept {
        for (std::size_t i = loans_.size(); i-- > 0;)
            if (loans_[i].memory == memory) loans_[i].over = true;
        while (!loans_.empty() && loans_.back().over) {
            const Loan& last = loans_.back();
            pieces_[last.piece].used -= last.bytes;
            lent_ -= last.bytes;
            pool().take_back(last.bytes);
            loans_.pop_back();
        }
    }

    void empty() noexcept {
        if (!loans_.empty()) return;
        free_pieces();
        most_ = 0;
    }

   private:
    struct Piece {
        Header* block;
        std::size_t size, used;
    };
    struct Loan {
        void* memory;
        std::size_t bytes, piece;
        bool over;
    };

    Header* block_or_none(std::size_t size) {
        try {
            return pool().acquire_stack(size);
        } catch (...) {
            pieces_.pop_back();
            throw;
        }
    }

    void free_pieces() noexcept {
        for (const Piece& piece : pieces_) pool().free_stack(piece.block);
        pieces_.clear();
    }

    std::vector<Piece> pieces_;
    std::vector<Loan> loans_;
    std::size_t lent_ = 0, most_ = 0;
};

ScratchStack& scratch_stack() {
    thread_local ScratchStack stack;
    return stack;
}

const int fork_handler =
    pthread_atfork([] { pool().lock(); }, [] { pool().unlock(); }, [] { pool().unlock(); });

}  // namespace

OutOfMemory::OutOfMemory(std::size_t wanted_bytes, std::int64_t allocated_bytes) noexcept {
    std::snprintf(text_.data(), text_.size(),
                  "no memory for %zu bytes of an output or of scratch; %lld bytes are in use",
                  wanted_bytes, static_cast<long long>(allocated_bytes));
}
const char* OutOfMemory::what() const noexcept { return text_.data(); }

// A negative number of bytes, the product of sizes too large, is more than there can be too.
void* acquire(std::int64_t bytes) { return pool().acquire(static_cast<std::size_t>(bytes)); }
void release(void* block) noexcept { pool().release(block); }
MemoryStats memory_stats() { return pool().stats(); }
void empty_cache() {
    scratch_stack().empty();
    pool().empty();
}

Scratch::Scratch(std::int64_t floats)
    : data_(floats == 0 ? nullptr
                        : static_cast<float*>(scratch_stack().push(
                              static_cast<std::size_t>(floats * std::int64_t{sizeof(float)})))) {}
Scratch::~Scratch() {
    if (data_ != nullptr) scratch_stack().pop(data_);
}

}  // namespace convlet
