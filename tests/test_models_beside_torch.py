"""Every network beside PyTorch's own layers with the same weights: names, scores, all gradients.

Where a rounding turns the sign before a ReLU, or the winner of a pooling, a gradient changes by far
more than the rounding, in any library. So the biases of normalisations are far from 0 here, which
leaves few values near a corner, and a network may try again on other images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn

torch = pytest.importorskip("torch", exc_type=ImportError)
_torch_networks = pytest.importorskip("convlet.bench._torch_networks")

RTOL, TRIES = 1e-3, 8
# The others take a second and more.
QUICK = {"resunet", "efficientnet_lite0", "lenet5", "lraspp", "mobilenet_v2", "mobilenet_v3_small", "resnet18",
         "shufflenet_v2_x0_5", "squeezenet1_1", "unet"}  # fmt: skip
# (N, C, H, W) by stem, and what the network is made with.
SIZES = {"imagenet": (2, 3, 75, 66), "cifar": (2, 3, 33, 28)}
OTHERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "lenet5": ((2, 1, 28, 28), {}),
    "deeplabv3": ((2, 3, 75, 66), {"num_classes": 7}),
    "lraspp": ((2, 3, 75, 66), {"num_classes": 7}),
    "resunet": ((2, 3, 49, 34), {"num_classes": 3, "base_channels": 8}),
    "unet": ((2, 3, 16, 48), {"num_classes": 3, "base_channels": 8}),
}
# One of each family; with normalisation, which is another function in training. DeepLabV3 normalises
# averages of whole images, one number of each, in which all rounding becomes large.
SMALL_STEM = ["alexnet", "densenet121", "efficientnet_lite0", "googlenet", "mobilenet_v2",
              "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5",
              "squeezenet1_1", "vgg11_bn"]  # fmt: skip
NORMALISED = ["densenet121", "efficientnet_lite0", "googlenet", "lraspp", "mobilenet_v2",
              "mobilenet_v3_small", "resnet18", "resnet50", "resnext50_32x4d",
              "resunet", "shufflenet_v2_x0_5", "unet", "vgg11_bn"]  # fmt: skip


def marked(*values: str) -> Any:
    return pytest.param(*values, marks=[] if values[0] in QUICK else pytest.mark.slow)


CASES = [marked(name, "imagenet") for name in models.names()]
CASES += [marked(name, "cifar") for name in SMALL_STEM]


def pair(name: str, stem: str) -> tuple[nn.Module, Any, tuple[int, ...]]:
    """The network here, the same one there, and the shape of images."""
    shape, arguments = OTHERS.get(name, (SIZES[stem], {"num_classes": 7, "stem": stem}))
    ours, theirs = (
        models.create(name, **arguments, seed=0),
        _torch_networks.build(name, **arguments),
    )
    rng = np.random.default_rng(0)
    for module in ours.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # no library draws the other's numbers
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight is not None
            assert module.bias is not None
            module.weight.data[...] = rng.uniform(0.5, 1.0, module.num_features)
            module.bias.data[...] = rng.choice([-1.0, 2.5, 2.5, 2.5], module.num_features)
    return ours, theirs, shape


def copied(ours: nn.Module, theirs: Any) -> None:
    """The state of `ours` in `theirs`, whose names, shapes and order are the same."""
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(wanted)
    assert [value.shape for value in state.values()] == [tuple(v.shape) for v in wanted.values()]
    theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})


def errors(ours: nn.Module, theirs: Any, x: np.ndarray) -> tuple[float, dict[str, float]]:
    """Of the scores, and of the gradient of each parameter and of the images."""
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    ours.zero_grad()
    theirs.zero_grad()
    (y * y).mean().backward()
    (z * z).mean().backward()
    found = {key: parameter.grad for key, parameter in ours.named_parameters()}
    wanted = {key: parameter.grad.numpy() for key, parameter in theirs.named_parameters()}
    found["images"], wanted["images"] = a.grad, b.grad.numpy()
    assert found.keys() == wanted.keys()
    # A bias before a normalisation in training has a gradient of 0, and of rounding.
    least = 1e-4 * max(np.abs(value).max() for value in wanted.values())
    return distance(y.numpy(), z.detach().numpy()), {
        key: distance(np.asarray(found[key]), value, least * value.size**0.5)
        for key, value in wanted.items()
    }


def distance(mine: np.ndarray, wanted: np.ndarray, least: float = 0.0) -> float:
    return float(np.linalg.norm(mine - wanted)) / max(float(np.linalg.norm(wanted)), least)


@pytest.mark.parametrize(("name", "stem"), CASES)
def test_scores_and_all_gradients_are_those_of_torchs_layers(name: str, stem: str) -> None:
    ours, theirs, shape = pair(name, stem)
    worst: dict[str, float] = {}
    for seed in range(TRIES):
        x = np.random.default_rng(seed).standard_normal(shape, np.float32)
        for module in ours.modules():  # the statistics of these images
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        with cl.no_grad():
            ours.train()(Tensor(x))
        copied(ours.eval(), theirs.eval())
        score, gradients = errors(ours, theirs, x)
        assert score < RTOL
        with cl.no_grad():  # with normalisations folded into the convolutions
            assert (
                distance(ours(Tensor(x)).numpy(), theirs(torch.tensor(x)).detach().numpy()) < RTOL
            )
        worst = {key: error for key, error in gradients.items() if not error < RTOL}
        if not worst:
            return
    pytest.fail(f"gradients differ on every batch: {worst}")


@pytest.mark.parametrize("name", [marked(name) for name in NORMALISED])
def test_training_steps_are_those_of_torchs_layers(name: str) -> None:
    """With the statistics of the batch, which become running ones."""
    ours, theirs, shape = pair(name, "imagenet")
    copied(ours.train(), theirs.train())
    worst: dict[str, float] = {}
    for seed in range(TRIES):
        x = np.random.default_rng(seed).standard_normal((3 * shape[0], *shape[1:]), np.float32)
        score, gradients = errors(ours, theirs, x)
        assert score < RTOL
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value, 1e-3, 1e-4, err_msg=key)
        worst = {key: error for key, error in gradients.items() if not error < RTOL}
        if not worst:
            return
    pytest.fail(f"gradients differ on every batch: {worst}")


def test_all_networks_are_compared() -> None:
    assert {parameter.values[0] for parameter in CASES} == set(models.list())
