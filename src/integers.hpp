// Integer arrays (labels, pooling indices): any integer dtype and layout in.
#pragma once

#include "array.hpp"

namespace convlet {

struct Integers {  // C-contiguous
    const std::int64_t* data;
    std::vector<std::int64_t> shape;
    Array owner;
};

// TypeError for anything but integers (bool included). Values beyond int64 become its largest.
Integers integers(const Argument& argument, const Array& array, int rank);
void check_integers(const Argument& argument, const Array& array, int rank);

// Whether the array holds T, in any byte order.
template <class T>
bool holds(const Array& array) {
    const py::dtype dtype = array.dtype(), wanted = py::dtype::of<T>();
    return dtype.kind() == wanted.kind() && dtype.itemsize() == wanted.itemsize();
}

// C-contiguous and aligned.
constexpr int CONTIGUOUS = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};

// An array that holds T as the kernels read it: itself, or a copy where its memory differs. Where
// there is no memory for one, NumPy's MemoryError says how much was wanted.
template <class T>
Array contiguous(const Array& array) {
    return py::array_t<T, CONTIGUOUS>(array);
}

}  // namespace convlet
