"""Networks written for PyTorch run here by changing their imports, and compute the same.

The texts are those of `port_networks.py` and `port_networks_dense.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import port_networks as ported
import port_networks_dense as dense
from convlet import nn, optim

NETWORKS = {
    "LeNet-5": (ported.LENET5, (1, 28, 28)),
    "AlexNet": (ported.ALEXNET, (3, 47, 47)),
    "VGG": (ported.VGG, (3, 32, 32)),
    "network in network": (ported.NETWORK_IN_NETWORK, (3, 18, 18)),
    "GoogLeNet": (ported.GOOGLENET, (3, 32, 32)),
    "ResNet": (ported.RESNET, (3, 40, 40)),
    "SqueezeNet": (ported.SQUEEZENET, (3, 33, 33)),
    "DenseNet": (dense.DENSENET, (3, 20, 20)),
    "MobileNetV2": (dense.MOBILENET, (3, 32, 32)),
    "U-Net": (dense.UNET, (3, 22, 18)),
}
# All that is changed.
IMPORTS = """\
import convlet as torch
import convlet.nn as nn
import convlet.nn.functional as F
from collections import OrderedDict
"""
by_network = pytest.mark.parametrize("name", NETWORKS)


def make(imports: str, name: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(imports + NETWORKS[name][0], name, "exec"), names)  # noqa: S102
    return names["Net"]()


def batch(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Four images, and a label for each, or for each pixel of U-Net's."""
    rng = np.random.default_rng(3)
    shape = NETWORKS[name][1]
    x = rng.standard_normal((4, *shape)).astype(np.float32)
    labels = rng.integers(0, 4, (4, *shape[1:])) if name == "U-Net" else rng.integers(0, 10, 4)
    return x, labels


@by_network
def test_it_runs_and_learns_what_it_is_shown(name: str) -> None:
    cl.seed(0)
    net = make(IMPORTS, name)
    x, labels = batch(name)
    loss = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        value = loss(net(cl.Tensor(x)), labels)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert np.isfinite(losses).all()
    assert min(losses[3:]) < losses[0]


def check_same(name: str, training: bool) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    torch.manual_seed(0)
    ours, theirs = make(IMPORTS, name), make(ported.IMPORTS, name)
    for module in theirs.modules():  # running statistics that are not those of the start
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # no library draws the other's numbers
    for module in ours.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    ours.train(training)
    theirs.train(training)
    x, labels = batch(name)
    a, b = cl.Tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    y, z = ours(a), theirs(b)
    assert_near(y.data, z.detach().numpy(), "output")
    nn.CrossEntropyLoss()(y, labels).backward()
    torch.nn.CrossEntropyLoss()(z, torch.from_numpy(labels)).backward()
    assert a.grad is not None
    assert_near(a.grad.data, b.grad.numpy(), "input")
    pairs = zip(ours.named_parameters(), theirs.named_parameters(), strict=True)
    largest = max(p.grad.abs().max().item() for p in theirs.parameters())
    for (key, mine), (_, other) in pairs:
        assert_near(mine.grad.data, other.grad.numpy(), key, largest)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), 1e-4, 1e-5, err_msg=key)


def assert_near(
    mine: np.ndarray, theirs: np.ndarray, what: str, largest: float | None = None
) -> None:
    """Within 1e-4 of the values; a sum that should be 0 is so within rounding of its terms."""
    scale = np.abs(theirs).max() if largest is None else largest
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * float(scale), err_msg=what)


@by_network
def test_outputs_and_gradients_in_evaluation_are_torchs(name: str) -> None:
    check_same(name, training=False)


@by_network
def test_outputs_gradients_and_running_statistics_in_training_are_torchs(name: str) -> None:
    check_same(name, training=True)


def test_only_the_imports_differ() -> None:
    changed = ported.IMPORTS.replace("import torch\n", "import convlet as torch\n")
    assert changed.replace("import torch.", "import convlet.") == IMPORTS
    assert all("convlet" not in text for text, _ in NETWORKS.values())
