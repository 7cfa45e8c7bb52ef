// Boxes (x1, y1, x2, y2): how much they overlap, and which of many are kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel_table.hpp"

namespace convlet {

// "iou", "giou", "diou" or "ciou"; std::invalid_argument for any other name.
Overlap overlap_named(const char* op, const std::string& name);

// out[i, j]: box i of `a` with box j of `b`.
void box_overlaps(const float* a, std::int64_t a_count, const float* b, std::int64_t b_count,
                  Overlap kind, float eps, float* out);

// out[i]: box i of `a` with box i of `b`; the gradient is that by `a`.
void paired_overlaps(const float* a, const float* b, std::int64_t count, Overlap kind, float eps,
                     float* out);
void paired_overlaps_grad(const float* a, const float* b, std::int64_t count, Overlap kind,
                          float eps, const float* dy, float* da);

// std::invalid_argument that names the first row with a number that is not finite.
void check_finite(const char* op, const char* name, const float* rows, std::int64_t count,
                  std::int64_t columns);

// The boxes that no box of a higher score and the same group overlaps by more than the threshold,
// from the highest score on; of equal scores, the lower number comes first. `groups` may be null.
std::vector<std::int64_t> nms(const float* boxes, const float* scores, const std::int64_t* groups,
                              std::int64_t count, float threshold);

// Soft-NMS (Bodla et al., 2017): scores decay by the overlaps with the boxes that were kept, and
// boxes are kept while their score is at least `least`.
struct SoftNms {
    bool gaussian;    // exp(-iou^2 / sigma), else 1 - iou where iou is above the threshold
    float threshold;  // of the linear rule
    float sigma, least;
};
struct Kept {
    std::vector<std::int64_t> numbers;
    std::vector<float> scores;
};
Kept soft_nms(const float* boxes, const float* scores, const std::int64_t* groups,
              std::int64_t count, const SoftNms& rule);

}  // namespace convlet
