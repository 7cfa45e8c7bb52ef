"""Steps that resize: nearest pixel, or weighted taps along one axis after the other."""

from canvas cimport Canvas, turn_around
from libc.math cimport ceil, fabs, sqrt, exp, log, rint
from libc.stdint cimport int32_t
from libc.string cimport memcpy
from philox cimport Draws, below, uniform

cdef enum Interpolation:
    NEAREST = 0
    BILINEAR = 1
    BICUBIC = 2


cdef inline double tap_weight(double x, int kind) noexcept nogil:
    x = fabs(x)
    if kind == BILINEAR:
        return max(1.0 - x, 0.0)
    # R. Keys, "Cubic convolution interpolation for digital image processing", 1981; a = -1/2.
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    if x < 2.0:
        return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return 0.0


# How many taps a pixel of a resized axis has at most.
cdef inline Py_ssize_t most_taps(Py_ssize_t size, Py_ssize_t wanted, int kind) noexcept nogil:
    cdef double reach = max(<double> size / wanted, 1.0) * kind
    return 2 * <Py_ssize_t> ceil(reach) + 2


# Where the taps of each new pixel begin (even places), how many there are (odd), and their weights.
cdef inline void find_taps(
    Canvas* canvas, Py_ssize_t size, Py_ssize_t wanted, int kind, bint antialias
) noexcept nogil:
    cdef double ratio = <double> size / wanted, wide, middle, total
    cdef Py_ssize_t i, k, first, last, most = most_taps(size, wanted, kind)
    cdef float* weights
    wide = max(ratio, 1.0) if antialias else 1.0
    for i in range(wanted):
        middle = (i + 0.5) * ratio
        first = max(<Py_ssize_t> (middle - kind * wide + 0.5), 0)
        last = min(<Py_ssize_t> (middle + kind * wide + 0.5), size)
        weights = canvas.weights + i * most
        total = 0.0
        for k in range(first, last):
            total += tap_weight((k - middle + 0.5) / wide, kind)
        for k in range(first, last):
            weights[k - first] = <float> (tap_weight((k - middle + 0.5) / wide, kind) / total)
        canvas.taps[2 * i] = <int32_t> first
        canvas.taps[2 * i + 1] = <int32_t> (last - first)


# One pixel as the weighted sum of some beside each other; its three colours at once.
cdef inline void sum_taps(
    const float* x, const float* w, Py_ssize_t count, Py_ssize_t channels, float* y
) noexcept nogil:
    cdef Py_ssize_t c, k
    cdef float red = 0.0, green = 0.0, blue = 0.0, sum
    if channels == 3:
        for k in range(count):
            red += w[k] * x[3 * k]
            green += w[k] * x[3 * k + 1]
            blue += w[k] * x[3 * k + 2]
        y[0] = red
        y[1] = green
        y[2] = blue
        return
    for c in range(channels):
        sum = 0.0
        for k in range(count):
            sum += w[k] * x[k * channels + c]
        y[c] = sum


# A window of the picture, resized.
cdef inline void resize(
    Canvas* canvas, Py_ssize_t top, Py_ssize_t left, Py_ssize_t tall, Py_ssize_t wide,
    Py_ssize_t height, Py_ssize_t width, int kind, bint antialias,
) noexcept nogil:
    cdef Py_ssize_t channels = canvas.channels, stride = canvas.width * channels
    cdef Py_ssize_t i, j, k, run = wide * channels, most
    cdef const float* window = canvas.pixels + top * stride + left * channels
    cdef const float* x
    cdef float* y
    cdef float weight
    if kind == NEAREST or (tall == height and wide == width):
        for i in range(height):
            x = window + (i * tall // height) * stride
            y = canvas.spare + i * width * channels
            for j in range(width):
                memcpy(
                    y + j * channels, x + (j * wide // width) * channels, channels * sizeof(float)
                )
    else:
        # Rows first: whole rows are added with unit stride, and fewer remain for the columns.
        find_taps(canvas, tall, height, kind, antialias)
        most = most_taps(tall, height, kind)
        for i in range(height):
            y = canvas.between + i * run
            for j in range(run):
                y[j] = 0.0
            for k in range(canvas.taps[2 * i + 1]):
                x = window + (canvas.taps[2 * i] + k) * stride
                weight = canvas.weights[i * most + k]
                for j in range(run):
                    y[j] += weight * x[j]
        if tall != wide or height != width:
            find_taps(canvas, wide, width, kind, antialias)
            most = most_taps(wide, width, kind)
        for i in range(height):
            y = canvas.spare + i * width * channels
            for j in range(width):
                x = canvas.between + i * run + canvas.taps[2 * j] * channels
                sum_taps(
                    x, canvas.weights + j * most, canvas.taps[2 * j + 1], channels,
                    y + j * channels,
                )
    canvas.height = height
    canvas.width = width
    turn_around(canvas)


# What a resize's values mean: 0-1 the size, 2 interpolation, 3 antialias, 4 whether 0 is the size of
# the shorter side, 5 the most that the longer one may get or 0.
cdef inline void resized_size(
    const double* v, Py_ssize_t height, Py_ssize_t width, Py_ssize_t* size
) noexcept nogil:
    cdef Py_ssize_t short_side, long_side, most = <Py_ssize_t> v[5]
    size[0] = <Py_ssize_t> v[0]
    size[1] = <Py_ssize_t> v[1]
    if v[4] != 0.0:
        short_side = size[0]
        long_side = short_side * max(height, width) // min(height, width)
        if most > 0 and long_side > most:
            short_side = max(most * short_side // long_side, 1)
            long_side = most
        size[0] = short_side if height <= width else long_side
        size[1] = long_side if height <= width else short_side


cdef inline void resize_whole(Canvas* canvas, const double* v) noexcept nogil:
    cdef Py_ssize_t size[2]
    resized_size(v, canvas.height, canvas.width, size)
    resize(
        canvas, 0, 0, canvas.height, canvas.width, size[0], size[1], <int> v[2], v[3] != 0.0
    )


# A window of a random share 4-5 of the area and a random ratio 6-7 of its sides, resized as above.
# C. Szegedy et al., "Going deeper with convolutions", 2015.
cdef inline void resized_crop(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef Py_ssize_t top, left, tall = 0, wide = 0
    cdef double area = <double> canvas.height * canvas.width, share, ratio
    cdef int turn
    for turn in range(10):
        share = area * uniform(draws, v[4], v[5])
        ratio = exp(uniform(draws, log(v[6]), log(v[7])))
        wide = <Py_ssize_t> rint(sqrt(share * ratio))
        tall = <Py_ssize_t> rint(sqrt(share / ratio))
        if 0 < wide <= canvas.width and 0 < tall <= canvas.height:
            top = below(draws, canvas.height - tall + 1)
            left = below(draws, canvas.width - wide + 1)
            break
    else:  # the middle, with the nearest ratio that is allowed
        wide, tall = canvas.width, canvas.height
        ratio = <double> wide / tall
        if ratio < v[6]:
            tall = min(max(<Py_ssize_t> rint(wide / v[6]), 1), canvas.height)
        elif ratio > v[7]:
            wide = min(max(<Py_ssize_t> rint(tall * v[7]), 1), canvas.width)
        top = (canvas.height - tall) // 2
        left = (canvas.width - wide) // 2
    resize(
        canvas, top, left, tall, wide, <Py_ssize_t> v[0], <Py_ssize_t> v[1], <int> v[2],
        v[3] != 0.0,
    )
