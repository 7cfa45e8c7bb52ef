#include "bindings.hpp"
#include "boxes.hpp"
#include "integers.hpp"
#include "reject.hpp"
#include "shape.hpp"

namespace convlet {
namespace {

// Rows of x1, y1, x2, y2.
Dense boxes_of(const Argument& argument, const Array& given) {
    Dense boxes = dense(argument, given, 2);
    check_extent(argument.op, argument.name, boxes.shape[1], 4);
    return boxes;
}

struct Paired {
    Dense a, b;
    std::int64_t count;
};

Paired paired_boxes(const char* op, const Array& boxes1, const Array& boxes2) {
    Dense a = boxes_of({op, "boxes1"}, boxes1), b = boxes_of({op, "boxes2"}, boxes2);
    check_extent(op, "boxes2", b.shape[0], a.shape[0]);
    const std::int64_t count = a.shape[0];
    return {std::move(a), std::move(b), count};
}

// Boxes with their scores, and their groups where there are any, all finite.
struct Scored {
    Dense boxes, scores;
    std::optional<Integers> groups;
    std::int64_t count;

    const std::int64_t* group_data() const { return groups ? groups->data : nullptr; }
};

Scored scored_boxes(const char* op, const Array& boxes, const Array& scores,
                    const OptionalArray& groups) {
    Scored s{boxes_of({op, "boxes"}, boxes), dense({op, "scores"}, scores, 1), std::nullopt, 0};
    s.count = s.boxes.shape[0];
    check_extent(op, "scores", s.scores.shape[0], s.count);
    if (groups) {
        s.groups = integers({op, "idxs"}, *groups, 1);
        check_extent(op, "idxs", s.groups->shape[0], s.count);
    }
    check_finite(op, "boxes", s.boxes.data, s.count, 4);
    check_finite(op, "scores", s.scores.data, s.count, 1);
    return s;
}

template <class T>
Array array_of(const std::vector<T>& values) {
    Array array = empty({static_cast<std::int64_t>(values.size())}, py::dtype::of<T>());
    std::copy(values.begin(), values.end(), data<T>(array));
    return array;
}

}  // namespace

void bind_boxes(py::module_& m) {
    m.def(
        "box_iou",
        [](const Array& boxes1, const Array& boxes2, const std::string& kind, float eps) {
            const char* op = "box_iou";
            const Overlap measure = overlap_named(op, kind);
            const Dense a = boxes_of({op, "boxes1"}, boxes1), b = boxes_of({op, "boxes2"}, boxes2);
            checked_size(op, "output", {a.shape[0], b.shape[0], 1, 1});
            Array overlaps = empty({a.shape[0], b.shape[0]});
            float* out = data(overlaps);
            without_gil(
                [&] { box_overlaps(a.data, a.shape[0], b.data, b.shape[0], measure, eps, out); });
            return overlaps;
        },
        "boxes1"_a, "boxes2"_a, "kind"_a, "eps"_a);
    m.def(
        "paired_box_iou",
        [](const Array& boxes1, const Array& boxes2, const std::string& kind, float eps) {
            const char* op = "paired_box_iou";
            const Overlap measure = overlap_named(op, kind);
            const Paired p = paired_boxes(op, boxes1, boxes2);
            Array overlaps = empty({p.count});
            float* out = data(overlaps);
            without_gil([&] { paired_overlaps(p.a.data, p.b.data, p.count, measure, eps, out); });
            return overlaps;
        },
        "boxes1"_a, "boxes2"_a, "kind"_a, "eps"_a);
    m.def(
        "paired_box_iou_grad",
        [](const Array& dy, const Array& boxes1, const Array& boxes2, const std::string& kind,
           float eps) {
            const char* op = "paired_box_iou_grad";
            const Overlap measure = overlap_named(op, kind);
            const Paired p = paired_boxes(op, boxes1, boxes2);
            const Dense grad = dense({op, "dy"}, dy, 1);
            check_extent(op, "dy", grad.shape[0], p.count);
            Array by_a = empty({p.count, 4}), by_b = empty({p.count, 4});
            float *to_a = data(by_a), *to_b = data(by_b);
            without_gil([&] {
                paired_overlaps_grad(p.a.data, p.b.data, p.count, measure, eps, grad.data, to_a);
                paired_overlaps_grad(p.b.data, p.a.data, p.count, measure, eps, grad.data, to_b);
            });
            return py::make_tuple(by_a, by_b);
        },
        "dy"_a, "boxes1"_a, "boxes2"_a, "kind"_a, "eps"_a);
    m.def(
        "nms",
        [](const Array& boxes, const Array& scores, const OptionalArray& idxs, float threshold) {
            const Scored s = scored_boxes("nms", boxes, scores, idxs);
            std::vector<std::int64_t> kept;
            without_gil([&] {
                kept = nms(s.boxes.data, s.scores.data, s.group_data(), s.count, threshold);
            });
            return array_of(kept);
        },
        "boxes"_a, "scores"_a, "idxs"_a, "iou_threshold"_a);
    m.def(
        "soft_nms",
        [](const Array& boxes, const Array& scores, const OptionalArray& idxs, bool gaussian,
           float threshold, float sigma, float least) {
            const Scored s = scored_boxes("soft_nms", boxes, scores, idxs);
            Kept kept;
            without_gil([&] {
                kept = soft_nms(s.boxes.data, s.scores.data, s.group_data(), s.count,
                                {gaussian, threshold, sigma, least});
            });
            return py::make_tuple(array_of(kept.numbers), array_of(kept.scores));
        },
        "boxes"_a, "scores"_a, "idxs"_a, "gaussian"_a, "iou_threshold"_a, "sigma"_a,
        "score_threshold"_a);
}

}  // namespace convlet
