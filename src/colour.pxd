"""Steps that change values and move no pixel: jitter, grey, normalise, erase."""

from canvas cimport Canvas
from libc.math cimport exp, floor, log, rint, sqrt
from philox cimport Draws, below, normal, uniform


cdef inline float unit(float x) noexcept nogil:
    # Written so that NaN passes.
    return 0.0 if x < 0.0 else 1.0 if x > 1.0 else x


# ITU-R BT.601, as everyone has it.
cdef inline float grey_of(const float* p, Py_ssize_t channels) noexcept nogil:
    if channels == 1:
        return p[0]
    return <float> 0.2989 * p[0] + <float> 0.587 * p[1] + <float> 0.114 * p[2]


cdef inline void brighten(Canvas* canvas, float factor) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(canvas.height * canvas.width * canvas.channels):
        canvas.pixels[i] = unit(canvas.pixels[i] * factor)


cdef inline void contrast(Canvas* canvas, float factor) noexcept nogil:
    cdef Py_ssize_t i, count = canvas.height * canvas.width
    cdef double sum = 0.0
    cdef float mean
    for i in range(count):
        sum += grey_of(canvas.pixels + i * canvas.channels, canvas.channels)
    mean = <float> (sum / count)
    for i in range(count * canvas.channels):
        canvas.pixels[i] = unit(factor * canvas.pixels[i] + (1 - factor) * mean)


cdef inline void saturate(Canvas* canvas, float factor) noexcept nogil:
    cdef Py_ssize_t i
    cdef float grey
    cdef float* p = canvas.pixels
    if canvas.channels != 3:
        return
    for i in range(canvas.height * canvas.width):
        grey = (1 - factor) * grey_of(p, 3)
        p[0] = unit(factor * p[0] + grey)
        p[1] = unit(factor * p[1] + grey)
        p[2] = unit(factor * p[2] + grey)
        p += 3


# The hue is an angle over the six edges of the colour cube, here in turns; the value and the chroma
# stay. A. R. Smith, "Color gamut transform pairs", 1978.
cdef inline void turn_hue(Canvas* canvas, float turns) noexcept nogil:
    cdef Py_ssize_t i
    cdef float high, low, chroma, hue
    cdef float* p = canvas.pixels
    if canvas.channels != 3:
        return
    for i in range(canvas.height * canvas.width):
        high = max(max(p[0], p[1]), p[2])
        low = min(min(p[0], p[1]), p[2])
        chroma = high - low
        if chroma > 0:
            if high == p[0]:
                hue = (p[1] - p[2]) / chroma
            elif high == p[1]:
                hue = (p[2] - p[0]) / chroma + 2
            else:
                hue = (p[0] - p[1]) / chroma + 4
            hue = hue + 6 * turns + 6  # at least -1 - 3 + 6
            p[0] = high - chroma * lack(hue + 5)
            p[1] = high - chroma * lack(hue + 3)
            p[2] = high - chroma * lack(hue + 1)
        p += 3


# How much of the chroma a channel lacks at a place on the six edges.
cdef inline float lack(float edge) noexcept nogil:
    edge -= 6 * <float> floor(edge / 6)
    return max(<float> 0, min(min(edge, 4 - edge), <float> 1))


# Two values for each: 0-1 brightness, 2-3 contrast, 4-5 saturation, 6-7 hue in turns; in any order.
cdef inline void jitter(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef int order[4]
    cdef int i, other
    cdef float factor[4]
    for i in range(4):
        order[i] = i
    for i in range(3, 0, -1):
        other = <int> below(draws, i + 1)
        order[i], order[other] = order[other], order[i]
    for i in range(4):
        factor[i] = <float> uniform(draws, v[2 * i], v[2 * i + 1])
    for i in range(4):
        if order[i] == 0 and factor[0] != 1:
            brighten(canvas, factor[0])
        elif order[i] == 1 and factor[1] != 1:
            contrast(canvas, factor[1])
        elif order[i] == 2 and factor[2] != 1:
            saturate(canvas, factor[2])
        elif order[i] == 3 and factor[3] != 0:
            turn_hue(canvas, factor[3])


# 0 the probability, 1 how many channels the result has.
cdef inline void to_grey(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef Py_ssize_t i, c, place, channels = canvas.channels, wanted = <Py_ssize_t> v[1]
    cdef Py_ssize_t last = canvas.height * canvas.width - 1
    cdef float grey
    if uniform(draws, 0.0, 1.0) >= v[0]:
        return
    # In place from the side on which no pixel is overwritten before it is read.
    for i in range(last + 1):
        place = last - i if wanted > channels else i
        grey = grey_of(canvas.pixels + place * channels, channels)
        for c in range(wanted):
            canvas.pixels[place * wanted + c] = grey
    canvas.channels = wanted


# As many factors as there are channels, then as many terms.
cdef inline void normalise(Canvas* canvas, const double* v) noexcept nogil:
    cdef Py_ssize_t i, c, channels = canvas.channels, count = canvas.height * canvas.width
    cdef float factor[12]
    cdef float term[12]
    cdef float* p = canvas.pixels
    if 12 % channels == 0:
        # The pattern of the channels repeats in twelve values, three vectors of the smallest size.
        for c in range(12):
            factor[c] = <float> v[c % channels]
            term[c] = <float> v[channels + c % channels]
        for i in range(count * channels // 12):
            for c in range(12):
                p[c] = p[c] * factor[c] + term[c]
            p += 12
        for c in range(count * channels % 12):
            p[c] = p[c] * factor[c] + term[c]
        return
    for i in range(count):
        for c in range(channels):
            p[c] = p[c] * <float> v[c] + <float> v[channels + c]
        p += channels


# 0 the probability, 1-2 the share of the area, 3-4 the ratio of height to width, 5 whether noise is
# put there, 6 and on the value of each channel. Z. Zhong et al., "Random erasing", 2020.
cdef inline void erase(Canvas* canvas, const double* v, Draws* draws) noexcept nogil:
    cdef Py_ssize_t tall = 0, wide = 0, top, left, i, j, c, channels = canvas.channels
    cdef double area = <double> canvas.height * canvas.width, share, ratio
    cdef float* y
    cdef int turn
    if uniform(draws, 0.0, 1.0) >= v[0]:
        return
    for turn in range(10):
        share = area * uniform(draws, v[1], v[2])
        ratio = exp(uniform(draws, log(v[3]), log(v[4])))
        tall = <Py_ssize_t> rint(sqrt(share * ratio))
        wide = <Py_ssize_t> rint(sqrt(share / ratio))
        if tall < canvas.height and wide < canvas.width:
            break
    else:
        return
    top = below(draws, canvas.height - tall + 1)
    left = below(draws, canvas.width - wide + 1)
    for i in range(top, top + tall):
        y = canvas.pixels + (i * canvas.width + left) * channels
        for j in range(wide):
            for c in range(channels):
                y[j * channels + c] = <float> (normal(draws) if v[5] != 0.0 else v[6 + c])
