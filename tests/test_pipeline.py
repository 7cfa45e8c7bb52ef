"""The Cython module that gathers batches, against a plain NumPy account of the same thing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convlet import _pipeline

STREAM = 0x6175676D
LOW = 2**32 - 1


def reference(
    images: npt.NDArray[Any],
    indices: list[int],
    scale: list[float],
    offset: list[float],
    *,
    shift: int = 0,
    flip: bool = False,
    seed: int = 0,
    epoch: int = 0,
) -> npt.NDArray[np.float32]:
    _, channels, height, width = images.shape
    out = np.empty((len(indices), channels, height, width), np.float32)
    for position, index in enumerate(indices):
        draw = _pipeline.philox((index & LOW, index >> 32, epoch, STREAM), (seed & LOW, seed >> 32))
        dy, dx = (((word * (2 * shift + 1)) >> 32) - shift for word in draw[:2])
        picture = images[index][..., ::-1] if flip and draw[2] & 1 else images[index]
        room = np.zeros((channels, 3 * height, 3 * width), np.float32)
        room[:, height + dy : 2 * height + dy, width + dx : 2 * width + dx] = picture
        out[position] = room[:, height : 2 * height, width : 2 * width]
    for channel in range(channels):
        out[:, channel] = out[:, channel] * scale[channel] + offset[channel]
    return out


def layouts(images: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    wide = np.zeros((*images.shape[:3], 2 * images.shape[3]), images.dtype)
    wide[..., ::2] = images
    frozen = images.copy()
    frozen.flags.writeable = False
    return {
        "contiguous": images,
        "channels last": np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        "every other column": wide[..., ::2],
        "upside down": np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1],
        "turned around": np.ascontiguousarray(images[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
        "transposed": np.ascontiguousarray(images.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0),
        "read-only": frozen,
    }


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_every_layout_gives_what_plain_numpy_gives(
    rng: np.random.Generator, dtype: type, channels: int, shift: int, flip: bool
) -> None:
    images: npt.NDArray[Any] = rng.integers(0, 256, (12, channels, 7, 9)).astype(dtype)
    indices = rng.integers(0, 12, 20).tolist()
    scale, offset = rng.random(channels).tolist(), rng.random(channels).tolist()
    wanted = reference(images, indices, scale, offset, shift=shift, flip=flip, seed=2**40, epoch=3)
    for name, same in layouts(images).items():
        got = _pipeline.gather(
            same, indices, scale, offset, shift=shift, flip=flip, seed=2**40, epoch=3
        )
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_repeated_picture_is_gathered_through_a_zero_stride(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (1, 3, 5, 6), dtype=np.uint8)
    many = np.broadcast_to(image, (9, 3, 5, 6))
    got = _pipeline.gather(many, [8, 0], [1.0] * 3, [0.0] * 3)
    np.testing.assert_array_equal(got, np.broadcast_to(image, (2, 3, 5, 6)))


def test_the_output_lies_in_memory_channels_last(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (4, 3, 5, 6), dtype=np.uint8)
    got = _pipeline.gather(images, [1, 2], [1.0] * 3, [0.0] * 3)
    assert got.shape == (2, 3, 5, 6)
    assert got.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("shift", [0, 5])
def test_the_number_of_threads_changes_no_bit(rng: np.random.Generator, shift: int) -> None:
    images = rng.integers(0, 256, (300, 3, 32, 32), dtype=np.uint8)
    indices = rng.permutation(300)
    one, *others = (
        _pipeline.gather(
            images, indices, [0.1] * 3, [0.2] * 3, shift=shift, flip=True, seed=9, num_threads=n
        )
        for n in (1, 2, 3, 7)
    )
    assert all(np.array_equal(one, other) for other in others)


def test_a_sample_is_drawn_alike_wherever_it_stands_in_a_batch(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (50, 1, 9, 9), dtype=np.uint8)
    order = rng.permutation(50)
    forward = _pipeline.gather(images, np.arange(50), [1.0], [0.0], shift=3, flip=True, seed=4)
    mixed = _pipeline.gather(images, order, [1.0], [0.0], shift=3, flip=True, seed=4)
    np.testing.assert_array_equal(mixed, forward[order])


@pytest.mark.parametrize("change", [{"seed": 1}, {"seed": 2**63}, {"epoch": 1}])
def test_seed_and_epoch_change_the_draws(rng: np.random.Generator, change: dict[str, Any]) -> None:
    images = rng.integers(0, 256, (50, 1, 9, 9), dtype=np.uint8)
    base = _pipeline.gather(images, np.arange(50), [1.0], [0.0], shift=3)
    other = _pipeline.gather(images, np.arange(50), [1.0], [0.0], shift=3, **change)
    assert not np.array_equal(base, other)


def test_all_shifts_and_both_sides_occur_equally_often() -> None:
    images = np.zeros((9000, 1, 5, 6), np.uint8)
    images[:, 0, 2, 2] = 1  # of six columns, the third from the left is the fourth when mirrored
    got = _pipeline.gather(images, np.arange(9000), [1.0], [0.0], shift=1, flip=True)
    _, _, rows, columns = np.nonzero(got)
    seen = np.bincount(rows * 6 + columns, minlength=30).reshape(5, 6)[1:4, 1:5]
    assert seen.sum() == 9000
    np.testing.assert_allclose(seen, np.outer([1, 1, 1], [500, 1000, 1000, 500]), rtol=0.15)


def test_a_picture_moved_all_the_way_out_is_black() -> None:
    images = np.full((200, 1, 2, 2), 255, np.uint8)
    got = _pipeline.gather(images, np.arange(200), [1.0], [-7.0], shift=2)
    assert np.isin(got, [-7.0, 248.0]).all()
    assert (got == -7.0).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (LOW, LOW, LOW, LOW),
            (LOW, LOW),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_its_authors_known_answers(
    counter: tuple[int, int, int, int], key: tuple[int, int], wanted: tuple[int, ...]
) -> None:
    assert _pipeline.philox(counter, key) == wanted


@pytest.mark.parametrize("bad", [-1, 4, 2**62, -(2**63)])
def test_an_index_outside_is_refused_by_place_and_value(bad: int) -> None:
    with pytest.raises(ValueError, match=rf"indices\[1\] must be in \[0, 4\), got {bad}"):
        _pipeline.gather(np.zeros((4, 1, 2, 2), np.uint8), [0, bad], [1.0], [0.0])


def test_no_index_fits_no_pictures() -> None:
    with pytest.raises(ValueError, match="must be in"):
        _pipeline.gather(np.zeros((0, 1, 2, 2), np.uint8), [0], [1.0], [0.0])


@pytest.mark.parametrize("dtype", [np.float64, np.int32, bool, np.complex64, object, "S1", ">f4"])
def test_other_pixels_are_a_type_error(dtype: Any) -> None:
    with pytest.raises(TypeError, match="images must be uint8 or float32"):
        _pipeline.gather(np.zeros((4, 1, 2, 2), dtype), [0], [1.0], [0.0])


@pytest.mark.parametrize("shape", [(), (4,), (4, 2, 2), (4, 1, 1, 2, 2)])
def test_other_ranks_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="dimensions"):
        _pipeline.gather(np.zeros(shape, np.uint8), [0], [1.0], [0.0])


def test_misaligned_pixels_are_a_value_error() -> None:
    crooked = np.frombuffer(bytes(1 + 4 * 16), np.uint8)[1:].view(np.float32).reshape(4, 1, 2, 2)
    with pytest.raises(ValueError, match="aligned"):
        _pipeline.gather(crooked, [0], [1.0], [0.0])


@pytest.mark.parametrize("scale", [[], [1.0], [1.0] * 4])
def test_scale_and_offset_have_one_value_per_channel(scale: list[float]) -> None:
    with pytest.raises(ValueError, match="one value for each of 3 channels"):
        _pipeline.gather(np.zeros((4, 3, 2, 2), np.uint8), [0], scale, [0.0] * 3)


@pytest.mark.parametrize("change", [{"shift": -1}, {"shift": 3}, {"num_threads": 0}])
def test_numbers_out_of_range_are_a_value_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        _pipeline.gather(np.zeros((4, 1, 2, 5), np.uint8), [0], [1.0], [0.0], **change)


@pytest.mark.parametrize("change", [{"seed": -1}, {"seed": 2**64}, {"epoch": 2**32}])
def test_seeds_beyond_their_words_are_an_overflow(change: dict[str, Any]) -> None:
    with pytest.raises(OverflowError):
        _pipeline.gather(np.zeros((4, 1, 2, 2), np.uint8), [0], [1.0], [0.0], **change)


@pytest.mark.parametrize("indices", [[0.0], ["0"], [None]])
def test_indices_that_are_not_integers_are_a_type_error(indices: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        _pipeline.gather(np.zeros((4, 1, 2, 2), np.uint8), indices, [1.0], [0.0])


def test_no_indices_give_an_empty_batch() -> None:
    got = _pipeline.gather(np.zeros((4, 3, 2, 5), np.uint8), np.empty(0, int), [1] * 3, [0] * 3)
    assert got.shape == (0, 3, 2, 5)


def test_nan_and_infinity_pass_through() -> None:
    images = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32).reshape(1, 1, 2, 2)
    got = _pipeline.gather(images, [0], [2.0], [0.0])
    np.testing.assert_array_equal(got.ravel(), [np.nan, np.inf, -np.inf, 2.0])


def test_the_pictures_are_not_modified(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (9, 3, 5, 6), dtype=np.uint8)
    before = images.copy()
    _pipeline.gather(images, np.arange(9), [0.5] * 3, [1.0] * 3, shift=2, flip=True)
    np.testing.assert_array_equal(images, before)


FORK = """
import os, numpy as np
from convlet import _pipeline
images = np.arange(64 * 3 * 64 * 64, dtype=np.uint32).astype(np.uint8).reshape(64, 3, 64, 64)
gather = lambda: _pipeline.gather(images, np.arange(64), [1.0] * 3, [0.0] * 3, num_threads=2)
wanted = gather()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(gather(), wanted) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_gathers_the_same_and_does_not_hang() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60)
