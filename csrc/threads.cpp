#include "threads.hpp"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "reject.hpp"

namespace convlet {
namespace {

std::atomic<int> num_threads{default_num_threads()};
std::atomic<InterruptCheck> interrupt_check{nullptr};

// libgomp's threads do not survive a fork, and entering a parallel region in the child would wait
// for them for ever: a child computes on its one thread.
std::atomic<bool> forked{false};
const int fork_handler = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });

// Denormals make arithmetic up to a hundred times slower on some processors. They are flushed
// while our own loops run; the caller's floating-point mode is put back afterwards.
class FlushDenormals {
   public:
#if defined(__x86_64__)
    FlushDenormals() : saved_(__builtin_ia32_stmxcsr()) {
        __builtin_ia32_ldmxcsr(saved_ | 0x8040U);
    }
    ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved_); }

   private:
    unsigned saved_;
#elif defined(__aarch64__)
    FlushDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(saved_));
        asm volatile("msr fpcr, %0" : : "r"(saved_ | (std::uint64_t{1} << 24)));
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }

   private:
    std::uint64_t saved_;
#endif
   public:
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;
};

// Asks the caller's interrupt check, but only every 100 ms, however many parallel regions that is.
bool interrupted() {
    using Clock = std::chrono::steady_clock;
    thread_local Clock::time_point last;
    const auto now = Clock::now();
    if (now - last < std::chrono::milliseconds(100)) return false;
    last = now;
    const InterruptCheck check = interrupt_check.load(std::memory_order_relaxed);
    return check != nullptr && check();
}

// Tasks that are neighbours read and write what is near: each thread has a share of them of its
// own, the same from loop to loop, so that it finds in its caches what it wrote there. Who is done
// takes from the shares of the others.
struct alignas(64) Share {
    std::atomic<std::int64_t> next;
    std::int64_t first, end;
};

int cpus_in_affinity_mask() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, omp_get_num_procs());
}

int whole_cpus(double quota, double period) {
    if (!(quota > 0) || !(period > 0)) return std::numeric_limits<int>::max();
    return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// The CPU quota of this process's control group (version 2, then version 1) and its parents.
int cpus_in_quota() {
    int cpus = std::numeric_limits<int>::max();
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        std::string path = line.substr(second + 1);
        const bool version2 = controllers.empty();
        if (!version2 && controllers.find("cpu") == std::string::npos) continue;
        for (;; path.erase(path.rfind('/'))) {
            const std::string folder =
                (version2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controllers) + path;
            if (version2) {
                std::ifstream file(folder + "/cpu.max");
                std::string quota;
                double period = 0;
                if (file >> quota >> period && quota != "max")
                    cpus = std::min(cpus, whole_cpus(std::atof(quota.c_str()), period));
            } else {
                std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
                std::ifstream period_file(folder + "/cpu.cfs_period_us");
                double quota = 0, period = 0;
                if (quota_file >> quota && period_file >> period)
                    cpus = std::min(cpus, whole_cpus(quota, period));
            }
            if (path.empty() || path.rfind('/') == std::string::npos) break;
        }
    }
    return cpus;
}

int positive_number(const char* text) {
    if (text == nullptr) return 0;
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    // OMP_NUM_THREADS may list one number per nesting level: "4,2".
    if (end == text || (*end != '\0' && *end != ',') || value < 1) return 0;
    return static_cast<int>(std::min(value, 1024L));
}

}  // namespace

int num_threads_from(const char* convlet, const char* omp, int available) {
    if (const int count = positive_number(convlet)) return count;
    if (const int count = positive_number(omp)) return count;
    return std::max(1, available);
}

int default_num_threads() {
    return num_threads_from(std::getenv("CONVLET_NUM_THREADS"), std::getenv("OMP_NUM_THREADS"),
                            std::min(cpus_in_affinity_mask(), cpus_in_quota()));
}

int get_num_threads() { return num_threads.load(std::memory_order_relaxed); }

void set_num_threads(int count) {
    if (count < 1 || count > 1024)
        reject("set_num_threads: the number of threads must be from 1 to 1024, got ", count);
    num_threads.store(count, std::memory_order_relaxed);
}

void set_interrupt_check(InterruptCheck check) { interrupt_check.store(check); }

namespace detail {

int team_size(std::int64_t tasks, double cost) {
    if (cost <= WAKE_UP_COST || forked.load(std::memory_order_relaxed) || omp_in_parallel())
        return 1;
    return static_cast<int>(
        std::max<std::int64_t>(1, std::min<std::int64_t>(tasks, get_num_threads())));
}

void run(std::int64_t tasks, int threads, Task task, void* context, Order order) {
    std::atomic<bool> stop{false};
    if (threads == 1) {
        const FlushDenormals flush;
        for (std::int64_t t = 0; t < tasks && !stop; ++t) {
            task(context, order == Order::forwards ? t : tasks - 1 - t, 0);
            if (t + 1 < tasks && interrupted()) stop = true;  // looking at the clock takes time
        }
    } else {
        std::vector<Share> shares(static_cast<std::size_t>(threads));
        for (int s = 0; s < threads; ++s) {
            Share& share = shares[static_cast<std::size_t>(s)];
            share.first = share.next = tasks * s / threads;
            share.end = tasks * (s + 1) / threads;
        }
#pragma omp parallel num_threads(threads)
        {
            const FlushDenormals flush;
            const int thread = omp_get_thread_num();
            for (int s = 0; s < threads; ++s) {
                Share& share = shares[static_cast<std::size_t>((thread + s) % threads)];
                while (!stop.load(std::memory_order_relaxed)) {
                    const std::int64_t t = share.next.fetch_add(1, std::memory_order_relaxed);
                    if (t >= share.end) break;
                    task(context, order == Order::forwards ? t : share.first + share.end - 1 - t,
                         thread);
                    if (thread == 0 && interrupted()) stop.store(true, std::memory_order_relaxed);
                }
            }
        }
    }
    if (stop) throw Interrupted();
}

}  // namespace detail
}  // namespace convlet
