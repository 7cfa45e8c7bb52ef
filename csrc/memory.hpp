// Recycled, aligned memory for outputs and scratch.
//
// Fresh pages cost more than the arithmetic of many layers, so blocks are kept when they come back:
// a steady training step makes no system call for memory. Blocks are aligned to 64 bytes, and large
// ones lie in whole pages of 2 MiB where the system grants them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace convlet {

struct MemoryStats {
    std::int64_t allocated_bytes;     // in blocks that are in use now
    std::int64_t cached_bytes;        // in blocks that wait to be used again
    std::int64_t peak_bytes;          // the most that was in use at once
    std::int64_t system_allocations;  // how often the system was asked for memory
    std::int64_t requests;            // how often a block was asked for
};

// A std::bad_alloc, and so a MemoryError in Python, that says how much was wanted.
class OutOfMemory : public std::bad_alloc {
   public:
    OutOfMemory(std::size_t wanted_bytes, std::int64_t allocated_bytes) noexcept;
    const char* what() const noexcept override;

   private:
    std::array<char, 128> text_;
};

// At least `bytes` bytes, not zeroed; OutOfMemory where the system has none left.
void* acquire(std::int64_t bytes);
void release(void* block) noexcept;

MemoryStats memory_stats();
void empty_cache();  // also the calling thread's memory for scratch

// Floats of the pool's memory for as long as the object lives.
class Floats {
   public:
    explicit Floats(std::int64_t count)
        : data_(static_cast<float*>(acquire(count * std::int64_t{sizeof(float)}))) {}
    ~Floats() { release(data_); }
    Floats(const Floats&) = delete;
    Floats& operator=(const Floats&) = delete;
    float* data() const { return data_; }

   private:
    float* data_;
};

// Scratch memory of one call, of the stack of the thread that calls: the next call, whatever its
// sizes, uses the same memory again, which is in the caches then.
class Scratch {
   public:
    explicit Scratch(std::int64_t floats);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    float* data() const { return data_; }

   private:
    float* data_;
};

}  // namespace convlet
