"""Each transform against plain NumPy: what is random is drawn by the reference in the same order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import reference_transforms as reference
from convlet.data import transforms as T
from reference_transforms import Draws

SEED, EPOCH = 2**40 + 3, 5
Images = npt.NDArray[np.float32]


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def images(request: pytest.FixtureRequest) -> Images:
    shape = (24, request.param, 7, 10)
    return np.random.default_rng(1).random(shape).astype(np.float32)


def draws(index: int, step: int = 0) -> Draws:
    return Draws(SEED, EPOCH, index, step)


def done(transform: T.Transform, images: Any, **how: Any) -> Images:
    return transform(images, seed=SEED, epoch=EPOCH, **how)


def compare(got: Images, wanted: list[Any], tolerance: float = 2e-6) -> None:
    np.testing.assert_allclose(got, np.stack(wanted), rtol=0, atol=tolerance)
    assert got.dtype == np.float32
    assert got.transpose(0, 2, 3, 1).flags.c_contiguous
    assert np.count_nonzero(got) > got.size / 4


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [(0,), (2, 1), (1, 2, 3, 0)])
def test_random_crop(images: Images, mode: str, padding: tuple[int, ...]) -> None:
    fill = [0.5] if images.shape[1] == 1 else [0.1, 0.2, 0.3]
    got = done(T.RandomCrop((6, 8), padding, fill=fill, padding_mode=mode), images)
    sides: Any = (padding * 4)[:4]
    wanted = []
    for index, image in enumerate(images):
        wide = reference.padded(image, sides, fill, mode)
        draw = draws(index)
        top, left = draw.below(wide.shape[1] - 5), draw.below(wide.shape[2] - 7)
        wanted.append(wide[:, top : top + 6, left : left + 8])
    compare(got, wanted, 0)


def test_random_crop_pads_what_is_too_small(images: Images) -> None:
    got = done(T.RandomCrop(9, pad_if_needed=True, fill=1), images)
    wanted = []
    for index, image in enumerate(images):
        wide = reference.padded(image, (0, 2, 0, 2), 1.0, "constant")
        draw = draws(index)
        top, left = draw.below(3), draw.below(2)
        wanted.append(wide[:, top : top + 9, left : left + 9])
    compare(got, wanted, 0)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad_far_beyond_the_picture(images: Images, mode: str) -> None:
    got = done(T.Pad((15, 2, 1, 9), fill=0.25, padding_mode=mode), images)
    compare(got, [reference.padded(x, (15, 2, 1, 9), 0.25, mode) for x in images], 0)


def test_center_crop_of_even_and_odd_rests(images: Images) -> None:
    compare(done(T.CenterCrop((4, 5)), images), list(images[:, :, 2:6, 2:7]), 0)
    padded = [reference.padded(x, (0, 2, 0, 3), 0, "constant")[:, :, 2:8] for x in images]
    compare(done(T.CenterCrop((12, 6)), images), padded, 0)


@pytest.mark.parametrize(("flip", "axis"), [(T.RandomHorizontalFlip, 2), (T.RandomVerticalFlip, 1)])
def test_flips(images: Images, flip: Any, axis: int) -> None:
    wanted = [np.flip(x, axis) if draws(i).uniform() < 0.4 else x for i, x in enumerate(images)]
    compare(done(flip(0.4), images), wanted, 0)
    np.testing.assert_array_equal(done(flip(0), images), images)
    np.testing.assert_array_equal(done(flip(1), images), np.flip(images, axis + 1))


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
@pytest.mark.parametrize("center", [None, (2.5, 1.0)])
def test_random_rotation_turns_counter_clockwise(images: Images, how: str, center: Any) -> None:
    images = images[:6]
    got = done(T.RandomRotation((-50, 80), how, center=center, fill=0.5), images)
    wanted = [
        reference.affine(
            x,
            angle=-draws(i).uniform(-50, 80),
            centre=center,
            bilinear=how == "bilinear",
            fill=0.5,
        )
        for i, x in enumerate(images)
    ]
    compare(got, wanted)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_quarter_turns_move_pixels_exactly(quarter: int) -> None:
    image = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    for how in ("nearest", "bilinear"):
        got = done(T.RandomRotation((90 * quarter, 90 * quarter), how), image)
        np.testing.assert_allclose(got, np.rot90(image, quarter, (1, 2)), atol=1e-5)


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
def test_random_affine(images: Images, how: str) -> None:
    images = images[:6]
    transform = T.RandomAffine(30, (0.3, 0.2), (0.7, 1.4), (-20, 10, -5, 15), how, fill=0.25)
    wanted = []
    for index, image in enumerate(images):
        draw = draws(index)
        angle = draw.uniform(-30, 30)
        move = (round(draw.uniform(-0.3, 0.3) * 10), round(draw.uniform(-0.2, 0.2) * 7))
        scale, shear_x = draw.uniform(0.7, 1.4), draw.uniform(-20, 10)
        wanted.append(
            reference.affine(
                image,
                angle=angle,
                move=move,
                scale=scale,
                shear=(shear_x, draw.uniform(-5, 15)),
                bilinear=how == "bilinear",
                fill=0.25,
            )
        )
    compare(done(transform, images), wanted)


@pytest.mark.parametrize("how", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 4), (14, 5), (7, 10), (1, 1), (9, 31)])
def test_resize(images: Images, how: str, size: tuple[int, int]) -> None:
    compare(done(T.Resize(size, how), images), [reference.resized(x, size, how) for x in images])
    if how == "bilinear":
        plain = [reference.resized(x, size, antialias=False) for x in images]
        compare(done(T.Resize(size, antialias=False), images), plain)


@pytest.mark.parametrize(
    ("size", "most", "wanted"),
    [(14, None, (14, 20)), (3, None, (3, 4)), (14, 16, (11, 16)), (1, None, (1, 1))],
)
def test_resize_of_the_shorter_side(size: int, most: int | None, wanted: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((3, 7, 10)).astype(np.float32)
    for turned, expected in ((image, wanted), (image.transpose(0, 2, 1), wanted[::-1])):
        got = done(T.Resize(size, max_size=most), turned)
        assert got.shape[1:] == expected
        np.testing.assert_allclose(got, reference.resized(turned, expected), atol=2e-6)


@pytest.mark.parametrize("how", ["nearest", "bilinear", "bicubic"])
def test_resize_is_pillows(how: str) -> None:
    pillow = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).random((37, 53)).astype(np.float32)
    for size in ((12, 20), (80, 60), (37, 10)):
        if how == "nearest" and (37 % size[0] or 53 % size[1]):
            continue  # Pillow looks at the middle of a pixel, PyTorch and this at its corner
        mode = getattr(pillow.Resampling, how.upper())
        wanted = np.asarray(pillow.fromarray(image).resize(size[::-1], mode))
        np.testing.assert_allclose(T.Resize(size, how)(image[None])[0], wanted, atol=1e-5)


def window(draw: Draws, height: int, width: int, scale: Any, ratio: Any) -> tuple[int, ...]:
    for _ in range(10):
        area = height * width * draw.uniform(*scale)
        form = math.exp(draw.uniform(math.log(ratio[0]), math.log(ratio[1])))
        wide, tall = round(math.sqrt(area * form)), round(math.sqrt(area / form))
        if 0 < wide <= width and 0 < tall <= height:
            return draw.below(height - tall + 1), draw.below(width - wide + 1), tall, wide
    tall, wide = height, width
    if width / height > ratio[1]:
        wide = round(height * ratio[1])
    elif width / height < ratio[0]:
        tall = round(width / ratio[0])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [((0.08, 1.0), (3 / 4, 4 / 3)), ((1, 1), (0.9, 1.1)), ((1, 1), (3, 4)), ((0.1, 0.3), (1, 1))],
)
def test_random_resized_crop(images: Images, scale: Any, ratio: Any) -> None:
    got = done(T.RandomResizedCrop((5, 6), scale, ratio), images)
    wanted = []
    for index, image in enumerate(images):
        top, left, tall, wide = window(draws(index), 7, 10, scale, ratio)
        cut = image[:, top : top + tall, left : left + wide]
        wanted.append(reference.resized(cut, (5, 6)))
    compare(got, wanted)


def test_color_jitter(images: Images) -> None:
    kinds = ("brightness", "contrast", "saturation", "hue")
    ranges = ((0.5, 1.5), (0.3, 1.7), (0.0, 2.0), (-0.3, 0.3))
    got = done(T.ColorJitter(*ranges), images)
    wanted = []
    for index, image in enumerate(images):
        draw, order = draws(index), [0, 1, 2, 3]
        for i in (3, 2, 1):
            j = draw.below(i + 1)
            order[i], order[j] = order[j], order[i]
        factors = [draw.uniform(*each) for each in ranges]
        x = image.astype(np.float64)
        for i in order:
            x = reference.jittered(x, kinds[i], factors[i])
        wanted.append(x)
    compare(got, wanted, 1e-5)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.1, 1 / 3, 0.5])
def test_hue_turns_pure_colours_and_leaves_grey(turn: float) -> None:
    colours = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0.3, 0.3, 0.3], [0, 0, 0]], np.float32)
    image = np.tile(colours.T[:, None], (1, 4, 1))
    got = done(T.ColorJitter(hue=(turn, turn)), image)
    np.testing.assert_allclose(got, reference.jittered(image, "hue", turn), atol=1e-6)
    np.testing.assert_array_equal(got[:, :, 3:], image[:, :, 3:])


def test_grey(images: Images) -> None:
    for channels in (1, 3):
        wanted = [np.broadcast_to(reference.grey(x), (channels, 7, 10)) for x in images]
        compare(done(T.Grayscale(channels), images), wanted)
    count = images.shape[1]
    wanted = [
        np.broadcast_to(reference.grey(x), (count, 7, 10)) if draws(i).uniform() < 0.5 else x
        for i, x in enumerate(images)
    ]
    compare(done(T.RandomGrayscale(0.5), images), wanted)


def test_normalize(images: Images) -> None:
    channels = images.shape[1]
    mean, std = [0.1, 0.4, 0.9][:channels], [0.5, 2.0, 0.25][:channels]
    wanted = (images - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
    compare(done(T.Normalize(mean, std), images), list(wanted), 1e-5)


@pytest.mark.parametrize("value", [0.5, "random"])
def test_random_erasing(images: Images, value: Any) -> None:
    got = done(T.RandomErasing(0.7, (0.1, 0.5), (0.5, 2.0), value), images)
    wanted, erased = [], 0
    for index, image in enumerate(images):
        draw, x = draws(index), image.copy()
        if draw.uniform() < 0.7:
            for _ in range(10):
                area = 70 * draw.uniform(0.1, 0.5)
                form = math.exp(draw.uniform(math.log(0.5), math.log(2.0)))
                tall, wide = round(math.sqrt(area * form)), round(math.sqrt(area / form))
                if tall < 7 and wide < 10:
                    top, left = draw.below(8 - tall), draw.below(11 - wide)
                    for i in range(top, top + tall):
                        for j in range(left, left + wide):
                            for c in range(len(x)):
                                x[c, i, j] = draw.normal() if value == "random" else value
                    erased += 1
                    break
        wanted.append(x)
    assert 8 < erased < 24
    compare(got, wanted)


def test_bytes_count_as_zero_to_one() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    got = T.ToTensor()(pixels).ravel()
    np.testing.assert_allclose(got, np.arange(256) / 255, rtol=1.2e-7)
    assert got[[0, 255]].tolist() == [0, 1]


def test_steps_draw_apart_from_each_other(images: Images) -> None:
    twice = done(T.Compose([T.RandomHorizontalFlip(), T.RandomHorizontalFlip()]), images)
    turned = [
        (draws(i, 0).uniform() < 0.5) != (draws(i, 1).uniform() < 0.5) for i in range(len(images))
    ]
    wanted = [x[..., ::-1] if flip else x for flip, x in zip(turned, images, strict=True)]
    compare(twice, wanted, 0)
    assert 4 < sum(turned) < 20
