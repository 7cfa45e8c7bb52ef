"""One picture on its way through the steps of a transform."""

from libc.stdint cimport int32_t


# Rows of (width, channels), float32, bytes counted as 0 to 1. Each thread has one of its own.
cdef struct Canvas:
    float* pixels  # the picture as it is now
    float* spare  # as large: a step writes here and turns the two around
    float* between  # the picture resized along one axis
    float* weights  # of the taps of a resized axis ...
    int32_t* taps  # ... and where each begins, and how many there are
    Py_ssize_t height, width, channels


cdef inline void turn_around(Canvas* canvas) noexcept nogil:
    canvas.pixels, canvas.spare = canvas.spare, canvas.pixels
