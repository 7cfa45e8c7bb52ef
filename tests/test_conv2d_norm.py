"""A convolution and its batch normalisation as one operation of the tape: what the two give, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, _core, nn
from convlet.nn._conv_norm import are_one
from convlet.nn.functional._windows import noting

CONVS: dict[str, dict[str, Any]] = {
    "3x3": {"kernel_size": 3, "padding": 1, "bias": False},
    "biased": {"kernel_size": 1},
    "depthwise": {"kernel_size": 3, "padding": 1, "groups": 20, "bias": False},
    "strided": {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)},
}
NORMS: dict[str, dict[str, Any]] = {
    "usual": {},
    "of no weights": {"affine": False},
    "of no statistics": {"track_running_stats": False},
    "averaged": {"momentum": None, "eps": 0.125},
}
Arrays = dict[str, np.ndarray]


def layers(conv: str, norm: str) -> tuple[Any, Any]:
    cl.seed(0)
    convolve, normalise = nn.Conv2d(20, 20, **CONVS[conv]), nn.BatchNorm2d(20, **NORMS[norm])
    rng = np.random.default_rng(1)
    for parameter, least in ((normalise.weight, -1), (normalise.bias, -2)):
        if parameter is not None:
            parameter.data[:] = rng.uniform(least, 2, 20)
    return convolve, normalise


def results(conv: Any, norm: Any, activation: Any, added: bool) -> Arrays:
    """The output, all gradients, and the statistics after two batches."""
    rng = np.random.default_rng(2)
    found: Arrays = {}
    for _ in range(2):
        x: Any = Tensor(rng.standard_normal((3, 20, 9, 8), dtype=np.float32), requires_grad=True)
        size = conv(x).shape
        more: Any = Tensor(rng.standard_normal(size, dtype=np.float32), requires_grad=True)
        y = nn.conv_norm(conv, norm, x, residual=more if added else None, activation=activation)
        (y * y).sum().backward()
    found |= {"y": y.data, "x": x.grad.data} | ({"residual": more.grad.data} if added else {})
    for layer in (conv, norm):
        found |= {f"{type(layer)} {n}": p.grad.data for n, p in layer.named_parameters()}
        found |= {f"{type(layer)} {n}": b for n, b in layer.named_buffers()}
    return found


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("conv", CONVS)
def test_bits_are_those_of_the_two(
    monkeypatch: pytest.MonkeyPatch, conv: str, norm: str, activation: str, added: bool
) -> None:
    ours = results(*layers(conv, norm), activation, added)
    monkeypatch.setattr("convlet.nn.fusion.are_one", lambda *_: False)
    apart = results(*layers(conv, norm), activation, added)
    assert ours.keys() == apart.keys()
    for name, values in ours.items():
        assert values.tobytes() == apart[name].tobytes(), name
        assert np.count_nonzero(values) > values.size / 4, name


def test_it_is_one_node_of_the_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, norm = layers("3x3", "usual")
    x = Tensor(np.ones((2, 20, 4, 4)), requires_grad=True)
    node = nn.conv_norm(conv, norm, x, activation="relu").node
    assert node is not None
    parents = x, conv.weight, norm.weight, norm.bias
    assert all(edge is parent for edge, parent in zip(node.edges, parents, strict=True))
    monkeypatch.setattr("convlet.nn.fusion.are_one", lambda *_: False)
    apart = nn.conv_norm(conv, norm, x, activation="relu").node
    assert apart is not None
    assert all(edge is not x for edge in apart.edges)


@pytest.mark.parametrize("layer", ["x", "weight", "norm"])
def test_only_wanted_gradients_are_made(layer: str) -> None:
    conv, norm = layers("biased", "usual")
    leaves: dict[str, Any] = {
        "x": Tensor(np.ones((2, 20, 4, 4), np.float32)),
        "weight": conv.weight,
    }
    leaves |= {"bias": conv.bias, "norm": norm.weight, "shift": norm.bias}
    for name, tensor in leaves.items():
        tensor.requires_grad = name == layer
    (nn.conv_norm(conv, norm, leaves["x"]) ** 2).sum().backward()
    assert [name for name, tensor in leaves.items() if tensor.grad is not None] == [layer]


def test_it_steps_back_where_something_looks_between() -> None:
    conv, norm = layers("3x3", "usual")
    x = Tensor(np.ones((2, 20, 4, 4)))
    assert are_one(conv, norm, x, "relu")
    assert not are_one(conv, norm, x, "silu")
    assert not are_one(conv, norm, x[0], "relu")
    with noting():
        assert not are_one(conv, norm, x, "relu")
    for layer, name, value in (
        (norm, "eps", 1),
        (norm, "momentum", "0.1"),
        (norm, "running_var", np.ones(20)),
        (norm, "running_mean", np.ones((20, 2), np.float32)[:, 0]),
        (norm, "num_features", 19),
        (conv, "padding_mode", "reflect"),
        (conv, "padding", "same"),
    ):
        before = getattr(layer, name)
        setattr(layer, name, value)
        assert not are_one(conv, norm, x, "relu"), name
        setattr(layer, name, before)
    assert are_one(conv, norm, x, "relu")


def test_a_change_of_what_it_saved_is_refused() -> None:
    conv, norm = layers("3x3", "usual")
    y = nn.conv_norm(conv, norm, Tensor(np.ones((2, 20, 4, 4))), activation="relu")
    conv.load_state_dict(conv.state_dict())
    with pytest.raises(RuntimeError, match="conv_batch_norm saved for its gradient"):
        y.sum().backward()


def test_what_fails_is_not_counted() -> None:
    conv, norm = layers("3x3", "usual")
    for shape in ((2, 19, 4, 4), (0, 20, 4, 4), (1, 20, 1, 1)):
        with pytest.raises(ValueError, match="channel"):
            nn.conv_norm(conv, norm, Tensor(np.ones(shape)))
    assert norm.num_batches_tracked == 0
    assert not norm.running_mean.any()
    nn.conv_norm(conv, norm, Tensor(np.ones((2, 20, 4, 4))))
    assert norm.num_batches_tracked == 1
    assert norm.running_mean.any()


def test_a_checkpoint_moves_statistics_once() -> None:
    conv, norm = layers("3x3", "usual")
    x = Tensor(np.random.default_rng(0).standard_normal((2, 20, 4, 4)), requires_grad=True)
    cl.checkpoint(lambda a: nn.conv_norm(conv, norm, a, activation="relu"), x).sum().backward()
    other: Any = nn.BatchNorm2d(20)
    other(conv(x))
    np.testing.assert_allclose(norm.running_mean, other.running_mean, rtol=1e-5, atol=1e-7)
    assert norm.num_batches_tracked == 1


GEOMETRY = (1, 1), (1, 1, 1, 1), (1, 1), 1
X, W = np.ones((2, 3, 4, 4), np.float32), np.ones((5, 3, 3, 3), np.float32)
Y, C = np.ones((2, 5, 4, 4), np.float32), np.ones(5, np.float32)


def forward(**changed: Any) -> Any:
    given = {
        "x": X, "weight": W, "bias": C, "geometry": GEOMETRY, "norm": (C, C, 1e-5),
        "running": (C.copy(), C.copy(), 0.1), "residual": Y, "activation": "relu", "packed": None,
        "version": None,
    }  # fmt: skip
    return _core.conv2d_norm_forward(**{**given, **changed})


def backward(**changed: Any) -> Any:
    given = {
        "dy": Y, "x": X, "before": Y, "mean": C, "variance": C, "weight": W, "geometry": GEOMETRY,
        "norm": (C, C, 1e-5), "y": Y, "activation": "relu", "with_residual": True,
        "wanted": (True, True, True), "overwrite_dy": False,
    }  # fmt: skip
    return _core.conv2d_norm_grad(**{**given, **changed})


@pytest.mark.parametrize(
    ("call", "changed", "error", "message"),
    [
        (forward, {"x": X[:, :2]}, ValueError, "conv2d_moments: .*channels"),
        (
            forward,
            {"x": X[:0], "residual": None},
            ValueError,
            "at least 1 value per channel, got 0",
        ),
        (
            forward,
            {"x": X[:1, :, :1, :1], "residual": None},
            ValueError,
            "more than 1 value per channel",
        ),
        (forward, {"bias": C[:4]}, ValueError, "conv2d_moments: bias must be 5, got 4|bias"),
        (forward, {"norm": (C[:4], C, 1e-5)}, ValueError, "batch_norm: weight"),
        (forward, {"norm": (C, C[:4], 1e-5)}, ValueError, "batch_norm: bias"),
        (forward, {"running": (C[:4], C, 0.1)}, ValueError, "running_mean"),
        (forward, {"running": (C, np.ones(5), 0.1)}, TypeError, "running_var must be float32"),
        (forward, {"residual": Y[:1]}, ValueError, "residual must have shape"),
        (forward, {"activation": "tanh"}, ValueError, "activation must be"),
        (forward, {"geometry": ((0, 1), *GEOMETRY[1:])}, ValueError, "stride"),
        (forward, {"weight": W.astype("f8")}, TypeError, "weight must be float32"),
        (backward, {"dy": Y[:1]}, ValueError, "dy must have shape"),
        (backward, {"before": Y[:, :4]}, ValueError, "before must have shape"),
        (backward, {"y": Y[:1]}, ValueError, "y must have shape"),
        (backward, {"y": None}, ValueError, "y must be given"),
        (backward, {"mean": C[:4]}, ValueError, "mean"),
        (backward, {"variance": C[:4]}, ValueError, "variance"),
        (backward, {"norm": (C[:4], C, 1e-5)}, ValueError, "norm's weight"),
        (backward, {"activation": "silu"}, ValueError, "activation must be"),
        (backward, {"x": X[:, :2]}, ValueError, "channels"),
    ],
)
def test_what_does_not_fit_is_refused(
    call: Any, changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    call()
    with pytest.raises(error, match=message):
        call(**changed)
