"""Pictures: each function gives a figure with something on it, and refuses what it cannot draw."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

pytest.importorskip("matplotlib")

import convlet as cl
from convlet import models, nn, viz
from convlet.viz.capture import capture

HISTORY = [
    {"epoch": 1, "loss": 1.5, "accuracy": 0.5, "val_loss": 1.1, "val_accuracy": 0.6},
    {"epoch": 2, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9},
    {"epoch": 3, "loss": 0.1, "accuracy": 0.9, "val_loss": 0.6, "val_accuracy": 0.8},
]


def texts(figure: Figure) -> str:
    """All words on a figure, drawn once to be sure that it can be."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert len(file.getvalue()) > 3000, "the picture is nearly empty"
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        labels = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.title]
        found += [text.get_text() for text in [*axes.texts, *labels]]
    return " ".join(found).replace("\n", " ")


def test_curves_mark_the_best_epoch() -> None:
    words = texts(viz.curves(HISTORY))
    assert "Validation loss 0.4 at epoch 2 of 3" in words
    assert "Dashed: the epoch of the lowest loss, validation accuracy 90.0 %." in words
    assert "training" in words


def test_curves_of_one_epoch_and_of_loss_alone() -> None:
    assert "epoch 1 of 1" in texts(viz.curves(HISTORY[:1]))
    assert len(viz.curves([{"loss": 0.5}, {"loss": 0.4}]).axes) == 1
    assert "Training loss 0.4" in texts(viz.curves([{"loss": 0.4}, {"loss": float("nan")}]))


def test_curves_mark_the_epoch_that_was_kept() -> None:
    words = texts(viz.curves(HISTORY, kept=3))
    assert "Validation loss 0.6 at epoch 3 of 3" in words
    assert "Dashed: the epoch whose weights are kept, validation accuracy 80.0 %." in words
    with pytest.raises(ValueError, match="kept must be one of 3 epochs, got 7"):
        viz.curves(HISTORY, kept=7)


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("epochs", [1, 12])
def test_curves_without_a_finite_validation_loss_mark_no_epoch(value: float, epochs: int) -> None:
    lost = {"val_loss": value, "val_accuracy": float("nan")}
    rows = [{"epoch": n + 1, "loss": 1 / (n + 1), "accuracy": 0.9, **lost} for n in range(epochs)]
    figure = viz.curves(rows)
    assert "Validation loss never finite" in texts(figure)
    assert [line.get_linestyle() for axes in figure.axes for line in axes.lines].count("--") == 0
    assert f"at epoch {epochs} of {epochs}" in texts(viz.curves(rows, kept=epochs))
    assert "never finite" in texts(viz.curves([{**row, "accuracy": value} for row in rows]))


def test_curves_need_an_epoch() -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        viz.curves([])


def test_confusion_matrix_names_the_most_frequent_mistake() -> None:
    words = texts(viz.confusion_matrix([[8, 2, 0], [0, 9, 1], [0, 0, 0]], ["cat", "dog", "bird"]))
    assert "17 of 20 correct (85.0 %)" in words
    assert "Most frequent mistake: cat as dog, 2 times." in words
    assert "80.0 %" in words
    assert "none" in words, "a class without images has no recall"


def test_confusion_matrix_names_mistakes_that_are_as_frequent() -> None:
    words = texts(viz.confusion_matrix(np.eye(3, dtype=int) + 1))
    assert "once each: 0 as 1, 0 as 2, 1 as 0, 1 as 2 and 2 more." in words


def test_curves_of_a_long_training_begin_above_its_first_steps() -> None:
    history = [{"loss": 1.0, "accuracy": 0.1}] + 30 * [{"loss": 0.1, "accuracy": 0.97}]
    assert viz.curves(history).axes[1].get_ylim() == (95.0, 100.0)
    assert viz.curves(history[:3]).axes[1].get_ylim() == (5.0, 100.0)


@pytest.mark.parametrize("size", [1, 2, 50])
def test_confusion_matrix_of_any_size(size: int) -> None:
    assert "No mistakes" in texts(viz.confusion_matrix(3 * np.eye(size, dtype=int)))


@pytest.mark.parametrize(
    ("matrix", "error"),
    [
        (np.zeros((2, 3), int), ValueError),
        (np.zeros((0, 0), int), ValueError),
        ([[1.5, 0.0], [0.0, 1.0]], TypeError),
        ([[1, -1], [0, 1]], ValueError),
    ],
)
def test_confusion_matrix_refuses(matrix: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="confusion_matrix"):
        viz.confusion_matrix(matrix)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "panels"),
    [((6, 1, 5, 5), 7), ((4, 3, 3, 3), 4), ((2, 5, 3, 3), 11), ((1, 1, 1, 1), 2)],
)
def test_kernels_draw_each_kernel(shape: tuple[int, ...], panels: int) -> None:
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    figure = viz.kernels(cl.Tensor(weight))
    assert "kernel" in texts(figure)
    assert len(figure.axes) == panels, "one per kernel or channel, and the scale where signs matter"


def test_kernels_come_strongest_first_and_may_be_limited() -> None:
    weight = np.ones((3, 1, 2, 2), np.float32) * np.array([1, 3, 2], np.float32).reshape(3, 1, 1, 1)
    words = texts(viz.kernels(weight, limit=2))
    assert "The 2 strongest of 3 kernels" in words
    assert words.index("1:") < words.index("2:")


def test_kernels_refuse_other_ranks() -> None:
    with pytest.raises(ValueError, match=r"\(K, C, R, S\)"):
        viz.kernels(np.zeros((3, 3)))


def test_mistakes_show_truth_prediction_and_confidence() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8)).astype(np.uint8)
    probabilities = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    words = texts(viz.mistakes(images, [0, 0, 1], probabilities, ["cat", "dog"]))
    assert "2 of 3 read wrongly" in words
    assert words.index("cat → dog") < words.index("dog → cat"), "surest first"
    assert "80.0 %" in words


def test_mistakes_without_a_mistake_show_the_least_sure() -> None:
    words = texts(viz.mistakes(np.zeros((2, 8, 8)), [0, 1], [[0.9, 0.1], [0.4, 0.6]]))
    assert "No mistake in 2" in words


def test_mistakes_refuse_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        viz.mistakes(np.zeros((2, 8, 8)), [0, 1], [[1.0, 0.0]])
    with pytest.raises(ValueError, match="labels"):
        viz.mistakes(np.zeros((2, 8, 8)), [0], [[1.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_batch_draws_images_with_names(channels: int) -> None:
    images = np.random.default_rng(0).normal(size=(5, channels, 8, 8)).astype(np.float32)
    figure = viz.batch(images, [0, 1, 0, 1, 1], ["cat", "dog"])
    assert "5 images of 2 classes" in texts(figure)
    assert len(figure.axes) == 5


def test_batch_refuses_labels_without_names() -> None:
    with pytest.raises(ValueError, match="names has 1 entries but a label is 1"):
        viz.batch(np.zeros((2, 8, 8)), [0, 1], ["cat"])


def test_feature_maps_show_every_layer_and_the_answer() -> None:
    model = models.lenet5(seed=0)
    image = np.random.default_rng(0).normal(size=(1, 28, 28)).astype(np.float32)
    words = texts(viz.feature_maps(model, image))
    assert "Read as" in words
    for layer in ("conv1", "conv2", "fc1", "fc2", "fc3", "Conv2d + ReLU  6x28x28"):
        assert layer in words, layer


def test_feature_maps_of_a_deep_network_draw_layers_that_are_evenly_apart() -> None:
    model = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(9)), nn.Flatten(), nn.Linear(4, 2))
    words = texts(viz.feature_maps(model, np.ones((1, 2, 2)), limit=4))
    assert words.count("Conv2d") == 3
    assert "Linear, softmax" in words
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        viz.feature_maps(model, np.ones((1, 2, 2)), limit=0)


def test_capture_leaves_mode_and_hooks_as_they_were() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten())
    model[2].eval()
    layers = capture(model, np.ones((1, 5, 5), np.float32))
    assert [(layer.name, layer.kind) for layer in layers] == [("0", "Conv2d + ReLU")]
    assert [module.training for module in model.modules()] == [True, True, True, False, True]
    assert not any(module._forward_hooks for module in model.modules())


def test_feature_maps_refuse_other_ranks() -> None:
    with pytest.raises(ValueError, match=r"\(C, H, W\)"):
        viz.feature_maps(models.lenet5(), np.zeros((28, 28)))


def test_pyplot_is_never_touched() -> None:
    code = (
        "import sys; from convlet import viz; viz.curves([{'loss': 1.0}]).savefig(sys.stdout.buffer);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "convlet\[plot\]"'):
        viz.curves(HISTORY)


NOISE = np.random.default_rng(0).normal(size=(3, 1, 28, 28)).astype(np.float32)
NAMES = [f"class {i}" for i in range(10)]


@pytest.mark.parametrize("picture", [viz.grad_cam, viz.occlusion, viz.saliency])
def test_attribution_names_the_class_asked_about(picture: Callable[..., Figure]) -> None:
    model = models.lenet5(seed=0)
    figure = picture(model, NOISE, [1, 2, 3], NAMES)
    words = texts(figure)
    assert all(f"class {i}" in words for i in (1, 2, 3))
    assert words.count(" %") == 3
    assert len(figure.axes) == 6, "each image, and its map"
    assert len(picture(model, NOISE, limit=2).axes) == 4
    with pytest.raises(ValueError, match="names has 2 entries for 10 scores"):
        picture(model, NOISE, names=["a", "b"])
    with pytest.raises(ValueError, match="limit must be at least 1"):
        picture(model, NOISE, limit=0)


def test_maps_are_laid_over_colour_and_over_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    assert "layer 0" in texts(viz.grad_cam(model, np.ones((2, 3, 8, 8))))
    model[2].weight.data[:] = 0
    assert "next to nothing" in texts(viz.occlusion(model, np.ones((3, 8, 8)), size=8))


def test_receptive_field_draws_a_box_per_layer() -> None:
    figure = viz.receptive_field(models.lenet5(seed=0), NOISE[0])
    words = texts(figure)
    assert "The middle of layer pool sees 16 x 16 pixels of 28 x 28" in words
    for size in ("5 x 5", "6 x 6", "14 x 14"):
        assert size in words
    assert len(figure.axes[0].lines) == 4
    named = viz.receptive_field(models.lenet5(seed=0), NOISE[0], ["conv2", "fc1"])
    assert "layer fc1 sees 28 x 28" in texts(named)


def test_receptive_field_refuses() -> None:
    with pytest.raises(ValueError, match="layers must be some of conv1"):
        viz.receptive_field(models.lenet5(), NOISE[0], ["conv9"])
    with pytest.raises(ValueError, match=r"image must have shape \(C, H, W\)"):
        viz.receptive_field(models.lenet5(), NOISE)
    with pytest.raises(ValueError, match="no convolution"):
        viz.receptive_field(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), np.zeros((1, 2, 2)))


def test_top_patches_cut_out_what_a_channel_answers_to() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    model[0].weight.data[0] = 1
    model[0].weight.data[1] = -1
    model[0].bias.data[:] = 0
    images = np.zeros((4, 1, 10, 12), np.float32)
    images[2, 0, 4:7, 5:8] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    figure = viz.top_patches(model, images, "0", [0], count=2)
    words = texts(figure)
    assert "3 x 3 pixels" in words
    assert "45.00" in words
    shown = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(shown, np.arange(1, 10).reshape(3, 3) / 9, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("conv9",), "layer must be one of conv1"),
        (("fc1",), r"'fc1' gives \(3, 120\)"),
        (("conv1", [6]), r"channels must be in \[0, 6\), got \[6\]"),
        (("conv1", []), "channels"),
    ],
)
def test_top_patches_refuse(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        viz.top_patches(models.lenet5(), NOISE, *arguments)
    with pytest.raises(ValueError, match="count must be at least 1"):
        viz.top_patches(models.lenet5(), NOISE, "conv1", count=0)


def test_masks_are_drawn_with_the_names_of_their_classes(rng: np.random.Generator) -> None:
    images = rng.random((2, 3, 12, 16), np.float32)
    truth = rng.integers(0, 3, (2, 12, 16))
    said = truth.copy()
    said[0, :6] = 2
    words = texts(viz.segmentations(images, truth, said, ["ground", "cat", "dog"]))
    wrong = 100 * (said[0] != truth[0]).mean()
    for word in ("ground", "cat", "dog", "wrong", f"{wrong:.1f} %", "0.0 %"):
        assert word in words
    drawn = viz.overlay(images[0], truth[0])
    assert drawn.shape == (12, 16, 3)
    assert "cat" in texts(viz.mask_overlay(images[0], truth[0], ["ground", "cat", "dog"]))


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.zeros((4, 4)), TypeError, "must be integers, got float64"),
        (np.zeros((4, 4), bool), TypeError, "must be integers, got bool"),
        (np.full((4, 4), 256), ValueError, r"must be in \[0, 255\], got 256 to 256"),
        (np.full((4, 4), -1), ValueError, r"must be in \[0, 255\], got -1 to -1"),
        (np.zeros((4, 5), int), ValueError, r"must be .*\(.*4, 4\)"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value))[:12],
)
def test_masks_that_cannot_be_drawn_are_refused(
    mask: Any, error: type[Exception], message: str
) -> None:
    image = np.zeros((3, 4, 4), np.uint8)
    with pytest.raises(error, match=message):
        viz.mask_overlay(image, mask, ["a"])
    with pytest.raises(error, match=message):
        viz.segmentations(image[None], mask[None], mask[None], ["a"])


def test_losses_over_rates_are_finite() -> None:
    assert "learning rate of 0.1" in texts(viz.learning_rates([0.1, 0.2], [1.0, 2.0], 0.1))
    with pytest.raises(ValueError, match="rates, losses and suggestion must be finite"):
        viz.learning_rates([0.1, 0.2], [1.0, float("nan")], 0.1)
    with pytest.raises(ValueError, match="must be two or more, got 1 and 1"):
        viz.learning_rates([0.1], [1.0], 0.1)
