"""ArrayDataset: normalisation, augmentation, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet.data import ArrayDataset, channel_statistics


def test_uint8_pixels_count_as_zero_to_one(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (6, 3, 4, 5), dtype=np.uint8)
    dataset = ArrayDataset(images, np.arange(6), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    got, labels = dataset.batch([5, 0, 5])
    mean, std = (np.reshape(v, (1, 3, 1, 1)) for v in ((0.1, 0.2, 0.3), (0.5, 1.0, 2.0)))
    wanted = (images[[5, 0, 5]] / 255.0 - mean) / std
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    assert labels.tolist() == [5, 0, 5]


def test_float32_pixels_count_as_they_are(rng: np.random.Generator) -> None:
    images = rng.standard_normal((6, 2, 4, 5)).astype(np.float32)
    got, _ = ArrayDataset(images, np.zeros(6, int), mean=2.0, std=4.0).batch([3])
    np.testing.assert_allclose(got, (images[[3]] - 2.0) / 4.0, rtol=1e-5, atol=1e-6)


def test_without_mean_and_std_float32_pixels_keep_every_bit(rng: np.random.Generator) -> None:
    images = rng.standard_normal((6, 2, 4, 5)).astype(np.float32)
    got, _ = ArrayDataset(images, np.zeros(6, int)).batch(np.arange(6))
    np.testing.assert_array_equal(got, images)


def test_what_moves_in_is_a_black_pixel_normalised() -> None:
    white = np.full((100, 1, 4, 4), 255, np.uint8)
    dataset = ArrayDataset(white, np.zeros(100, int), mean=0.5, std=0.25, shift=2)
    got, _ = dataset.batch(np.arange(100))
    assert sorted(np.unique(got)) == [-2.0, 2.0]


def test_three_dimensions_mean_one_channel() -> None:
    dataset = ArrayDataset(np.zeros((3, 4, 5), np.uint8), [0, 1, 2])
    assert dataset.batch([1])[0].shape == (1, 1, 4, 5)


def test_pictures_are_not_copied() -> None:
    images = np.zeros((3, 1, 4, 5), np.uint8)
    assert ArrayDataset(images, [0, 1, 2]).images is images


@pytest.mark.parametrize("kind", ["byte-swapped", "misaligned"])
def test_unusual_float32_gives_the_usual_answer(rng: np.random.Generator, kind: str) -> None:
    images = rng.standard_normal((3, 1, 4, 5)).astype(np.float32)
    if kind == "byte-swapped":
        other = images.astype(images.dtype.newbyteorder())
    else:
        other = np.frombuffer(b"\0" + images.tobytes(), np.uint8)[1:].view(np.float32)
        other = other.reshape(images.shape)
    got, _ = ArrayDataset(other, [0, 1, 2]).batch([0, 1, 2])
    np.testing.assert_array_equal(got, images)


def test_an_empty_batch_and_an_empty_dataset_are_valid() -> None:
    images, labels = ArrayDataset(np.zeros((3, 4, 5), np.uint8), [0, 1, 2]).batch([])
    assert images.shape == (0, 1, 4, 5)
    assert labels.shape == (0,)
    assert len(ArrayDataset(np.zeros((0, 4, 5), np.uint8), [])) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, bool, complex, object, "U3"])
def test_other_pixels_are_a_type_error_that_says_what_is_wanted(dtype: Any) -> None:
    with pytest.raises(TypeError, match="images must be uint8 or float32"):
        ArrayDataset(np.zeros((3, 4, 5), dtype), [0, 1, 2])


@pytest.mark.parametrize("images", [[[[0.0]]], None, "images"])
def test_pictures_that_are_no_array_are_a_type_error(images: Any) -> None:
    with pytest.raises(TypeError, match="images must be an array"):
        ArrayDataset(images, [0])


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (3, 1, 1, 4, 5), (3, 0, 4), (3, 0, 4, 5)])
def test_other_shapes_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must"):
        ArrayDataset(np.zeros(shape, np.uint8), np.zeros(3, int))


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1], [2]], 0])
def test_labels_of_another_shape_are_a_value_error(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"labels must be \(3,\)"):
        ArrayDataset(np.zeros((3, 4, 5), np.uint8), labels)


@pytest.mark.parametrize("labels", [[0.0, 1.0, 2.0], ["a", "b", "c"], [True, False, True]])
def test_labels_that_are_not_integers_are_a_type_error(labels: Any) -> None:
    with pytest.raises(TypeError, match="labels must be integers"):
        ArrayDataset(np.zeros((3, 4, 5), np.uint8), labels)


@pytest.mark.parametrize(
    "change",
    [
        {"std": 0.0},
        {"std": -1.0},
        {"std": [1.0, 1.0]},
        {"std": float("nan")},
        {"mean": float("inf")},
        {"mean": [[0.0]]},
        {"shift": -1},
        {"shift": 5},
    ],
    ids=str,
)
def test_arguments_out_of_range_are_a_value_error_that_names_them(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        ArrayDataset(np.zeros((3, 4, 5), np.uint8), [0, 1, 2], **change)


@pytest.mark.parametrize("change", [{"shift": 1.5}, {"flip": 1}, {"mean": "0.5"}], ids=str)
def test_arguments_of_another_type_are_a_type_error_that_names_them(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(change))):
        ArrayDataset(np.zeros((3, 4, 5), np.uint8), [0, 1, 2], **change)


@pytest.mark.parametrize(
    ("indices", "error"),
    [
        ([3], ValueError),
        ([-1], ValueError),
        ([[0]], ValueError),
        ([0.0], TypeError),
        ([True, False, True], TypeError),
        ([2**64], TypeError),
    ],
)
def test_bad_indices_are_refused(indices: Any, error: type[Exception]) -> None:
    dataset = ArrayDataset(np.zeros((3, 4, 5), np.uint8), [0, 1, 2])
    with pytest.raises(error, match="indices"):
        dataset.batch(indices)


def test_statistics_of_uint8_and_float_pixels_agree_with_numpy(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (20, 3, 8, 9), dtype=np.uint8)
    unit = images / 255.0
    for pixels in (images, unit.astype(np.float32)):
        mean, std = channel_statistics(pixels)
        np.testing.assert_allclose(mean, unit.mean(axis=(0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(std, unit.std(axis=(0, 2, 3)), rtol=1e-6)


def test_statistics_make_a_batch_of_mean_zero_and_deviation_one(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (50, 3, 8, 8), dtype=np.uint8)
    mean, std = channel_statistics(images)
    got, _ = ArrayDataset(images, np.zeros(50, int), mean=mean, std=std).batch(np.arange(50))
    np.testing.assert_allclose(got.mean(axis=(0, 2, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(got.std(axis=(0, 2, 3)), 1.0, atol=1e-5)


def test_statistics_of_a_single_colour_are_harmless_to_divide_by() -> None:
    assert channel_statistics(np.full((2, 4, 5), 255, np.uint8)) == ((1.0,), (1.0,))


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 5), (2, 3, 4, 0)])
def test_statistics_of_no_pixels_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="channel_statistics: images must be"):
        channel_statistics(np.zeros(shape, np.uint8))
