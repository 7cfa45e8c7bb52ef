"""The same layers, weights and inputs in PyTorch: outputs, gradients, names and text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn
from convlet.nn import functional as F

torch = pytest.importorskip("torch", exc_type=ImportError)

LAYERS = [
    lambda n: n.Conv2d(3, 4, 3),
    lambda n: n.Conv2d(
        3, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=3, bias=False
    ),
    lambda n: n.Conv2d(3, 4, 3, padding="same"),
    lambda n: n.Conv2d(3, 4, (2, 4), padding="same", dilation=3),
    lambda n: n.Conv2d(3, 4, 3, 1, "valid"),
    lambda n: n.MaxPool2d(2),
    lambda n: n.MaxPool2d((3, 2), stride=1, padding=1, dilation=(1, 2)),
    lambda n: n.MaxPool2d(3, 2, ceil_mode=True),
    lambda n: n.AvgPool2d(2),
    lambda n: n.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    lambda n: n.AdaptiveAvgPool2d(1),
    lambda n: n.AdaptiveAvgPool2d((4, None)),
    lambda n: n.AdaptiveMaxPool2d((2, 5)),
    lambda n: n.ReLU(),
    lambda n: n.ReLU(inplace=True),
    lambda n: n.Flatten(),
    lambda n: n.Flatten(1, 2),
    lambda n: n.Dropout(0.3),
    lambda n: n.Linear(9, 5),
    lambda n: n.Linear(9, 5, bias=False),
    lambda n: n.Sequential(n.Conv2d(3, 2, 3), n.ReLU(), n.Flatten(), n.Linear(98, 4)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("index", range(len(LAYERS)))
def test_layer_is_torchs(index: int, rng: np.random.Generator) -> None:
    ours, theirs = LAYERS[index](nn).eval(), LAYERS[index](torch.nn).eval()
    assert repr(ours) == repr(theirs)
    state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    assert list(state) == list(ours.state_dict())
    ours.load_state_dict(state)
    x = rng.normal(size=(2, 3, 9, 9)).astype(np.float32)
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    y, z = ours(a), theirs(b * 1)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=1e-5)
    dy = rng.normal(size=y.shape).astype(np.float32)
    y.backward(dy)
    z.backward(torch.from_numpy(dy))
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-5)
    for (name, ours_p), (_, theirs_p) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        np.testing.assert_allclose(
            ours_p.grad.data, theirs_p.grad.numpy(), rtol=1e-4, atol=1e-4, err_msg=name
        )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_torchs(reduction: str, rng: np.random.Generator) -> None:
    x, labels = rng.normal(size=(6, 5)).astype(np.float32) * 20, rng.integers(0, 5, 6)
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    y = F.cross_entropy(a, labels, reduction=reduction)
    z = torch.nn.functional.cross_entropy(b, torch.from_numpy(labels), reduction=reduction)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-5)
    y.sum().backward()
    z.sum().backward()
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_softmax_and_pad_are_torchs(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    theirs: Any = torch.nn.functional
    t = torch.from_numpy(x)
    np.testing.assert_allclose(F.softmax(x, 1).data, theirs.softmax(t, 1).numpy(), rtol=1e-6)
    np.testing.assert_array_equal(
        F.pad(x, (1, 2, 0, 3), value=7.0).data, theirs.pad(t, (1, 2, 0, 3), value=7.0).numpy()
    )


@pytest.mark.parametrize(
    "layer", ["Conv2d(8, 16, 3)", "ConvTranspose2d(9, 8, 3)", "Linear(72, 16)"]
)
def test_first_weights_have_torchs_distribution(layer: str) -> None:
    cl.seed(0)
    torch.manual_seed(0)
    ours = eval(f"nn.{layer}", {"nn": nn})
    theirs = eval(f"nn.{layer}", {"nn": torch.nn})
    for name, array in ours.state_dict().items():
        other = theirs.state_dict()[name].numpy()
        bound = 1 / np.sqrt(72)
        assert 0.8 * bound < np.abs(array).max() <= bound
        assert abs(array.std() / other.std() - 1) < (0.1 if array.size > 100 else 0.8)


def test_lenet_is_the_same_network_in_torch(rng: np.random.Generator) -> None:
    ours = models.lenet5(seed=0).eval()
    n = torch.nn
    theirs = n.Sequential(
        n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2),
        n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2), n.Flatten(),
        n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10),
    )  # fmt: skip
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.data = torch.from_numpy(mine.data.copy())
    x, labels = rng.normal(size=(5, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 5)
    nn.CrossEntropyLoss()(ours(Tensor(x)), labels).backward()
    n.CrossEntropyLoss()(theirs(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None
        np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-3, atol=1e-6)
