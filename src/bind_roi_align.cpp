#include "array.hpp"
#include "bindings.hpp"
#include "roi_align.hpp"

namespace convlet {
namespace {

// Rows of image, x1, y1, x2, y2.
Dense regions_of(const char* op, const Array& given) {
    Dense boxes = dense({op, "boxes"}, given, 2);
    check_extent(op, "boxes", boxes.shape[1], 5);
    return boxes;
}

}  // namespace

void bind_roi_align(py::module_& m) {
    m.def(
        "roi_align_forward",
        [](const Array& x, const Array& boxes, PairArgument output_size, double spatial_scale,
           std::int64_t sampling_ratio, bool aligned) {
            const char* op = "roi_align";
            const Argument input{op, "x"};
            const Extents4 extents = image_extents(input, x);
            const Dense rois = regions_of(op, boxes);
            const Pair size = pair(output_size);
            const std::vector<Region> regions =
                checked_regions(extents, rois.data, rois.shape[0],
                                {op, size, spatial_scale, sampling_ratio, aligned});
            const Images in = images(input, x);
            Array y = empty_images({rois.shape[0], extents[1], size.h, size.w});
            float* out = data(y);
            without_gil([&] { roi_align_forward(extents, regions, size, in.data, out); });
            return y;
        },
        "x"_a, "boxes"_a, "output_size"_a, "spatial_scale"_a, "sampling_ratio"_a, "aligned"_a);
    m.def(
        "roi_align_grad",
        [](const Array& dy, const Array& boxes, const Extents4& input_shape, double spatial_scale,
           std::int64_t sampling_ratio, bool aligned) {
            const char* op = "roi_align_grad";
            const Argument output{op, "dy"};
            const Extents4 extents = image_extents(output, dy);
            const Dense rois = regions_of(op, boxes);
            const Pair size{extents[2], extents[3]};
            const std::vector<Region> regions =
                checked_regions(input_shape, rois.data, rois.shape[0],
                                {op, size, spatial_scale, sampling_ratio, aligned});
            check_extents(op, "dy", extents, {rois.shape[0], input_shape[1], size.h, size.w});
            const Images grad = images(output, dy);
            Array dx = empty_images(input_shape);
            float* out = data(dx);
            without_gil([&] { roi_align_grad(input_shape, regions, size, grad.data, out); });
            return dx;
        },
        "dy"_a, "boxes"_a, "input_shape"_a, "spatial_scale"_a, "sampling_ratio"_a, "aligned"_a);
}

}  // namespace convlet
