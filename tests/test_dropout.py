"""Dropout: published random numbers, the same for any layout and number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlet import _core, ops

if TYPE_CHECKING:
    from collections.abc import Callable

NAN, INF = float("nan"), float("inf")
ALL = 2**64 - 1

# Known answers of Random123 (Salmon et al. 2011): counter (low, high), key, four numbers.
KNOWN_ANSWERS = [
    ((0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ALL, ALL), ALL, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x85A308D3243F6A88, 0x0370734413198A2E),
        0x299F31D0A4093822,
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox(counter: int, key: int) -> tuple[int, ...]:
    """Philox 4x32-10 as in the paper, with Python's integers."""
    c = [counter >> 32 * word & 0xFFFFFFFF for word in range(4)]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [k[0] + 0x9E3779B9 & 0xFFFFFFFF, k[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return tuple(c)


@pytest.mark.parametrize(("counter", "key", "numbers"), KNOWN_ANSWERS)
def test_known_answers(
    isa: str, counter: tuple[int, int], key: int, numbers: tuple[int, ...]
) -> None:
    assert tuple(_core.philox(counter, key, 4)) == numbers
    assert philox(counter[0] | counter[1] << 64, key) == numbers


@given(st.integers(0, 2**128 - 1), st.integers(0, ALL), st.integers(0, 300))
def test_numbers_follow_each_other_by_counter(counter: int, key: int, count: int) -> None:
    got = _core.philox((counter & ALL, counter >> 64), key, count)
    assert got.dtype == np.uint32
    wanted = [n for i in range((count + 3) // 4) for n in philox((counter + i) % 2**128, key)]
    assert got.tolist() == wanted[:count]


def test_the_counter_carries_into_its_high_half(isa: str) -> None:
    after = _core.philox((0, 1), 9, 64)
    assert np.array_equal(_core.philox((ALL - 1, 0), 9, 72)[8:], after)


SIZES = [0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 8191, 8192, 8193, 40000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.999, 1.0])
def test_values_are_dropped_by_their_number(
    isa: str, size: int, p: float, rng: np.random.Generator
) -> None:
    x, seed, offset = rng.standard_normal(size).astype(np.float32), 77, 12345
    y, mask = ops.dropout(x, p, seed, offset)
    kept = _core.philox((offset, 0), seed, size) >= np.float64(p) * 2**32
    scale = np.float32(1 / (1 - p)) if p < 1 else np.float32(0)
    assert np.array_equal(y, np.where(kept, x * scale, 0))
    assert mask.dtype == np.uint8
    assert mask.shape == ((size + 7) // 8,)
    assert np.array_equal(np.unpackbits(mask, bitorder="little")[:size], kept)
    assert not np.unpackbits(mask, bitorder="little")[size:].any()
    dy = rng.standard_normal(size).astype(np.float32)
    assert np.array_equal(ops.dropout_grad(dy, mask, p), np.where(kept, dy * scale, 0))


def test_the_share_of_zeros_is_p_and_the_mean_stays() -> None:
    count = 1_000_000
    x = np.ones(count, np.float32)
    for p in (0.05, 0.3, 0.5, 0.9):
        y, _ = ops.dropout(x, p, seed=int(1000 * p))
        deviation = np.sqrt(p * (1 - p) / count)
        assert abs(np.mean(y == 0) - p) < 5 * deviation
        assert y.mean(dtype=np.float64) == pytest.approx(1, abs=5 * deviation / (1 - p))


def test_other_seeds_and_counters_give_other_bits() -> None:
    x = np.ones(4096, np.float32)
    masks = [ops.dropout(x, 0.5, seed, offset)[1] for seed in (0, 1, ALL) for offset in (0, 5, ALL)]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert 0.4 < np.mean(np.unpackbits(a ^ b)) < 0.6


def test_an_offset_continues_where_the_last_call_ended() -> None:
    x = np.ones(1000, np.float32)
    whole, _ = ops.dropout(x, 0.4, seed=3)
    second, _ = ops.dropout(x[400:], 0.4, seed=3, offset=100)
    assert np.array_equal(whole[400:], second)


def test_bits_do_not_depend_on_layout_or_threads(
    isa: str, rng: np.random.Generator, set_threads: Callable[[int], None]
) -> None:
    x = rng.standard_normal((3, 20, 33, 31)).astype(np.float32)
    wanted: tuple[Any, Any] | None = None
    for threads in (1, 2, 3):
        set_threads(threads)
        for layout in (x, x.copy(order="F"), _core.to_channels_last(x), x[:, ::-1].copy()[:, ::-1]):
            y, mask = ops.dropout(layout, 0.3, seed=1)
            wanted = wanted or (y, mask)
            assert np.array_equal(y, wanted[0])
            assert np.array_equal(mask, wanted[1])
    # Images are numbered in the order of NHWC, whatever they are given in.
    flat, _ = ops.dropout(_core.to_channels_last(x).transpose(0, 2, 3, 1).reshape(-1), 0.3, seed=1)
    assert wanted is not None
    assert np.array_equal(wanted[0].transpose(0, 2, 3, 1).reshape(-1), flat)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_special_values_pass_where_they_are_kept(isa: str, p: float) -> None:
    x = np.array([NAN, INF, -INF, 2.0] * 25, np.float32)
    y, mask = ops.dropout(x, p, seed=2)
    kept = np.unpackbits(mask, bitorder="little")[:100].astype(bool)
    wanted = np.where(kept, x / np.float32(1 - p), 0) if p < 1 else np.zeros_like(x)
    np.testing.assert_array_equal(y, wanted)
    assert kept.mean() == pytest.approx(1 - p, abs=0.2)


@pytest.mark.parametrize("p", [-0.1, 1.1, NAN, INF, -INF])
def test_a_probability_out_of_range_is_refused(p: float) -> None:
    x, mask = np.ones(8, np.float32), np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match=r"dropout: p must be in \[0, 1\], got"):
        ops.dropout(x, p)
    with pytest.raises(ValueError, match=r"dropout: p must be in \[0, 1\], got"):
        _core.dropout_forward(x, p, 0, 0)
    with pytest.raises(ValueError, match=r"dropout_grad: p must be in \[0, 1\], got"):
        ops.dropout_grad(x, mask, p)
    with pytest.raises(ValueError, match=r"dropout_grad: p must be in \[0, 1\], got"):
        _core.dropout_grad(x, mask, p)


@pytest.mark.parametrize("name", ["seed", "offset"])
@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_number_of_more_than_64_bits_is_refused(name: str, value: int) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=rf"dropout: {name} must be in"):
        ops.dropout(np.ones(3, np.float32), **arguments)


def test_masks_that_do_not_fit_are_refused() -> None:
    dy = np.ones(17, np.float32)
    with pytest.raises(ValueError, match="mask must have 3 elements, got 2"):
        ops.dropout_grad(dy, np.zeros(2, np.uint8))
    for dtype in ("?", "i1", "u2", "f4"):
        with pytest.raises(TypeError, match="mask must be"):
            ops.dropout_grad(dy, np.zeros(3, dtype))
        with pytest.raises(TypeError, match="mask must be uint8"):
            _core.dropout_grad(dy, np.zeros(3, dtype), 0.5)
    mask = np.array([255, 0, 255, 0, 1, 0], np.uint8)[::2]
    assert ops.dropout_grad(dy, mask, 0.0).sum() == 17


@pytest.mark.parametrize("dtype", ["f2", "f8", "i4", "c8"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match="dropout: x must be float32"):
        _core.dropout_forward(np.ones(3, dtype), 0.5, 0, 0)
    with pytest.raises(TypeError, match="dropout_grad: dy must be float32"):
        _core.dropout_grad(np.ones(3, dtype), np.zeros(1, np.uint8), 0.5)
