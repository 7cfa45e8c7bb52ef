"""Random numbers that are counted, not carried along: Philox 4x32-10.

J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A number depends on a key
and a counter alone, so neither threads nor the order of samples change it.
"""

from libc.math cimport cos, log, sqrt, M_PI
from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef inline void philox_rounds(uint32_t* word, uint32_t key0, uint32_t key1) noexcept nogil:
    cdef uint64_t even, odd
    cdef int turn
    for turn in range(10):
        even = <uint64_t> 0xD2511F53U * word[0]
        odd = <uint64_t> 0xCD9E8D57U * word[2]
        word[0] = <uint32_t> (odd >> 32) ^ word[1] ^ key0
        word[1] = <uint32_t> odd
        word[2] = <uint32_t> (even >> 32) ^ word[3] ^ key1
        word[3] = <uint32_t> even
        key0 += 0x9E3779B9U
        key1 += 0xBB67AE85U


# The numbers that one step draws for one sample, one after another.
cdef struct Draws:
    uint32_t key0, key1, step, block
    uint32_t word[4]
    int left  # of the four words


# Seed, epoch and index make the key of a sample; the last word keeps other users of the seed apart.
cdef inline Draws draws_of(uint64_t seed, uint32_t epoch, int64_t index) noexcept nogil:
    cdef uint32_t word[4]
    cdef Draws draws
    word[0] = <uint32_t> index
    word[1] = <uint32_t> (<uint64_t> index >> 32)
    word[2] = epoch
    word[3] = 0x73746570U
    philox_rounds(word, <uint32_t> seed, <uint32_t> (seed >> 32))
    draws.key0 = word[0]
    draws.key1 = word[1]
    draws.step = draws.block = 0
    draws.left = 0
    return draws


cdef inline void begin_step(Draws* draws, uint32_t step) noexcept nogil:
    draws.step = step
    draws.block = 0
    draws.left = 0


cdef inline uint32_t next_word(Draws* draws) noexcept nogil:
    if draws.left == 0:
        draws.word[0] = draws.block
        draws.word[1] = draws.step
        draws.word[2] = draws.word[3] = 0
        philox_rounds(draws.word, draws.key0, draws.key1)
        draws.block += 1
        draws.left = 4
    draws.left -= 1
    return draws.word[3 - draws.left]


# Uniform in [low, high): 32 random bits.
cdef inline double uniform(Draws* draws, double low, double high) noexcept nogil:
    return low + (high - low) * (next_word(draws) * (1.0 / 4294967296.0))


# Uniform over 0 ... count-1, up to count / 2^32, which no picture can show.
cdef inline int64_t below(Draws* draws, int64_t count) noexcept nogil:
    return <int64_t> ((<uint64_t> next_word(draws) * <uint64_t> count) >> 32)


cdef inline double normal(Draws* draws) noexcept nogil:
    # Box and Muller; the first number is in (0, 1].
    cdef double u = (next_word(draws) + 1.0) * (1.0 / 4294967296.0)
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * uniform(draws, 0.0, 1.0))


# G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", 2000.
cdef inline double gamma(Draws* draws, double shape) noexcept nogil:
    cdef double boost = 1.0, d, c, x, v
    if shape < 1.0:
        boost = (next_word(draws) + 1.0) * (1.0 / 4294967296.0)
        boost = boost ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    while True:
        x = normal(draws)
        v = (1.0 + c * x) ** 3 if 1.0 + c * x > 0.0 else 0.0
        if v > 0.0 and log(uniform(draws, 0.0, 1.0) + 1e-300) < 0.5 * x * x + d - d * v + d * log(v):
            return boost * d * v
