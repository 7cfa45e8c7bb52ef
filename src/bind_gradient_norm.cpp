#include "array.hpp"
#include "bindings.hpp"
#include "gradient_norm.hpp"

namespace convlet {
namespace {

std::vector<Values> values(const char* op, std::vector<Array>& arrays) {
    std::vector<Values> all;
    for (Array& array : arrays) all.push_back({in_place({op, "arrays"}, array), array.size()});
    return all;
}

}  // namespace

void bind_gradient_norm(py::module_& m) {
    m.def(
        "sum_of_squares",
        [](std::vector<Array> arrays) {
            const std::vector<Values> all = values("sum_of_squares", arrays);
            double sum = 0;
            without_gil([&] { sum = sum_of_squares(all); });
            return sum;
        },
        "arrays"_a);
    m.def(
        "scale",
        [](std::vector<Array> arrays, float factor) {
            const std::vector<Values> all = values("scale", arrays);
            without_gil([&] { scale(all, factor); });
        },
        "arrays"_a, "factor"_a);
}

}  // namespace convlet
