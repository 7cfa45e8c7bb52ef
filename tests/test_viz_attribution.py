"""Where a network looks: the maps agree with what is known, and leave the network as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import models, nn
from convlet.viz.attribution import grad_cam_map, occlusion_map, saliency_map

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(0)


def pooled_network(seed: int = 0) -> nn.Sequential:
    """A convolution, its mean over all pixels, a linear layer: Grad-CAM is known in closed form."""
    cl.seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)),
    )


def state_of(model: nn.Module) -> list[Any]:
    parameters = [(p.requires_grad, p.grad) for p in model.parameters()]
    return [*parameters, *((m.training, dict(m._forward_hooks)) for m in model.modules())]


def test_grad_cam_of_a_pooled_network_is_the_weighted_sum_of_its_maps() -> None:
    model = pooled_network()
    images = RNG.normal(size=(3, 2, 6, 7)).astype(np.float32)
    maps = model[1](model[0](cl.Tensor(images))).numpy()
    weight = model[4].weight.numpy()[[2, 0, 3]] / (6 * 7)
    wanted = np.maximum(np.einsum("nk,nkhw->nhw", weight, maps), 0)
    got = grad_cam_map(model, images, [2, 0, 3])
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
    assert got.max() > 0


def test_grad_cam_takes_the_activation_after_the_last_convolution() -> None:
    model = pooled_network()
    images = RNG.normal(size=(2, 2, 6, 7)).astype(np.float32)
    by_name = grad_cam_map(model, images, 1, layer="1")
    assert np.array_equal(grad_cam_map(model, images, 1), by_name)
    assert not np.array_equal(grad_cam_map(model, images, 1, layer="0"), by_name)


def test_grad_cam_of_a_layer_used_several_times_takes_the_use_after_the_convolution() -> None:
    model = models.lenet5(seed=0)  # one ReLU and one pool for all
    images = RNG.normal(size=(2, 1, 28, 28)).astype(np.float32)
    cam = grad_cam_map(model, images)
    assert cam.shape == (2, 28, 28)
    assert cam.max() > 0
    assert grad_cam_map(model, images, layer="pool").max() > 0


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_grad_cam_of_networks_with_branches(name: str) -> None:
    cl.seed(0)
    model = models.create(name, num_classes=10)
    images = RNG.normal(size=(1, 3, 64, 64)).astype(np.float32)
    # All maps of one pixel are as good as none: the default takes an earlier layer.
    assert grad_cam_map(model, images).shape == (1, 64, 64)


def test_saliency_is_the_slope_of_the_score() -> None:
    model = pooled_network()
    image = RNG.normal(size=(2, 6, 7)).astype(np.float32)
    got = saliency_map(model, image, 3)[0]
    slopes = np.zeros_like(image, dtype=np.float64)
    step = 1e-2
    for place in np.ndindex(image.shape):
        moved = np.stack([image, image])
        moved[(0, *place)] += step
        moved[(1, *place)] -= step
        scores = model(cl.Tensor(moved)).numpy()[:, 3]
        slopes[place] = (scores[0] - scores[1]) / (2 * step)
    close = np.isclose(got, np.abs(slopes).max(axis=0), rtol=0.05, atol=1e-3)
    assert close.mean() > 0.9, "a ReLU bends between the two points of a few differences"


class OnePixel(nn.Module):
    """Sure of class 1 exactly where one pixel is bright."""

    def forward(self, x: cl.Tensor) -> cl.Tensor:
        pixel = x[:, 0, 2, 5]
        return cl.stack([pixel * 0.0, pixel * 100.0 - 50.0], 1)


def test_occlusion_finds_the_pixel_that_counts() -> None:
    image = np.ones((1, 8, 8), np.float32)
    drops = occlusion_map(OnePixel(), image, size=2, stride=1)[0]
    wanted = np.zeros((8, 8))
    wanted[1:4, 4:7] = [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    np.testing.assert_allclose(drops, wanted, atol=1e-6)
    assert np.array_equal(occlusion_map(OnePixel(), image, fill=1.0), np.zeros((1, 8, 8)))
    np.testing.assert_allclose(occlusion_map(OnePixel(), image, 0, size=2, stride=1)[0], -wanted)


@pytest.mark.parametrize("function", [grad_cam_map, occlusion_map, saliency_map])
def test_the_network_is_left_as_it_was(function: Callable[..., Any]) -> None:
    model = nn.Sequential(*pooled_network(), nn.Dropout(0.5))
    model[0].weight.requires_grad = False
    model[1].eval()
    before, image = state_of(model), np.ones((2, 6, 7), np.float32)
    with cl.no_grad():
        first = function(model, image)
        assert not cl.is_grad_enabled()
    assert state_of(model) == before
    assert np.array_equal(function(model, image), first)
    assert np.array_equal(image, np.ones((2, 6, 7)))


@pytest.mark.parametrize("function", [grad_cam_map, occlusion_map, saliency_map])
@pytest.mark.parametrize(
    ("images", "classes", "words"),
    [
        (np.zeros((6, 7)), None, r"images must have shape \(C, H, W\)"),
        (np.zeros((0, 2, 6, 7)), None, "not be empty"),
        (np.zeros((2, 6, 7)), 4, r"classes must be in \[0, 4\)"),
        (np.zeros((2, 6, 7)), -1, r"classes must be in \[0, 4\)"),
        (np.zeros((2, 2, 6, 7)), [1, 2, 3], r"shape \(2,\), got \(3,\)"),
    ],
)
def test_maps_refuse(function: Callable[..., Any], images: Any, classes: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        function(pooled_network(), images, classes)


def test_maps_refuse_what_is_no_classifier_and_what_is_no_number() -> None:
    with pytest.raises(ValueError, match=r"model must give scores \(1, classes\)"):
        saliency_map(nn.Conv2d(2, 5, 3), np.zeros((2, 6, 7)))
    with pytest.raises(TypeError, match="classes must be integers"):
        saliency_map(pooled_network(), np.zeros((2, 6, 7)), 1.5)
    with pytest.raises(TypeError, match="images must be numbers"):
        saliency_map(pooled_network(), np.full((2, 6, 7), "a"))


def test_grad_cam_refuses_layers_without_maps() -> None:
    model, image = pooled_network(), np.zeros((2, 6, 7))
    with pytest.raises(ValueError, match="layer must be one of 0, 1, 2, 3, 4, got 'conv9'"):
        grad_cam_map(model, image, layer="conv9")
    with pytest.raises(ValueError, match=r"'4' gives \(1, 4\)"):
        grad_cam_map(model, image, layer="4")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="no layer"):
        grad_cam_map(flat, np.zeros((1, 2, 2)))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [({"size": 0}, "size must be from 1 to 6"), ({"size": 7}, "size"), ({"stride": 3}, "stride")],
)
def test_occlusion_refuses_sizes(sizes: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        occlusion_map(pooled_network(), np.zeros((2, 6, 7)), **{"size": 2, **sizes})
