# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, autotestdict=False
"""A list of steps, done to each picture of a batch by one thread, from stored pixels to a float row.

The steps are those of geometry.pxd, resample.pxd and colour.pxd. What is random about a picture is
drawn from a counter keyed by (seed, epoch, index, place of the step), so neither threads nor the order of
a batch change it.
"""

import numpy as np

from canvas cimport Canvas
from colour cimport erase, jitter, normalise, to_grey
from cython.parallel cimport prange, threadid
from geometry cimport affine, crop, crop_room, flip
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from philox cimport Draws, begin_step, below, draws_of, gamma, uniform
from resample cimport most_taps, resize_whole, resized_crop, resized_size

include "fork.pxi"

cdef enum Kind:
    CROP, FLIP, AFFINE, RESIZE, RESIZED_CROP, JITTER, GREY, NORMALISE, ERASE

KINDS = {
    "crop": CROP,
    "flip": FLIP,
    "affine": AFFINE,
    "resize": RESIZE,
    "resized_crop": RESIZED_CROP,
    "jitter": JITTER,
    "grey": GREY,
    "normalise": NORMALISE,
    "erase": ERASE,
}

cdef struct Step:
    int kind
    const double* values

# A stored picture; steps in elements, of any sign.
cdef struct Picture:
    const void* pixels
    bint is_bytes
    Py_ssize_t channels, height, width, channel_step, row_step, column_step

# The memory that a canvas needs, in floats, and pixels along an axis for the taps.
cdef struct Room:
    Py_ssize_t canvas, between, weights, taps


cdef inline void load_bytes(
    const uint8_t* x, Py_ssize_t step, Py_ssize_t count, float* y, Py_ssize_t y_step
) noexcept nogil:
    cdef Py_ssize_t j
    cdef float unit = <float> (1.0 / 255.0)
    # The same loop twice: steps known to the compiler let it use vectors.
    if step == 1 and y_step == 1:
        for j in range(count):
            y[j] = x[j] * unit
    else:
        for j in range(count):
            y[j * y_step] = x[j * step] * unit


# Three planes, whose rows have unit stride as in stored colour pictures, woven into one row: first as
# bytes, of four pixels at a time, because floats would be stored one by one.
cdef inline void weave_bytes(
    const uint8_t* x, Py_ssize_t plane, Py_ssize_t count, float* y
) noexcept nogil:
    cdef Py_ssize_t j, pixels
    cdef uint32_t r, g, b, woven[192]  # of 256 pixels
    cdef uint8_t* one = <uint8_t*> woven
    while count > 0:
        pixels = min(256, count)
        for j in range(pixels >> 2):
            memcpy(&r, x + 4 * j, 4)
            memcpy(&g, x + 4 * j + plane, 4)
            memcpy(&b, x + 4 * j + 2 * plane, 4)
            # Little-endian, as every machine that convlet is built for.
            woven[3 * j] = r & 255 | (g & 255) << 8 | (b & 255) << 16 | (r >> 8 & 255) << 24
            woven[3 * j + 1] = (
                g >> 8 & 255 | (b >> 8 & 255) << 8 | (r >> 16 & 255) << 16 | (g >> 16 & 255) << 24
            )
            woven[3 * j + 2] = b >> 16 & 255 | r >> 24 << 8 | g >> 24 << 16 | b >> 24 << 24
        for j in range(pixels & ~3, pixels):
            one[3 * j] = x[j]
            one[3 * j + 1] = x[j + plane]
            one[3 * j + 2] = x[j + 2 * plane]
        load_bytes(one, 1, 3 * pixels, y, 1)
        x += pixels
        y += 3 * pixels
        count -= pixels


cdef inline void load(Canvas* canvas, const Picture* picture) noexcept nogil:
    cdef Py_ssize_t i, j, c, channels = picture.channels, step = picture.column_step
    cdef Py_ssize_t rows = picture.height, width = picture.width
    cdef float* y = canvas.pixels
    cdef const uint8_t* bytes_in = <const uint8_t*> picture.pixels
    cdef const float* floats_in = <const float*> picture.pixels
    if picture.row_step == width * step:  # rows follow each other: one long row
        width *= rows
        rows = 1
    for i in range(rows):
        if not picture.is_bytes:
            for c in range(channels):
                for j in range(width):
                    y[j * channels + c] = floats_in[c * picture.channel_step + j * step]
        elif picture.channel_step == 1 and step == channels:
            load_bytes(bytes_in, 1, width * channels, y, 1)
        elif channels == 3 and step == 1:
            weave_bytes(bytes_in, picture.channel_step, width, y)
        else:
            for c in range(channels):
                load_bytes(
                    bytes_in + c * picture.channel_step, step, width, y + c, channels
                )
        bytes_in += picture.row_step
        floats_in += picture.row_step
        y += width * channels
    canvas.height = picture.height
    canvas.width = picture.width
    canvas.channels = channels


cdef void do_steps(
    Canvas* canvas, const Step* steps, Py_ssize_t count, Draws* draws
) noexcept nogil:
    cdef Py_ssize_t s
    cdef const double* v
    for s in range(count):
        v = steps[s].values
        begin_step(draws, <uint32_t> s)
        if steps[s].kind == CROP:
            crop(canvas, v, draws)
        elif steps[s].kind == FLIP:
            flip(canvas, v, draws)
        elif steps[s].kind == AFFINE:
            affine(canvas, v, draws)
        elif steps[s].kind == RESIZE:
            resize_whole(canvas, v)
        elif steps[s].kind == RESIZED_CROP:
            resized_crop(canvas, v, draws)
        elif steps[s].kind == JITTER:
            jitter(canvas, v, draws)
        elif steps[s].kind == GREY:
            to_grey(canvas, v, draws)
        elif steps[s].kind == NORMALISE:
            normalise(canvas, v)
        else:
            erase(canvas, v, draws)


cdef void do_picture(
    Canvas* canvas, const Picture* picture, const Step* steps, Py_ssize_t count, Draws draws, float* y
) noexcept nogil:
    load(canvas, picture)
    do_steps(canvas, steps, count, &draws)
    memcpy(y, canvas.pixels, canvas.height * canvas.width * canvas.channels * sizeof(float))


cdef void widen(
    Room* room, Py_ssize_t height, Py_ssize_t width, Py_ssize_t tall, Py_ssize_t wide,
    Py_ssize_t channels, int kind,
) noexcept:
    # A window of the picture may need as much as the whole.
    room.between = max(room.between, tall * width * channels)
    room.weights = max(room.weights, tall * most_taps(height, tall, kind))
    room.weights = max(room.weights, wide * most_taps(width, wide, kind))
    room.taps = max(room.taps, 2 * max(tall, wide))


# Follows the sizes through the steps, before anything is written.
cdef (Py_ssize_t, Py_ssize_t, Py_ssize_t) follow(
    const Picture* picture, const Step* steps, Py_ssize_t count, Py_ssize_t number, Room* room
) except *:
    cdef Py_ssize_t height = picture.height, width = picture.width, channels = picture.channels
    cdef Py_ssize_t padded[4]
    cdef Py_ssize_t size[2]
    cdef Py_ssize_t s
    cdef const double* v
    room.canvas = max(room.canvas, height * width * channels)
    for s in range(count):
        v = steps[s].values
        if steps[s].kind == CROP:
            crop_room(v, height, width, padded)
            size[0], size[1] = <Py_ssize_t> v[1], <Py_ssize_t> v[2]
            if size[0] == 0:
                size[0], size[1] = padded[2], padded[3]
            if size[0] > padded[2] or size[1] > padded[3]:
                raise ValueError(
                    f"transform: step {s} cuts {size[0]}x{size[1]} pixels out of picture {number}, "
                    f"which has {padded[2]}x{padded[3]} with its padding"
                )
            height, width = size[0], size[1]
        elif steps[s].kind == RESIZE:
            resized_size(v, height, width, size)
            widen(room, height, width, size[0], size[1], channels, <int> v[2])
            height, width = size[0], size[1]
        elif steps[s].kind == RESIZED_CROP:
            widen(
                room, height, width, <Py_ssize_t> v[0], <Py_ssize_t> v[1], channels, <int> v[2]
            )
            height, width = <Py_ssize_t> v[0], <Py_ssize_t> v[1]
        elif steps[s].kind == GREY:
            channels = <Py_ssize_t> steps[s].values[1]
        room.canvas = max(room.canvas, height * width * channels)
    return height, width, channels


cdef int set_picture(Picture* picture, array) except -1:
    cdef const uint8_t[:, :, :] bytes_in
    cdef const float[:, :, :] floats_in
    if array.dtype == np.uint8:
        bytes_in = array
        picture.pixels = &bytes_in[0, 0, 0] if array.size else NULL
    elif array.dtype == np.float32 and array.flags.aligned:
        floats_in = array
        picture.pixels = &floats_in[0, 0, 0] if array.size else NULL
    else:
        raise TypeError(
            f"transform: pictures must be uint8 or float32 and aligned, got {array.dtype}"
        )
    if array.size == 0:
        raise ValueError(f"transform: pictures must have pixels, got shape {array.shape}")
    picture.is_bytes = array.dtype == np.uint8
    picture.channels, picture.height, picture.width = array.shape
    picture.channel_step, picture.row_step, picture.column_step = (
        stride // array.itemsize for stride in array.strides
    )
    return 0


def transform(pictures, indices, steps, *, seed=0, epoch=0, num_threads=1):
    """Do the steps to each picture (C, H, W), and write a float32 (N, C, H, W) batch, NHWC in memory.

    An array (M, C, H, W) gives the pictures of the indices; a list of arrays has one for each.

    A step is a name of KINDS and its values, which the caller has checked; see the .pxd files.
    """
    wanted = np.asarray(indices).astype(np.int64, casting="same_kind")
    cdef const int64_t[::1] order = wanted
    cdef Py_ssize_t n, s, count = order.shape[0], most, thread, step_count = len(steps)
    cdef bint stacked = isinstance(pictures, np.ndarray)
    cdef Py_ssize_t picture_step
    cdef int threads = num_threads
    cdef uint64_t key = seed
    cdef uint32_t turn = epoch
    cdef Room room = Room(0, 1, 1, 1)
    cdef Py_ssize_t height = 0, width = 0, channels = 0, tall, wide, deep
    cdef double[::1] values
    cdef float[::1] memory
    cdef int32_t[::1] taps
    cdef float[:, :, :, ::1] out
    cdef float* y = NULL
    if not stacked and len(pictures) != count:
        raise ValueError(f"transform: {len(pictures)} pictures need as many indices, got {count}")
    if stacked and pictures.ndim != 4:
        raise ValueError(f"transform: pictures must be (N, C, H, W), got {pictures.shape}")
    if threads < 1:
        raise ValueError(f"transform: num_threads must be at least 1, got {threads}")
    if count == 0:
        raise ValueError("transform: there must be at least one picture")
    if forked:
        threads = 1
    kept = [np.array(v, dtype=np.float64, ndmin=1) for _, v in steps]  # alive until the end
    step_bytes = bytearray((step_count + 1) * sizeof(Step))
    picture_bytes = bytearray(count * sizeof(Picture))
    canvas_bytes = bytearray(threads * sizeof(Canvas))
    cdef Step* plan = <Step*> <void*> <char*> step_bytes
    cdef Picture* stored = <Picture*> <void*> <char*> picture_bytes
    cdef Canvas* canvases = <Canvas*> <void*> <char*> canvas_bytes
    for s in range(step_count):
        values = kept[s]
        plan[s].kind = KINDS[steps[s][0]]
        plan[s].values = &values[0]
    if stacked:
        if not 0 <= wanted.min() <= wanted.max() < len(pictures):
            raise ValueError(
                f"transform: indices must be in [0, {len(pictures)}), "
                f"got {wanted.min()} to {wanted.max()}"
            )
        picture_step = pictures.strides[0]
        set_picture(&stored[0], pictures[0])
        height, width, channels = follow(stored, plan, step_count, 0, &room)
        for n in range(count - 1, -1, -1):
            stored[n] = stored[0]
            stored[n].pixels = <const char*> stored[0].pixels + order[n] * picture_step
    for n in range(0 if stacked else count):
        set_picture(&stored[n], pictures[n])
        tall, wide, deep = follow(&stored[n], plan, step_count, n, &room)
        if n > 0 and (tall, wide, deep) != (height, width, channels):
            raise ValueError(
                f"transform: pictures of a batch must end with one size, got {channels}x{height}x"
                f"{width} of picture 0 and {deep}x{tall}x{wide} of picture {n}; resize or crop them"
            )
        height, width, channels = tall, wide, deep

    most = 2 * room.canvas + room.between + room.weights
    memory = np.empty(threads * most, dtype=np.float32)
    taps = np.empty(threads * room.taps, dtype=np.int32)
    for thread in range(threads):
        canvases[thread].pixels = &memory[thread * most]
        canvases[thread].spare = canvases[thread].pixels + room.canvas
        canvases[thread].between = canvases[thread].spare + room.canvas
        canvases[thread].weights = canvases[thread].between + room.between
        canvases[thread].taps = &taps[thread * room.taps]
    result = np.empty((count, height, width, channels), dtype=np.float32)
    out = result
    y = &out[0, 0, 0, 0]
    with nogil:
        if threads == 1:
            for n in range(count):
                do_picture(
                    canvases, &stored[n], plan, step_count, draws_of(key, turn, order[n]),
                    y + n * height * width * channels,
                )
        else:
            for n in prange(count, schedule="dynamic", num_threads=threads):
                do_picture(
                    canvases + threadid(), &stored[n], plan, step_count,
                    draws_of(key, turn, order[n]), y + n * height * width * channels,
                )
    return result.transpose(0, 3, 1, 2)


def draw(indices, *, stream, count, alpha=0.0, seed=0, epoch=0):
    """For each index a number drawn from Beta(alpha, alpha), then count uniform ones: (N, 1 + count).

    The stream keeps them apart from those of other steps; an alpha of 0 draws no Beta number.
    """
    cdef const int64_t[::1] order = np.asarray(indices).astype(np.int64, casting="same_kind")
    cdef Py_ssize_t n, k
    cdef double shape = alpha, one, other
    cdef Draws draws
    result = np.zeros((order.shape[0], 1 + count), dtype=np.float64)
    cdef double[:, ::1] out = result
    for n in range(order.shape[0]):
        draws = draws_of(seed, epoch, order[n])
        begin_step(&draws, stream)
        for k in range(1, 1 + count):
            out[n, k] = uniform(&draws, 0.0, 1.0)
        if shape > 0.0:
            one = gamma(&draws, shape)
            other = gamma(&draws, shape)
            # Of the smallest alpha both may be 0: then one of the two has it all.
            if one + other > 0.0:
                out[n, 0] = one / (one + other)
            else:
                out[n, 0] = <double> below(&draws, 2)
    return result


def mix(images, partners, shares, boxes, *, num_threads=1):
    """Mix each image with another of its batch: (N, C, H, W) of any layout, in NHWC memory.

    y[n] = shares[n] x[n] + (1 - shares[n]) x[partners[n]] inside of boxes[n], which is top, left,
    bottom and right, and x[n] outside of it.
    """
    source = np.asarray(images, dtype=np.float32).transpose(0, 2, 3, 1)
    cdef const float[:, :, :, ::1] x = np.ascontiguousarray(source)
    cdef const int64_t[::1] other = np.array(partners, dtype=np.int64, order="C")
    cdef const float[::1] share = np.array(shares, dtype=np.float32, order="C")
    cdef const int64_t[:, ::1] box = np.array(boxes, dtype=np.int64, order="C")
    cdef Py_ssize_t count = x.shape[0], height = x.shape[1], width = x.shape[2]
    cdef Py_ssize_t channels = x.shape[3], n
    cdef int threads = 1 if forked else num_threads
    result = np.empty((count, height, width, channels), dtype=np.float32)
    cdef float[:, :, :, ::1] y = result
    if other.shape[0] != count or share.shape[0] != count or box.shape[0] != count:
        raise ValueError(f"mix: {count} images need as many partners, shares and boxes")
    if box.shape[1] != 4:
        raise ValueError("mix: boxes must be top, left, bottom and right")
    for n in range(count):
        if not 0 <= other[n] < count:
            raise ValueError(f"mix: partners[{n}] must be in [0, {count}), got {other[n]}")
        if not (0 <= box[n, 0] <= box[n, 2] <= height and 0 <= box[n, 1] <= box[n, 3] <= width):
            raise ValueError(f"mix: boxes[{n}] must lie in the image, got {boxes[n]}")
    if result.size > 0:
        for n in prange(count, nogil=True, schedule="static", num_threads=threads):
            mix_one(
                &x[n, 0, 0, 0], &x[other[n], 0, 0, 0], &y[n, 0, 0, 0], share[n], &box[n, 0],
                height, width * channels, channels,
            )
    return result.transpose(0, 3, 1, 2)


cdef void mix_one(
    const float* x, const float* other, float* y, float share, const int64_t* box,
    Py_ssize_t height, Py_ssize_t row, Py_ssize_t channels,
) noexcept nogil:
    cdef Py_ssize_t i, j
    if box[2] - box[0] < height or (box[3] - box[1]) * channels < row:
        memcpy(y, x, height * row * sizeof(float))
    for i in range(box[0], box[2]):
        for j in range(i * row + box[1] * channels, i * row + box[3] * channels):
            y[j] = share * x[j] + (1 - share) * other[j]
