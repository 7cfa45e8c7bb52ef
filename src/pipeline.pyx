# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, autotestdict=False
"""From stored pictures to a training batch: gather by index, move, mirror and normalise.

y[n, c, i, j] = x[index[n], c, i - dy, f(j - dx)] * scale[c] + offset[c]

where (dy, dx) is the shift of sample n, f mirrors the columns when the sample is flipped, and a
pixel from outside the picture is black (x = 0). The draws of a sample come from a counter-based
generator keyed by (seed, epoch, index), so neither threads nor the order of a batch change them.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from philox cimport philox_rounds

include "fork.pxi"

ctypedef fused Pixel:
    uint8_t
    float

cdef struct Plan:
    Py_ssize_t channels, height, width
    Py_ssize_t image_step, channel_step, row_step, column_step  # in elements, of any sign
    const float* scale
    const float* offset
    int64_t shift
    bint flip
    uint64_t seed
    uint32_t epoch

cdef enum:
    # Below this many elements a batch is written sooner than other threads wake up.
    SERIAL_ELEMENTS = 1 << 17
    # The last counter word, so that no other user of the same seed draws these numbers.
    STREAM = 0x6175676D

cdef int64_t centred(uint32_t draw, int64_t radius) noexcept nogil:
    # draw * n / 2^32 is uniform over n values up to n / 2^32, which no picture can show.
    return <int64_t> ((<uint64_t> draw * <uint64_t> (2 * radius + 1)) >> 32) - radius


cdef void fill(float* y, Py_ssize_t pixels, const Plan* plan) noexcept nogil:
    cdef Py_ssize_t j, c
    cdef float black = plan.offset[0]
    if plan.channels == 1:
        for j in range(pixels):
            y[j] = black
    else:
        for j in range(pixels):
            for c in range(plan.channels):
                y[j * plan.channels + c] = plan.offset[c]


# One run of pixels; x points at the first one read, step leads to the next (backwards if flipped).
cdef void convert(
    const Pixel* x, Py_ssize_t step, float* y, Py_ssize_t pixels, const Plan* plan
) noexcept nogil:
    cdef Py_ssize_t j, c, channels = plan.channels, channel_step = plan.channel_step
    cdef float scale = plan.scale[0], offset = plan.offset[0]
    if channels == 1:
        # The same loop three times: a step known to the compiler lets it use vectors.
        if step == 1:
            for j in range(pixels):
                y[j] = <float> x[j] * scale + offset
        elif step == -1:
            for j in range(pixels):
                y[j] = <float> x[-j] * scale + offset
        else:
            for j in range(pixels):
                y[j] = <float> x[j * step] * scale + offset
    else:
        # A channel at a time keeps its scale and offset in registers.
        for c in range(channels):
            scale = plan.scale[c]
            offset = plan.offset[c]
            for j in range(pixels):
                y[j * channels + c] = <float> x[c * channel_step + j * step] * scale + offset


cdef void write_sample(
    const Pixel* images, int64_t index, float* y, const Plan* plan
) noexcept nogil:
    cdef uint32_t word[4]
    cdef int64_t dy = 0, dx = 0
    cdef bint mirror = False
    cdef Py_ssize_t i, top, bottom, left, right, first_column, step = plan.column_step
    cdef Py_ssize_t row = plan.width * plan.channels
    cdef const Pixel* x = images + index * plan.image_step
    if plan.shift > 0 or plan.flip:
        word[0] = <uint32_t> index
        word[1] = <uint32_t> (<uint64_t> index >> 32)
        word[2] = plan.epoch
        word[3] = STREAM
        philox_rounds(word, <uint32_t> plan.seed, <uint32_t> (plan.seed >> 32))
        dy = centred(word[0], plan.shift)
        dx = centred(word[1], plan.shift)
        mirror = plan.flip and (word[2] & 1)

    # Rows top..bottom and columns left..right come from the picture, everything else is black.
    top = max(dy, 0)
    bottom = plan.height + min(dy, 0)
    left = max(dx, 0)
    right = plan.width + min(dx, 0)
    first_column = left - dx
    if mirror:
        first_column = plan.width - 1 - first_column
        step = -step
    x += first_column * plan.column_step - dy * plan.row_step

    fill(y, top * plan.width, plan)
    if left == 0 and right == plan.width and plan.row_step == plan.width * step:
        convert(x + top * plan.row_step, step, y + top * row, (bottom - top) * plan.width, plan)
    else:
        for i in range(top, bottom):
            fill(y + i * row, left, plan)
            convert(
                x + i * plan.row_step, step, y + i * row + left * plan.channels, right - left, plan
            )
            fill(y + i * row + right * plan.channels, plan.width - right, plan)
    fill(y + bottom * row, (plan.height - bottom) * plan.width, plan)


cdef void write_batch(
    const Pixel* images, const int64_t* indices, Py_ssize_t count, float* y, const Plan* plan,
    int num_threads,
) noexcept nogil:
    cdef Py_ssize_t n, image = plan.channels * plan.height * plan.width
    if num_threads == 1 or count * image < SERIAL_ELEMENTS:
        for n in range(count):
            write_sample(images, indices[n], y + n * image, plan)
    else:
        for n in prange(count, schedule="static", num_threads=num_threads):
            write_sample(images, indices[n], y + n * image, plan)


cdef void set_geometry(
    Plan* plan, const Py_ssize_t* shape, const Py_ssize_t* strides, Py_ssize_t itemsize
) noexcept:
    plan.channels = shape[1]
    plan.height = shape[2]
    plan.width = shape[3]
    plan.image_step = strides[0] // itemsize
    plan.channel_step = strides[1] // itemsize
    plan.row_step = strides[2] // itemsize
    plan.column_step = strides[3] // itemsize


def gather(
    images, indices, scale, offset, *, shift=0, flip=False, seed=0, epoch=0, num_threads=1
):
    """Write images[indices] * scale + offset to a new float32 (N, C, H, W) array in NHWC memory."""
    cdef const uint8_t[:, :, :, :] bytes_in
    cdef const float[:, :, :, :] floats_in
    # Copies, so that nothing can change between the check of an index and its use.
    cdef const int64_t[::1] order = np.asarray(indices).astype(np.int64, casting="same_kind")
    cdef const float[::1] scales = np.array(scale, dtype=np.float32, order="C", ndmin=1)
    cdef const float[::1] offsets = np.array(offset, dtype=np.float32, order="C", ndmin=1)
    cdef Plan plan
    cdef Py_ssize_t n, stored, count = order.shape[0]
    cdef int threads = num_threads
    cdef float[:, :, :, ::1] out
    cdef const void* pixels = NULL
    cdef float* y = NULL
    cdef bint is_bytes = images.dtype == np.uint8

    if is_bytes:
        bytes_in = images
        stored = bytes_in.shape[0]
        set_geometry(&plan, bytes_in.shape, bytes_in.strides, 1)
    elif images.dtype == np.float32:
        if not images.flags.aligned:
            raise ValueError("gather: images of float32 must be aligned in memory")
        floats_in = images
        stored = floats_in.shape[0]
        set_geometry(&plan, floats_in.shape, floats_in.strides, sizeof(float))
    else:
        raise TypeError(f"gather: images must be uint8 or float32, got {images.dtype}")
    if scales.shape[0] != plan.channels or offsets.shape[0] != plan.channels:
        raise ValueError(
            f"gather: scale and offset must have one value for each of {plan.channels} channels, "
            f"got {scales.shape[0]} and {offsets.shape[0]}"
        )
    if threads < 1:
        raise ValueError(f"gather: num_threads must be at least 1, got {threads}")
    for n in range(count):
        if not 0 <= order[n] < stored:
            raise ValueError(
                f"gather: indices[{n}] must be in [0, {stored}), got {order[n]}"
            )
    plan.shift = shift
    if not 0 <= plan.shift <= min(plan.height, plan.width):
        raise ValueError(
            f"gather: shift must be between 0 and the picture's shorter side "
            f"({min(plan.height, plan.width)}), got {shift}"
        )
    plan.flip = flip
    plan.seed = seed
    plan.epoch = epoch
    result = np.empty((count, plan.height, plan.width, plan.channels), dtype=np.float32)
    if result.size > 0:
        out = result
        y = &out[0, 0, 0, 0]
        plan.scale = &scales[0]
        plan.offset = &offsets[0]
        if forked:
            threads = 1
        if is_bytes:
            pixels = &bytes_in[0, 0, 0, 0]
            with nogil:
                write_batch(<const uint8_t*> pixels, &order[0], count, y, &plan, threads)
        else:
            pixels = &floats_in[0, 0, 0, 0]
            with nogil:
                write_batch(<const float*> pixels, &order[0], count, y, &plan, threads)
    return result.transpose(0, 3, 1, 2)


def philox(counter, key):
    """The four 32-bit numbers that Philox 4x32-10 makes of a counter and a key."""
    cdef uint32_t word[4]
    word[0], word[1], word[2], word[3] = counter
    philox_rounds(word, key[0], key[1])
    return word[0], word[1], word[2], word[3]
