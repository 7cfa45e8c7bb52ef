#include <omp.h>

#include "algorithm.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "build_info.hpp"
#include "caches.hpp"
#include "dispatch.hpp"
#include "layout.hpp"
#include "memory.hpp"

namespace convlet {

void bind_config(py::module_& m) {
    m.def("compiled_isas", &compiled_isas);
    m.def("supported_isas", &supported_isas);
    m.def("l2_floats", &l2_floats);
    m.def("get_isa", [] { return kernels().name; });
    m.def("use_isa", &use_isa, "name"_a);
    m.def("use_exact_conv", &use_exact_conv, "exact"_a);
    m.def("exact_conv", &exact_conv);
    m.def("get_num_threads", &get_num_threads);
    m.def("set_num_threads", &set_num_threads, "count"_a);
    m.def(
        "num_threads_from",
        [](const std::optional<std::string>& convlet, const std::optional<std::string>& omp,
           int available) {
            return num_threads_from(convlet ? convlet->c_str() : nullptr,
                                    omp ? omp->c_str() : nullptr, available);
        },
        "convlet"_a, "omp"_a, "available"_a);
    m.def("memory_stats", [] {
        const MemoryStats s = memory_stats();
        return py::dict("allocated_bytes"_a = s.allocated_bytes, "cached_bytes"_a = s.cached_bytes,
                        "peak_bytes"_a = s.peak_bytes,
                        "system_allocations"_a = s.system_allocations, "requests"_a = s.requests);
    });
    m.def("empty_cache", &empty_cache);
    m.def("build_info", [] {
        return py::dict("compiler"_a = compiler(), "flags"_a = kernel_flags(),
                        "openmp"_a = std::to_string(_OPENMP));
    });
    m.def(
        "to_channels_last",
        [](const Array& x) { return images({"to_channels_last", "x"}, x).owner; }, "x"_a);
    m.def(
        "to_contiguous", [](const Array& x) { return dense({"to_contiguous", "x"}, x, -1).owner; },
        "x"_a);
}

}  // namespace convlet
