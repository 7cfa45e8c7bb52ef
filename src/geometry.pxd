"""Steps that move pixels: crop and pad, mirror, rotate and shear."""

from canvas cimport Canvas, turn_around
from libc.math cimport cos, floor, rint, sin, tan, M_PI
from libc.string cimport memcpy
from philox cimport Draws, below, uniform

cdef enum Padding:
    CONSTANT = 0
    EDGE = 1
    REFLECT = 2
    SYMMETRIC = 3


# The place in a row of size pixels whose value stands at i, which may lie outside; -1 for the fill.
cdef inline Py_ssize_t source_of(Py_ssize_t i, Py_ssize_t size, int mode) noexcept nogil:
    cdef Py_ssize_t period
    if 0 <= i < size:
        return i
    if mode == CONSTANT:
        return -1
    if mode == EDGE or size == 1:
        return 0 if i < 0 else size - 1
    period = 2 * size - 2 if mode == REFLECT else 2 * size
    i %= period
    if i < 0:
        i += period
    if i < size:
        return i
    return period - i if mode == REFLECT else period - 1 - i


cdef inline void put_fill(float* y, const double* fill, Py_ssize_t channels) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(channels):
        y[c] = <float> fill[c]


# Pixels begin ... end of a row that lie beside the picture, whose own row is x.
cdef inline void put_padding(
    const Canvas* canvas, const float* x, float* y, Py_ssize_t begin, Py_ssize_t end,
    Py_ssize_t left, const double* v,
) noexcept nogil:
    cdef Py_ssize_t j, column, channels = canvas.channels
    for j in range(begin, end):
        column = source_of(left + j, canvas.width, <int> v[8])
        if column < 0:
            put_fill(y + j * channels, v + 9, channels)
        else:
            memcpy(y + j * channels, x + column * channels, channels * sizeof(float))


# What a crop's values mean: 0 random, 1-2 the size (0: all), 3-6 padding at the top, left, bottom
# and right, 7 whether to pad what is too small, 8 how padding looks, 9 and on the fill.
cdef inline void crop_room(
    const double* v, Py_ssize_t height, Py_ssize_t width, Py_ssize_t* room
) noexcept nogil:
    cdef Py_ssize_t tall = height + <Py_ssize_t> (v[3] + v[5])
    cdef Py_ssize_t wide = width + <Py_ssize_t> (v[4] + v[6])
    cdef Py_ssize_t more_y = 0, more_x = 0, half_y, half_x
    if v[7] != 0.0:
        more_y = max(0, <Py_ssize_t> v[1] - tall)
        more_x = max(0, <Py_ssize_t> v[2] - wide)
    # Random crops get as much on both sides, a central one no more than it shows.
    half_y = more_y if v[0] != 0.0 else more_y // 2
    half_x = more_x if v[0] != 0.0 else more_x // 2
    room[0] = <Py_ssize_t> v[3] + half_y
    room[1] = <Py_ssize_t> v[4] + half_x
    room[2] = tall + (2 * more_y if v[0] != 0.0 else more_y)
    room[3] = wide + (2 * more_x if v[0] != 0.0 else more_x)


cdef inline void crop(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef Py_ssize_t room[4]  # padding at the top and left, height and width with padding
    cdef Py_ssize_t height = <Py_ssize_t> v[1], width = <Py_ssize_t> v[2]
    cdef Py_ssize_t top, left, i, j, row, first, last, channels = canvas.channels
    cdef int mode = <int> v[8]
    cdef const float* x
    cdef float* y = canvas.spare
    crop_room(v, canvas.height, canvas.width, room)
    if height == 0:
        height, width = room[2], room[3]
    if v[0] != 0.0:
        top = below(draws, room[2] - height + 1) - room[0]
        left = below(draws, room[3] - width + 1) - room[1]
    else:
        # Half a pixel goes to the even side, as Python rounds it.
        top = <Py_ssize_t> rint(0.5 * (room[2] - height)) - room[0]
        left = <Py_ssize_t> rint(0.5 * (room[3] - width)) - room[1]
    first = min(max(-left, 0), width)
    last = min(max(canvas.width - left, first), width)
    for i in range(height):
        row = source_of(top + i, canvas.height, mode)
        x = canvas.pixels + row * canvas.width * channels
        if row < 0:
            for j in range(width):
                put_fill(y + j * channels, v + 9, channels)
        else:
            put_padding(canvas, x, y, 0, first, left, v)
            if last > first:
                memcpy(
                    y + first * channels, x + (left + first) * channels,
                    (last - first) * channels * sizeof(float),
                )
            put_padding(canvas, x, y, last, width, left, v)
        y += width * channels
    canvas.height = height
    canvas.width = width
    turn_around(canvas)


# 0 the probability, 1 whether from top to bottom.
cdef inline void flip(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef Py_ssize_t i, j, c, channels = canvas.channels, row = canvas.width * channels
    cdef const float* x
    cdef float* y
    if uniform(draws, 0.0, 1.0) >= v[0]:
        return
    for i in range(canvas.height):
        y = canvas.spare + i * row
        if v[1] != 0.0:
            memcpy(y, canvas.pixels + (canvas.height - 1 - i) * row, row * sizeof(float))
        else:
            x = canvas.pixels + (i + 1) * row - channels
            if channels == 3:
                for j in range(canvas.width):
                    memcpy(y + 3 * j, x - 3 * j, 3 * sizeof(float))
            else:
                for j in range(canvas.width):
                    for c in range(channels):
                        y[j * channels + c] = x[c - j * channels]
    turn_around(canvas)


# 0-1 degrees, 2-3 the largest shift as a share of width and height, 4-5 scale, 6-7 and 8-9 shear in
# degrees along x and y, 10 whether bilinear, 11 the sign of the angle, 12 whether 13-14 are the
# centre, 15 and on the fill. The matrix leads from a pixel of the result to its source.
cdef inline void affine(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef double radian = M_PI / 180.0
    cdef double angle = v[11] * uniform(draws, v[0], v[1]) * radian
    cdef double shift_x = rint(uniform(draws, -v[2], v[2]) * canvas.width)
    cdef double shift_y = rint(uniform(draws, -v[3], v[3]) * canvas.height)
    cdef double scale = uniform(draws, v[4], v[5])
    cdef double shear_x = uniform(draws, v[6], v[7]) * radian
    cdef double shear_y = uniform(draws, v[8], v[9]) * radian
    cdef double centre_x = 0.5 * canvas.width, centre_y = 0.5 * canvas.height
    cdef double a, b, c, d, from_x, from_y, step_x, step_y, x, y
    cdef Py_ssize_t i, j
    cdef float* out = canvas.spare
    if v[12] != 0.0:
        centre_x, centre_y = v[13], v[14]
    a = cos(angle - shear_y) / cos(shear_y)
    b = -a * tan(shear_x) - sin(angle)
    c = sin(angle - shear_y) / cos(shear_y)
    d = -c * tan(shear_x) + cos(angle)
    step_x = d / scale  # the source's way for one pixel to the right; downwards it is -b, a
    step_y = -c / scale
    for i in range(canvas.height):
        x = 0.5 - centre_x - shift_x
        y = i + 0.5 - centre_y - shift_y
        from_x = (d * x - b * y) / scale + centre_x - 0.5
        from_y = (a * y - c * x) / scale + centre_y - 0.5
        for j in range(canvas.width):
            if v[10] != 0.0:
                put_bilinear(canvas, from_x + j * step_x, from_y + j * step_y, v + 15, out)
            else:
                put_nearest(canvas, from_x + j * step_x, from_y + j * step_y, v + 15, out)
            out += canvas.channels
    turn_around(canvas)


cdef inline void put_nearest(
    const Canvas* canvas, double x, double y, const double* fill, float* out
) noexcept nogil:
    cdef Py_ssize_t column, row
    if not (-0.5 <= x <= canvas.width - 0.5 and -0.5 <= y <= canvas.height - 0.5):
        put_fill(out, fill, canvas.channels)
        return
    column = min(max(<Py_ssize_t> rint(x), 0), canvas.width - 1)
    row = min(max(<Py_ssize_t> rint(y), 0), canvas.height - 1)
    memcpy(
        out, canvas.pixels + (row * canvas.width + column) * canvas.channels,
        canvas.channels * sizeof(float),
    )


# Pixels outside have the fill's value, so the border is blended with it.
cdef inline void put_bilinear(
    const Canvas* canvas, double x, double y, const double* fill, float* out
) noexcept nogil:
    cdef Py_ssize_t c, row, column, channels = canvas.channels
    cdef double right, down, sum
    cdef const float* p
    if not (-1.0 < x < canvas.width and -1.0 < y < canvas.height):
        put_fill(out, fill, channels)
        return
    column = <Py_ssize_t> floor(x)
    row = <Py_ssize_t> floor(y)
    right = x - column
    down = y - row
    p = canvas.pixels + (row * canvas.width + column) * channels
    if 0 <= column < canvas.width - 1 and 0 <= row < canvas.height - 1:
        for c in range(channels):
            out[c] = <float> (
                (1.0 - down) * ((1.0 - right) * p[c] + right * p[c + channels])
                + down * (
                    (1.0 - right) * p[c + canvas.width * channels]
                    + right * p[c + (canvas.width + 1) * channels]
                )
            )
        return
    for c in range(channels):
        sum = (1.0 - down) * (1.0 - right) * pixel_or(canvas, row, column, c, fill)
        sum += (1.0 - down) * right * pixel_or(canvas, row, column + 1, c, fill)
        sum += down * (1.0 - right) * pixel_or(canvas, row + 1, column, c, fill)
        sum += down * right * pixel_or(canvas, row + 1, column + 1, c, fill)
        out[c] = <float> sum


cdef inline double pixel_or(
    const Canvas* canvas, Py_ssize_t row, Py_ssize_t column, Py_ssize_t c, const double* fill
) noexcept nogil:
    if 0 <= row < canvas.height and 0 <= column < canvas.width:
        return canvas.pixels[(row * canvas.width + column) * canvas.channels + c]
    return fill[c]
