#include "memory.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace convlet {
namespace {

constexpr std::size_t ALIGNMENT = 64;
constexpr std::size_t HUGE_PAGE = std::size_t{2} << 20;

// Sizes are rounded up to eighths of a power of two: few distinct sizes, at most 12.5 % wasted.
std::size_t rounded(std::size_t bytes) {
    if (bytes <= 512) return (std::max<std::size_t>(bytes, 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    const std::size_t step = std::bit_floor(bytes - 1) / 8;
    return (bytes + step - 1) / step * step;
}

class Pool {
   public:
    void* acquire(std::size_t bytes) {
        const std::size_t size = rounded(bytes);
        const std::lock_guard lock(mutex_);
        ++stats_.requests;
        std::vector<void*>& waiting = free_[size];
        void* block = nullptr;
        if (!waiting.empty()) {
            block = waiting.back();
            waiting.pop_back();
            stats_.cached_bytes -= static_cast<std::int64_t>(size);
        } else {
            block = fresh(size);
        }
        sizes_.emplace(block, size);
        stats_.allocated_bytes += static_cast<std::int64_t>(size);
        stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.allocated_bytes);
        return block;
    }

    void release(void* block) noexcept {
        if (block == nullptr) return;
        const std::lock_guard lock(mutex_);
        const auto found = sizes_.find(block);
        const std::size_t size = found->second;
        sizes_.erase(found);
        stats_.allocated_bytes -= static_cast<std::int64_t>(size);
        stats_.cached_bytes += static_cast<std::int64_t>(size);
        free_.at(size).push_back(block);
    }

    void empty() {
        const std::lock_guard lock(mutex_);
        drop_cached();
    }

    // Held across a fork, so that no child starts with the mutex of a thread it does not have.
    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

    MemoryStats stats() {
        const std::lock_guard lock(mutex_);
        return stats_;
    }

   private:
    void* fresh(std::size_t size) {
        const bool large = size >= HUGE_PAGE;
        const std::size_t alignment = large ? HUGE_PAGE : ALIGNMENT;
        const std::size_t whole = (size + alignment - 1) / alignment * alignment;
        if (whole < size) throw std::bad_alloc();
        // A cache larger than what is in use holds sizes that the program has left behind.
        if (stats_.cached_bytes > std::max<std::int64_t>(stats_.peak_bytes, 64 << 20))
            drop_cached();
        void* block = std::aligned_alloc(alignment, whole);
        if (block == nullptr) {
            drop_cached();
            block = std::aligned_alloc(alignment, whole);
            if (block == nullptr) throw std::bad_alloc();
        }
#ifdef MADV_HUGEPAGE
        if (large) madvise(block, whole, MADV_HUGEPAGE);
#endif
        ++stats_.system_allocations;
        return block;
    }

    void drop_cached() {
        for (auto& [size, blocks] : free_) {
            for (void* block : blocks) std::free(block);
            blocks.clear();
        }
        stats_.cached_bytes = 0;
    }

    std::mutex mutex_;
    std::unordered_map<std::size_t, std::vector<void*>> free_;
    std::unordered_map<void*, std::size_t> sizes_;
    MemoryStats stats_{};
};

// Never destroyed: arrays that outlive the interpreter's shutdown still come back.
Pool& pool() {
    static Pool* const instance = new Pool;
    return *instance;
}

const int fork_handler =
    pthread_atfork([] { pool().lock(); }, [] { pool().unlock(); }, [] { pool().unlock(); });

}  // namespace

void* acquire(std::int64_t bytes) {
    if (bytes < 0) throw std::bad_alloc();
    return pool().acquire(static_cast<std::size_t>(bytes));
}
void release(void* block) noexcept { pool().release(block); }
MemoryStats memory_stats() { return pool().stats(); }
void empty_cache() { pool().empty(); }

}  // namespace convlet
