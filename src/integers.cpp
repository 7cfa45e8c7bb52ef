#include "integers.hpp"

#include <limits>

namespace convlet {

void check_integers(const Argument& argument, const Array& array, int rank) {
    const char kind = array.dtype().kind();
    const std::string subject = std::string(argument.op) + ": " + argument.name;
    if (kind != 'i' && kind != 'u')
        throw py::type_error(subject + " must be integers, got " +
                             py::str(array.dtype()).cast<std::string>());
    if (array.ndim() != rank)
        throw py::value_error(subject + " must have " + std::to_string(rank) +
                              " dimensions, got shape " +
                              py::str(py::getattr(array, "shape")).cast<std::string>());
}

Integers integers(const Argument& argument, const Array& given, int rank) {
    check_integers(argument, given, rank);
    Array array = given;
    if (array.dtype().kind() == 'u' && array.dtype().itemsize() == sizeof(std::int64_t))
        array = py::module_::import("numpy").attr("minimum")(
            array, std::uint64_t{std::numeric_limits<std::int64_t>::max()});
    array = py::array_t<std::int64_t, CONTIGUOUS | py::array::forcecast>(array);
    return {static_cast<const std::int64_t*>(array.data()),
            {array.shape(), array.shape() + array.ndim()},
            std::move(array)};
}

}  // namespace convlet
