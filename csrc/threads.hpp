// parallel_for: the only door to OpenMP.
//
// A loop is cut into tasks by the shape of its work, and each task writes what no other task
// touches: results are the same bits for any number of threads. This number may only decide which
// sums share a task (plan.cpp, winograd_grad_weight.cpp), never how a sum is made.
#pragma once

#include <cstdint>
#include <exception>

#include "memory.hpp"

namespace convlet {

int get_num_threads();
void set_num_threads(int count);  // count >= 1; std::invalid_argument otherwise

// The number of threads to start with: CONVLET_NUM_THREADS, else OMP_NUM_THREADS, else the smaller
// of the affinity mask and the container's CPU quota.
int default_num_threads();
// The default for given settings; a text that is no whole number of at least 1 counts as not set.
int num_threads_from(const char* convlet, const char* omp, int available);

// Called on the calling thread about every 100 ms during long loops; true asks to stop.
using InterruptCheck = bool (*)();
void set_interrupt_check(InterruptCheck check);

struct Interrupted : std::exception {
    const char* what() const noexcept override { return "interrupted"; }
};

// Which way each thread goes through its share of the tasks.
enum class Order { forwards, backwards };

namespace detail {
using Task = void (*)(void* context, std::int64_t task, int thread);
void run(std::int64_t tasks, int threads, Task task, void* context, Order order);
int team_size(std::int64_t tasks, double cost);

template <class Body>
void run_body(std::int64_t tasks, int threads, Body& body, Order order = Order::forwards) {
    run(
        tasks, threads,
        [](void* context, std::int64_t task, int thread) {
            (*static_cast<Body*>(context))(task, thread);
        },
        &body, order);
}
}  // namespace detail

// Work below this cost is done by the caller: waking another thread takes longer. The unit is the
// time to move a float through a core, a fifth of a nanosecond or so.
constexpr double WAKE_UP_COST = 6e4;

// The registers of a tile make about so many floating-point operations in that time.
constexpr double FLOPS_PER_COST = 20;

// Calls body(task) for every task in [0, tasks). `cost` is that of all tasks together, roughly.
// Bodies must not throw.
template <class Body>
void parallel_for(std::int64_t tasks, double cost, Body body, Order order = Order::forwards) {
    auto plain = [&](std::int64_t task, int) { body(task); };
    detail::run_body(tasks, detail::team_size(tasks, cost), plain, order);
}

// The same with body(task, scratch): `floats` floats of scratch memory of the thread's own.
template <class Body>
void parallel_for_scratch(std::int64_t tasks, double cost, std::int64_t floats, Body body) {
    const int threads = detail::team_size(tasks, cost);
    const std::int64_t each = (floats + 15) / 16 * 16;  // whole cache lines
    const Scratch scratch(each * threads);
    auto with_scratch = [&](std::int64_t task, int thread) {
        body(task, scratch.data() + each * thread);
    };
    detail::run_body(tasks, threads, with_scratch);
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace convlet
