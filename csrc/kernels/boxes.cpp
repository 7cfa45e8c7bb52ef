// How much boxes overlap, by four measures, and their gradients.
//
//   iou  = I / U                       intersection over union (Jaccard, 1901)
//   giou = iou - (C - U) / C           C: the smallest box around both (Rezatofighi et al., 2019)
//   diou = iou - d^2 / D^2             d: between the centres, D: C's diagonal (Zheng et al., 2020)
//   ciou = diou - alpha * v            v: of the difference of the angles (ibidem)
//
// Lanes are pairs of boxes.
#include "boxes.hpp"

#include "simd.hpp"

namespace convlet::CONVLET_ISA {
namespace {

constexpr float ANGLE_SCALE = 0.4052847345693511F;  // 4 / pi^2

struct Box {
    float x1, y1, x2, y2;
};

INLINE Box box_at(const float* boxes, std::int64_t i) {
    return {boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]};
}

INLINE float least(float a, float b) { return a < b ? a : b; }
INLINE float most(float a, float b) { return a > b ? a : b; }

INLINE float area(const Box& b) { return (b.x2 - b.x1) * (b.y2 - b.y1); }

INLINE float intersection(const Box& a, const Box& b) {
    const float w = most(least(a.x2, b.x2) - most(a.x1, b.x1), 0.0F);
    const float h = most(least(a.y2, b.y2) - most(a.y1, b.y1), 0.0F);
    return w * h;
}

// a / b, and 0 where there is nothing to divide by.
INLINE float ratio(float a, float b) { return b > 0.0F ? a / b : 0.0F; }

// v and alpha of ciou.
INLINE float angle_term(float iou, float difference, float eps, float& alpha) {
    const float v = ANGLE_SCALE * difference * difference;
    alpha = ratio(v, 1.0F - iou + v + eps);
    return v;
}

template <Overlap Kind>
INLINE float overlap(const Box& a, const Box& b, float angle_difference, float eps) {
    const float inter = intersection(a, b), joint = area(a) + area(b) - inter;
    const float iou = ratio(inter, joint + eps);
    if constexpr (Kind == Overlap::iou) return iou;
    const float w = most(a.x2, b.x2) - least(a.x1, b.x1);
    const float h = most(a.y2, b.y2) - least(a.y1, b.y1);
    if constexpr (Kind == Overlap::giou) return iou - ratio(w * h - joint, w * h + eps);
    const float dx = (a.x1 + a.x2 - b.x1 - b.x2) / 2, dy = (a.y1 + a.y2 - b.y1 - b.y2) / 2;
    const float diou = iou - ratio(dx * dx + dy * dy, w * w + h * h + eps);
    if constexpr (Kind == Overlap::diou) return diou;
    float alpha;
    const float v = angle_term(iou, angle_difference, eps, alpha);
    return diou - alpha * v;
}

// The slope of most(a, b) by a, which both share where they are equal.
INLINE float slope_of_most(float a, float b) { return a > b ? 1.0F : a == b ? 0.5F : 0.0F; }

// One axis: sizes along it and their slopes by the two ends of a.
struct Axis {
    float size, shared, around;          // of a, of the intersection, of the box around both
    float shared_1, shared_2;            // slopes of `shared` by the ends
    float around_1, around_2, distance;  // of `around`; between the centres, whose slope is 1/2
};

INLINE Axis axis_of(float a1, float a2, float b1, float b2) {
    const float shared = least(a2, b2) - most(a1, b1);
    const float meet = shared > 0.0F ? 1.0F : 0.0F;
    return {a2 - a1,
            most(shared, 0.0F),
            most(a2, b2) - least(a1, b1),
            -meet * slope_of_most(a1, b1),
            meet * slope_of_most(b2, a2),
            -slope_of_most(b1, a1),
            slope_of_most(a2, b2),
            (a1 + a2 - b1 - b2) / 2};
}

// What the ends of one axis of `a` get; `across` is the other axis.
struct Ends {
    float first, second;
};

template <Overlap Kind>
INLINE Ends axis_gradient(const Axis& x, const Axis& across, float inter, float joint,
                          float squares, float eps) {
    const float inter_1 = x.shared_1 * across.shared, inter_2 = x.shared_2 * across.shared;
    const float joint_1 = -across.size - inter_1, joint_2 = across.size - inter_2;
    const float u = joint + eps, per_u = ratio(1.0F, u), iou = inter * per_u;
    Ends d{(inter_1 - iou * joint_1) * per_u, (inter_2 - iou * joint_2) * per_u};
    if constexpr (Kind == Overlap::iou) return d;
    if constexpr (Kind == Overlap::giou) {
        const float c = x.around * across.around, per_c = ratio(1.0F, c + eps);
        const float empty = (c - joint) * per_c;
        const float c_1 = x.around_1 * across.around, c_2 = x.around_2 * across.around;
        d.first -= (c_1 - joint_1 - empty * c_1) * per_c;
        d.second -= (c_2 - joint_2 - empty * c_2) * per_c;
        return d;
    }
    const float per = ratio(1.0F, x.around * x.around + across.around * across.around + eps);
    const float far = squares * per;
    d.first -= (x.distance - far * 2 * x.around * x.around_1) * per;
    d.second -= (x.distance - far * 2 * x.around * x.around_2) * per;
    return d;
}

template <Overlap Kind>
INLINE void pairs(const BoxPairs& p, std::int64_t first, std::int64_t last, float* RESTRICT out) {
    for (std::int64_t i = first; i < last; ++i) {
        const Box a = box_at(p.a, i);
        const float angle = Kind == Overlap::ciou ? p.a_angle[i] : 0.0F;
        float* RESTRICT row = out + i * p.b_count;
#pragma omp simd
        for (std::int64_t j = 0; j < p.b_count; ++j) {
            const float difference = Kind == Overlap::ciou ? p.b_angle[j] - angle : 0.0F;
            row[j] = overlap<Kind>(a, box_at(p.b, j), difference, p.eps);
        }
    }
}

template <Overlap Kind>
INLINE void paired(const BoxPairs& p, std::int64_t first, std::int64_t last, float* RESTRICT out) {
#pragma omp simd
    for (std::int64_t i = first; i < last; ++i) {
        const float difference = Kind == Overlap::ciou ? p.b_angle[i] - p.a_angle[i] : 0.0F;
        out[i] = overlap<Kind>(box_at(p.a, i), box_at(p.b, i), difference, p.eps);
    }
}

template <Overlap Kind>
INLINE void paired_grad(const BoxPairs& p, std::int64_t first, std::int64_t last,
                        const float* RESTRICT dy, float* RESTRICT da) {
#pragma omp simd
    for (std::int64_t i = first; i < last; ++i) {
        const Box a = box_at(p.a, i), b = box_at(p.b, i);
        const Axis x = axis_of(a.x1, a.x2, b.x1, b.x2), y = axis_of(a.y1, a.y2, b.y1, b.y2);
        const float inter = x.shared * y.shared, joint = area(a) + area(b) - inter;
        const float squares = x.distance * x.distance + y.distance * y.distance;
        Ends along_x = axis_gradient<Kind>(x, y, inter, joint, squares, p.eps);
        Ends along_y = axis_gradient<Kind>(y, x, inter, joint, squares, p.eps);
        if constexpr (Kind == Overlap::ciou) {
            // alpha is a weight, and not differentiated, as the paper has it.
            const float difference = p.b_angle[i] - p.a_angle[i];
            float alpha;
            angle_term(ratio(inter, joint + p.eps), difference, p.eps, alpha);
            const float slope = alpha * 2 * ANGLE_SCALE * difference *
                                ratio(1.0F, x.size * x.size + y.size * y.size);
            along_x.first -= slope * y.size;
            along_x.second += slope * y.size;
            along_y.first += slope * x.size;
            along_y.second -= slope * x.size;
        }
        da[4 * i] = dy[i] * along_x.first;
        da[4 * i + 1] = dy[i] * along_y.first;
        da[4 * i + 2] = dy[i] * along_x.second;
        da[4 * i + 3] = dy[i] * along_y.second;
    }
}

}  // namespace

void box_overlaps(const BoxPairs& p, std::int64_t first, std::int64_t last, float* out) {
    if (p.kind == Overlap::iou) return pairs<Overlap::iou>(p, first, last, out);
    if (p.kind == Overlap::giou) return pairs<Overlap::giou>(p, first, last, out);
    if (p.kind == Overlap::diou) return pairs<Overlap::diou>(p, first, last, out);
    pairs<Overlap::ciou>(p, first, last, out);
}

void paired_overlaps(const BoxPairs& p, std::int64_t first, std::int64_t last, float* out) {
    if (p.kind == Overlap::iou) return paired<Overlap::iou>(p, first, last, out);
    if (p.kind == Overlap::giou) return paired<Overlap::giou>(p, first, last, out);
    if (p.kind == Overlap::diou) return paired<Overlap::diou>(p, first, last, out);
    paired<Overlap::ciou>(p, first, last, out);
}

void paired_overlaps_grad(const BoxPairs& p, std::int64_t first, std::int64_t last, const float* dy,
                          float* da) {
    if (p.kind == Overlap::iou) return paired_grad<Overlap::iou>(p, first, last, dy, da);
    if (p.kind == Overlap::giou) return paired_grad<Overlap::giou>(p, first, last, dy, da);
    if (p.kind == Overlap::diou) return paired_grad<Overlap::diou>(p, first, last, dy, da);
    paired_grad<Overlap::ciou>(p, first, last, dy, da);
}

bool box_suppressed(const KeptBoxes& kept, const float* box, float threshold) {
    constexpr std::int64_t AT_ONCE = 64;  // so that most boxes meet few of the kept ones
    const Box a{box[0], box[1], box[2], box[3]};
    const float own = area(a);
    const float *x1 = kept.rows, *y1 = x1 + kept.room, *x2 = y1 + kept.room;
    const float *y2 = x2 + kept.room, *areas = y2 + kept.room;
    for (std::int64_t i = 0; i < kept.count; i += AT_ONCE) {
        const std::int64_t end = smaller(i + AT_ONCE, kept.count);
        int found = 0;
#pragma omp simd reduction(| : found)
        for (std::int64_t j = i; j < end; ++j) {
            const float inter = intersection(a, {x1[j], y1[j], x2[j], y2[j]});
            found |= ratio(inter, own + areas[j] - inter) > threshold ? 1 : 0;
        }
        if (found != 0) return true;
    }
    return false;
}

}  // namespace convlet::CONVLET_ISA
