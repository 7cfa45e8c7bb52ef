#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>

#include "reject.hpp"

namespace convlet {

#ifdef CONVLET_HAS_v2
namespace v2 {
extern const KernelTable table;
}
#endif
#ifdef CONVLET_HAS_v3
namespace v3 {
extern const KernelTable table;
}
#endif
#ifdef CONVLET_HAS_v4
namespace v4 {
extern const KernelTable table;
}
#endif
#ifdef CONVLET_HAS_neon
namespace neon {
extern const KernelTable table;
}
#endif

namespace {

struct Candidate {
    const KernelTable* table;
    bool supported;
};

const std::vector<Candidate>& candidates() {
    static const std::vector<Candidate> all{
#ifdef CONVLET_HAS_v2
        {&v2::table, __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")},
#endif
#ifdef CONVLET_HAS_v3
        {&v3::table, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                         __builtin_cpu_supports("bmi2")},
#endif
#ifdef CONVLET_HAS_v4
        {&v4::table, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512cd")},
#endif
#ifdef CONVLET_HAS_neon
        {&neon::table, true},
#endif
    };
    return all;
}

std::string list(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

const KernelTable* find(const char* asker, const std::string& name) {
    for (const Candidate& c : candidates())
        if (c.supported && name == c.table->name) return c.table;
    reject(asker, ": this processor and build offer ", list(supported_isas()), ", got ", name);
}

const KernelTable* initial() {
    if (const char* wanted = std::getenv("CONVLET_ISA"); wanted != nullptr && *wanted != '\0')
        return find("CONVLET_ISA", wanted);
    const KernelTable* widest = nullptr;
    for (const Candidate& c : candidates())
        if (c.supported) widest = c.table;
    if (widest == nullptr) reject("convlet: this processor lacks x86-64-v2 (SSE4.2)");
    return widest;
}

std::atomic<const KernelTable*>& chosen() {
    static std::atomic<const KernelTable*> table{initial()};
    return table;
}

}  // namespace

const KernelTable& kernels() { return *chosen().load(std::memory_order_relaxed); }

std::vector<std::string> compiled_isas() {
    std::vector<std::string> names;
    for (const Candidate& c : candidates()) names.emplace_back(c.table->name);
    return names;
}

std::vector<std::string> supported_isas() {
    std::vector<std::string> names;
    for (const Candidate& c : candidates())
        if (c.supported) names.emplace_back(c.table->name);
    return names;
}

void use_isa(const std::string& name) { chosen().store(find("use_isa", name)); }

}  // namespace convlet
