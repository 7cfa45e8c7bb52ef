"""Drawn pictures: the same from the same seed, and labels, boxes and masks that are true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet.data import shapes
from convlet.data.shapes.backgrounds import paint_background
from convlet.data.shapes.colours import apart_from, contrast
from convlet.data.shapes.difficulty import DIFFICULTIES
from convlet.data.shapes.figures import FIGURES
from convlet.data.shapes.painting import rasterise

LEVELS = ["easy", "medium", "hard"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_picture_depends_only_on_seed_and_number(level: str) -> None:
    many, labels = shapes.classification(30, seed=7, difficulty=level)
    few, few_labels = shapes.classification(7, seed=7, difficulty=level, start=13)
    np.testing.assert_array_equal(many[13:20], few)
    np.testing.assert_array_equal(labels[13:20], few_labels)


@pytest.mark.parametrize("level", LEVELS)
def test_a_scene_depends_only_on_seed_and_number(level: str) -> None:
    many = shapes.scenes(9, size=64, seed=7, difficulty=level)
    few = shapes.scenes(3, size=64, seed=7, difficulty=level, start=5)
    np.testing.assert_array_equal(many.images[5:8], few.images)
    np.testing.assert_array_equal(many.instances[5:8], few.instances)
    for one, other in zip(many[5:8], few, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_another_seed_draws_other_pictures() -> None:
    first, _ = shapes.classification(5, seed=0)
    second, _ = shapes.classification(5, seed=1)
    assert all((a != b).any() for a, b in zip(first, second, strict=True))


def test_all_classes_occur_equally_often_but_not_in_one_order() -> None:
    _, labels = shapes.classification(100, size=16)
    runs = labels.reshape(10, 10)
    assert (np.sort(runs, axis=1) == np.arange(10)).all()
    assert len({tuple(run) for run in runs.tolist()}) > 1


def test_names_and_figures_go_together() -> None:
    assert len(shapes.CLASS_NAMES) == len(FIGURES) == 10
    assert shapes.CLASS_NAMES[:4] == ("circle", "square", "triangle", "pentagon")


@pytest.mark.parametrize("label", range(10), ids=shapes.CLASS_NAMES)
def test_a_figure_fits_its_circle_and_fills_a_fair_part_of_it(label: int) -> None:
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 301), np.linspace(-1.5, 1.5, 301))
    inside = FIGURES[label](x, y) < 0
    assert np.hypot(x, y)[inside].max() <= 1.0
    assert 0.25 < inside.sum() * 0.01**2 / np.pi < 0.9


@pytest.mark.parametrize("label", range(10), ids=shapes.CLASS_NAMES)
def test_an_antialiased_figure_covers_its_true_area_whatever_its_rotation(label: int) -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 1001), np.linspace(-1, 1, 1001))
    true = (FIGURES[label](x, y) < 0).sum() * 0.002**2 * 15**2
    for degrees in (0, 17, 200):
        assert rasterise(label, (40.3, 40.8), 15, degrees).coverage.sum() == pytest.approx(
            true, rel=0.02
        )


@pytest.mark.parametrize("level", LEVELS)
def test_colours_keep_the_contrast_that_the_level_asks_for(level: str) -> None:
    settings = DIFFICULTIES[level]
    kept = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        _, around = paint_background(rng, 16, settings)
        colour = apart_from(rng, around, settings.contrast, settings.shading)
        nearest = float(contrast(colour, around).min())
        assert nearest > 0.6 * settings.contrast
        kept += nearest >= settings.contrast
    assert kept >= 180


def test_black_and_white_have_the_contrast_one() -> None:
    assert contrast(np.zeros(3), np.ones(3)) == pytest.approx(1.0)


@pytest.mark.parametrize("level", LEVELS)
def test_boxes_are_tight_about_the_visible_masks(level: str) -> None:
    for scene in shapes.scenes(20, size=96, difficulty=level):
        assert scene.masks.shape == (len(scene.labels), 96, 96)
        for box, mask in zip(scene.boxes, scene.masks, strict=True):
            rows, columns = np.nonzero(mask)
            assert box.tolist() == [
                columns.min(),
                rows.min(),
                columns.max() + 1,
                rows.max() + 1,
            ]


@pytest.mark.parametrize("level", LEVELS)
def test_masks_are_disjoint_and_agree_with_the_classes(level: str) -> None:
    drawn = shapes.scenes(20, size=96, difficulty=level)
    for scene, semantic in zip(drawn, drawn.semantic, strict=True):
        assert scene.masks.sum(axis=0).max(initial=0) <= 1
        np.testing.assert_array_equal(semantic > 0, scene.masks.any(axis=0))
        for label, mask in zip(scene.labels, scene.masks, strict=True):
            assert (semantic[mask] == label + 1).all()


@pytest.mark.parametrize("level", LEVELS)
def test_the_visible_share_stays_within_the_level(level: str) -> None:
    settings = DIFFICULTIES[level]
    shares = np.concatenate([s.visible for s in shapes.scenes(40, size=96, difficulty=level)])
    assert shares.max() == 1.0
    assert shares.min() >= 1.0 - settings.overlap - 1e-6
    assert (shares < 1.0).any() == (level != "easy")


def test_the_number_of_objects_varies_and_some_scenes_are_empty() -> None:
    drawn = shapes.scenes(150, size=48, difficulty="hard")
    counts = [len(scene.labels) for scene in drawn]
    assert min(counts) == 0
    assert len(set(counts)) > 4
    empty = drawn[counts.index(0)]
    assert empty.boxes.shape == (0, 4)
    assert empty.masks.shape == (0, 48, 48)
    assert not empty.semantic.any()


def test_an_object_looks_different_from_what_is_around_it() -> None:
    for scene in shapes.scenes(30, size=96, difficulty="easy"):
        around = scene.image[:, scene.instances == 0].mean(axis=1) / 255
        for mask in scene.masks:
            assert contrast(scene.image[:, mask].mean(axis=1) / 255, around) > 0.3


def test_a_part_of_the_scenes_shares_their_arrays() -> None:
    drawn = shapes.scenes(6, size=32)
    part = drawn[2:4]
    assert len(part) == 2
    assert np.shares_memory(part.images, drawn.images)
    assert repr(part).startswith("Scenes(2 images of 32x32")


@pytest.mark.parametrize("size", [16, 17, 100])
def test_pictures_have_the_size_asked_for(size: int) -> None:
    images, labels = shapes.classification(3, size=size, difficulty="hard")
    assert images.shape == (3, 3, size, size)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64


def test_no_pictures_are_a_valid_wish() -> None:
    assert shapes.classification(0).images.shape == (0, 3, 32, 32)
    assert len(shapes.scenes(0)) == 0


@pytest.mark.parametrize("draw", [shapes.classification, shapes.scenes])
@pytest.mark.parametrize(
    "change",
    [
        {"count": -1},
        {"count": 2**31 + 1},
        {"size": 0},
        {"size": 1025},
        {"seed": -1},
        {"seed": 2**64},
        {"start": -1},
        {"difficulty": "impossible"},
    ],
    ids=str,
)
def test_arguments_out_of_range_are_a_value_error_that_names_them(
    draw: Any, change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f": {next(iter(change))} must be"):
        draw(**{"count": 1, **change})


@pytest.mark.parametrize("draw", [shapes.classification, shapes.scenes])
@pytest.mark.parametrize("change", [{"count": 1.0}, {"size": "64"}, {"seed": None}], ids=str)
def test_arguments_of_another_type_are_a_type_error_that_names_them(
    draw: Any, change: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=f": {next(iter(change))} must be an int"):
        draw(**{"count": 1, **change})
