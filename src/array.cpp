#include "array.hpp"

#include <algorithm>
#include <numeric>

#include "layout.hpp"
#include "memory.hpp"

namespace convlet {
namespace {

std::string subject(const Argument& a) { return std::string(a.op) + ": " + a.name; }

std::string shape_text(const Array& array) {
    return py::str(py::getattr(array, "shape")).cast<std::string>();
}

void check_rank(const Argument& argument, const Array& array, int rank) {
    if (rank >= 0 && array.ndim() != rank)
        throw py::value_error(subject(argument) + " must have " + std::to_string(rank) +
                              " dimensions, got shape " + shape_text(array));
}

void check_float32(const Argument& argument, const Array& array) {
    const py::dtype dtype = array.dtype();
    if (dtype.kind() != 'f' || dtype.itemsize() != sizeof(float))
        throw py::type_error(subject(argument) + " must be float32, got " +
                             py::str(dtype).cast<std::string>() +
                             "; convert it with array.astype(numpy.float32)");
}

// float32, native and aligned; copies only where the memory is byte-swapped or misaligned.
Array native(const Argument& argument, const Array& array) {
    using Api = py::detail::npy_api;
    check_float32(argument, array);
    if ((array.flags() & Api::NPY_ARRAY_ALIGNED_) != 0 && array.dtype().byteorder() == '=')
        return array;
    return py::array_t<float, Api::NPY_ARRAY_ALIGNED_>(array);
}

StridedImages strided(const Array& array) {
    StridedImages s{static_cast<const char*>(array.data()), {1, 1, 1, 1}, {0, 0, 0, 0}};
    for (py::ssize_t i = 0; i < array.ndim(); ++i) {
        const auto at = static_cast<std::size_t>(i + 4 - array.ndim());
        s.extents[at] = array.shape(i);
        s.strides[at] = array.strides(i);
    }
    return s;
}

constexpr std::size_t MOST_DIMENSIONS = 64;  // that NumPy knows

// Shape and strides of a new array. Small arrays take as long to make as small kernels to run, so
// there are no vectors here and no pybind11 constructor, which copies them.
struct NewLayout {
    int rank;
    std::array<py::ssize_t, MOST_DIMENSIONS> shape, strides;
};

Array over_pool_memory(const py::dtype& dtype, NewLayout layout, std::int64_t bytes) {
    void* block = acquire(bytes);
    // A plain capsule: py::capsule's own destructor costs more than a small kernel.
    auto owner =
        py::reinterpret_steal<py::object>(PyCapsule_New(block, nullptr, [](PyObject* capsule) {
            release(PyCapsule_GetPointer(capsule, nullptr));
        }));
    if (!owner) {
        release(block);
        throw py::error_already_set();
    }
    const auto& api = py::detail::npy_api::get();
    auto array = py::reinterpret_steal<Array>(api.PyArray_NewFromDescr_(
        api.PyArray_Type_, py::dtype(dtype).release().ptr(), layout.rank, layout.shape.data(),
        layout.strides.data(), block, py::detail::npy_api::NPY_ARRAY_WRITEABLE_, nullptr));
    if (!array || api.PyArray_SetBaseObject_(array.ptr(), owner.release().ptr()) < 0)
        throw py::error_already_set();
    return array;
}

NewLayout c_layout(Shape shape, std::int64_t item) {
    NewLayout layout{static_cast<int>(shape.size()), {}, {}};
    std::int64_t step = item;
    for (std::size_t i = shape.size(); i-- > 0;) {
        layout.shape[i] = shape[i];
        layout.strides[i] = step;
        step *= std::max<std::int64_t>(shape[i], 1);
    }
    return layout;
}

// The axes from the slowest to the fastest in memory.
std::vector<std::size_t> axes_by_stride(const Array& array) {
    std::vector<std::size_t> axes(static_cast<std::size_t>(array.ndim()));
    std::iota(axes.begin(), axes.end(), std::size_t{0});
    std::stable_sort(axes.begin(), axes.end(), [&](std::size_t a, std::size_t b) {
        return array.strides(static_cast<py::ssize_t>(a)) >
               array.strides(static_cast<py::ssize_t>(b));
    });
    return axes;
}

bool without_gaps(const Array& array) {
    const std::vector<std::size_t> axes = axes_by_stride(array);
    std::int64_t expected = array.itemsize();
    for (std::size_t i = axes.size(); i-- > 0;) {
        const auto axis = static_cast<py::ssize_t>(axes[i]);
        if (array.shape(axis) == 1) continue;
        if (array.strides(axis) != expected) return false;
        expected *= array.shape(axis);
    }
    return true;
}

// A C-contiguous copy of an array of any rank, by NumPy beyond four dimensions.
Array contiguous_copy(const Array& array) {
    if (array.ndim() > 4)
        return py::array_t<float, py::array::c_style | py::array::forcecast>(array);
    const StridedImages from = strided(array);
    Array copy = empty(shape_of(array));
    float* to = data(copy);
    without_gil([&] { to_contiguous(from, to); });
    return copy;
}

}  // namespace

Shape shape_of(const Array& array) {
    static_assert(sizeof(py::ssize_t) == sizeof(std::int64_t));
    return {reinterpret_cast<const std::int64_t*>(array.shape()),
            static_cast<std::size_t>(array.ndim())};
}

Extents4 image_extents(const Argument& argument, const Array& array) {
    check_float32(argument, array);
    check_rank(argument, array, 4);
    return {array.shape(0), array.shape(1), array.shape(2), array.shape(3)};
}

Images images(const Argument& argument, const Array& given) {
    check_rank(argument, given, 4);
    Array array = native(argument, given);
    const StridedImages from = strided(array);
    if (!is_channels_last(from)) {
        Array copy = empty_images(from.extents);
        float* to = data(copy);
        without_gil([&] { to_channels_last(from, to); });
        array = std::move(copy);
    }
    return {static_cast<const float*>(array.data()), from.extents, std::move(array)};
}

Dense dense(const Argument& argument, const Array& given, int rank) {
    check_rank(argument, given, rank);
    Array array = native(argument, given);
    if ((array.flags() & py::array::c_style) == 0) array = contiguous_copy(array);
    return {static_cast<const float*>(array.data()), shape_of(array), std::move(array)};
}

std::optional<Dense> dense(const Argument& argument, const OptionalArray& array, int rank) {
    if (!array) return std::nullopt;
    return dense(argument, *array, rank);
}

std::optional<Dense> per_channel(const Argument& argument, const OptionalArray& array,
                                 std::int64_t channels) {
    std::optional<Dense> values = dense(argument, array, 1);
    if (values) check_extent(argument.op, argument.name, values->shape[0], channels);
    return values;
}

Extents4 extents4(const Dense& array) {
    Extents4 extents{1, 1, 1, 1};
    std::copy_n(array.shape.begin(), std::min<std::size_t>(4, array.shape.size()), extents.begin());
    return extents;
}

Flat flat(const Argument& argument, const Array& given) {
    Array array = native(argument, given);
    if (array.size() > 0 && !without_gaps(array)) array = contiguous_copy(array);
    return {static_cast<const float*>(array.data()), array.size(), std::move(array)};
}

Flat flat_like(const Argument& argument, const Array& given, const Flat& like) {
    Array array = native(argument, given);
    const Array& model = like.owner;
    if (!std::ranges::equal(shape_of(array), shape_of(model)))
        throw py::value_error(subject(argument) + " must have shape " + shape_text(model) +
                              ", got " + shape_text(array));
    bool same = true;
    for (py::ssize_t i = 0; i < array.ndim(); ++i)
        same = same && (array.shape(i) == 1 || array.strides(i) == model.strides(i));
    if (!same && array.size() > 0) {
        Array copy = empty_like(like);
        copy.attr("__setitem__")(py::ellipsis(), array);
        array = std::move(copy);
    }
    return {static_cast<const float*>(array.data()), array.size(), std::move(array)};
}

Array empty_like(const Flat& like) {
    const Shape shape = shape_of(like.owner);
    NewLayout layout = c_layout(shape, sizeof(float));
    const std::vector<std::size_t> axes = axes_by_stride(like.owner);
    std::int64_t step = sizeof(float);
    for (std::size_t i = axes.size(); i-- > 0;) {
        layout.strides[axes[i]] = step;
        step *= std::max<std::int64_t>(shape[axes[i]], 1);
    }
    return over_pool_memory(py::dtype::of<float>(), layout,
                            like.size * std::int64_t{sizeof(float)});
}

Array empty_images(const Extents4& e, const py::dtype& dtype) {
    const auto item = static_cast<std::int64_t>(dtype.itemsize());
    const std::int64_t pixel = std::max<std::int64_t>(e[1], 1) * item;
    const std::int64_t row = std::max<std::int64_t>(e[3], 1) * pixel;
    NewLayout layout = c_layout(e, item);
    std::ranges::copy(Extents4{std::max<std::int64_t>(e[2], 1) * row, item, row, pixel},
                      layout.strides.begin());
    return over_pool_memory(dtype, layout, e[0] * e[1] * e[2] * e[3] * item);
}

Array empty(Shape shape, const py::dtype& dtype) {
    const auto item = static_cast<std::int64_t>(dtype.itemsize());
    std::int64_t bytes = item;
    for (const std::int64_t size : shape) bytes *= size;
    return over_pool_memory(dtype, c_layout(shape, item), bytes);
}

Array over_or_new(bool overwrite, const Images& input) {
    return overwrite && input.owner.writeable() ? input.owner : empty_images(input.extents);
}

Array over_or_new(bool overwrite, const Flat& input) {
    return overwrite && input.owner.writeable() ? input.owner : empty_like(input);
}

float* in_place(const Argument& argument, Array& array) {
    if (!py::isinstance<py::array_t<float>>(array))
        throw py::type_error(subject(argument) + " must be float32, got " +
                             py::str(array.dtype()).cast<std::string>());
    if ((array.flags() & py::array::c_style) == 0)
        throw py::value_error(subject(argument) + " must be C-contiguous to be updated in place");
    if (!array.writeable())
        throw py::value_error(subject(argument) + " must be writeable to be updated in place");
    if ((array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) == 0)
        throw py::value_error(subject(argument) + " must be aligned to be updated in place");
    return static_cast<float*>(array.mutable_data());
}

}  // namespace convlet
