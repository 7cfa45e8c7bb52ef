// The border between NumPy and csrc: dtype, rank and layout in; arrays of the pool's memory out.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "shape.hpp"
#include "threads.hpp"

namespace convlet {

namespace py = pybind11;
using namespace pybind11::literals;

using Array = py::array;
using OptionalArray = std::optional<py::array>;
using Shape = std::span<const std::int64_t>;
using PairArgument = std::array<std::int64_t, 2>;
using BordersArgument = std::array<std::int64_t, 4>;  // top, left, bottom, right

inline Pair pair(const PairArgument& p) { return {p[0], p[1]}; }
inline Borders borders(const BordersArgument& b) { return {{b[0], b[1]}, {b[2], b[3]}}; }

// Names an argument in messages: the operator and the argument itself.
struct Argument {
    const char* op;
    const char* name;
};

// An input brought to the layout that kernels read; keeps the memory alive.
struct Images {  // (N, C, H, W), NHWC in memory
    const float* data;
    Extents4 extents;
    Array owner;
};
struct Dense {  // any shape, C-contiguous
    const float* data;
    Shape shape;  // the owner's
    Array owner;
};

Shape shape_of(const Array& array);  // for as long as the array lives

// A rank of -1 asks for none in particular. TypeError for another dtype than float32.
// image_extents() only looks, so that a shape is checked before anything is copied.
Extents4 image_extents(const Argument& argument, const Array& array);
Images images(const Argument& argument, const Array& array);
Dense dense(const Argument& argument, const Array& array, int rank);
std::optional<Dense> dense(const Argument& argument, const OptionalArray& array, int rank);
inline const float* pointer(const std::optional<Dense>& a) { return a ? a->data : nullptr; }
// One number for each channel, where any are given.
std::optional<Dense> per_channel(const Argument& argument, const OptionalArray& array,
                                 std::int64_t channels);
Extents4 extents4(const Dense& array);

// Whether the array's elements lie in memory without gaps, in some order of its axes: element-wise
// operators then read it as it lies, and like_memory() gives them an output of the same order.
struct Flat {
    const float* data;
    std::int64_t size;
    Array owner;
};
Flat flat(const Argument& argument, const Array& array);
// The same elements in the order of `like`'s memory (a copy only where the orders differ).
Flat flat_like(const Argument& argument, const Array& array, const Flat& like);
Array empty_like(const Flat& like);

// New arrays of the pool's memory, not initialised.
Array empty_images(const Extents4& extents, const py::dtype& dtype = py::dtype::of<float>());
Array empty(Shape shape, const py::dtype& dtype = py::dtype::of<float>());
inline Array empty(std::initializer_list<std::int64_t> shape,
                   const py::dtype& dtype = py::dtype::of<float>()) {
    return empty(Shape(shape.begin(), shape.size()), dtype);
}

// For a result as large as an input: the input's memory, where it may be overwritten, or new.
Array over_or_new(bool overwrite, const Images& input);
Array over_or_new(bool overwrite, const Flat& input);

template <class T = float>
T* data(Array& array) {
    return static_cast<T*>(array.mutable_data());
}

// The array's own memory, to be written in place: float32, C-contiguous, writeable.
float* in_place(const Argument& argument, Array& array);

// Runs `work` with the GIL released; a Ctrl-C during it becomes KeyboardInterrupt.
template <class Work>
void without_gil(Work&& work) {
    try {
        const py::gil_scoped_release release;
        work();
    } catch (const Interrupted&) {
        throw py::error_already_set();
    }
}

}  // namespace convlet
