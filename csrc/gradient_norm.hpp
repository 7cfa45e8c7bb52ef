// The norm of many arrays as if of one vector, and all of them scaled in place.
#pragma once

#include <cstdint>
#include <vector>

namespace convlet {

struct Values {
    float* data;
    std::int64_t count;
};

// In double, added in the order of the arrays: the same bits for any number of threads.
double sum_of_squares(const std::vector<Values>& arrays);
void scale(const std::vector<Values>& arrays, float factor);

}  // namespace convlet
