"""Layers of lines and volumes, borders, other pools and norms, beside NumPy and PyTorch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import Tensor, nn
from convlet.nn import functional as F
from numeric import assert_gradients

if TYPE_CHECKING:
    from collections.abc import Callable

LINE, IMAGE, VOLUME, ROWS = (2, 4, 11), (2, 4, 9, 8), (2, 4, 5, 6, 7), (5, 4)

# A layer of either library, and the shape of its input.
LAYERS: list[tuple[Callable[[Any], Any], tuple[int, ...]]] = [
    (lambda n: n.Conv1d(4, 6, 3), LINE),
    (lambda n: n.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False), LINE),
    (lambda n: n.Conv1d(4, 2, 4, padding="same"), LINE),
    (lambda n: n.ZeroPad2d((1, -1, -2, 0)), IMAGE),
    (lambda n: n.Conv1d(4, 2, 3, padding=2, padding_mode="circular"), LINE),
    (lambda n: n.Conv3d(4, 3, 3), VOLUME),
    (lambda n: n.Conv3d(4, 6, (2, 3, 1), (2, 1, 2), (1, 0, 2), (2, 1, 1), 2, False), VOLUME),
    (lambda n: n.Conv3d(4, 2, (3, 2, 3), padding="same"), VOLUME),
    (lambda n: n.Conv3d(4, 2, 3, padding=1, padding_mode="replicate"), VOLUME),
    (lambda n: n.Conv2d(4, 3, 3, padding=(1, 2), padding_mode="reflect"), IMAGE),
    (lambda n: n.Conv2d(4, 3, (4, 3), padding="same", padding_mode="circular"), IMAGE),
    (lambda n: n.Conv2d(4, 3, 3, 2, 1, 2, padding_mode="replicate"), IMAGE),
    (lambda n: n.Conv2d(4, 3, 3, padding="valid", padding_mode="reflect"), IMAGE),
    (lambda n: n.MaxPool1d(3), LINE),
    (lambda n: n.MaxPool1d(3, stride=2, padding=1, dilation=2, ceil_mode=True), LINE),
    (lambda n: n.AvgPool1d(2), LINE),
    (lambda n: n.AvgPool1d(3, 2, 1, ceil_mode=True, count_include_pad=False), LINE),
    (lambda n: n.AdaptiveAvgPool1d(3), LINE),
    (lambda n: n.AdaptiveMaxPool1d(4), LINE),
    (lambda n: n.LPPool2d(2, 3), IMAGE),
    (lambda n: n.LPPool2d(4, (2, 3), 2, ceil_mode=True), IMAGE),
    (lambda n: n.BatchNorm1d(4), ROWS),
    (lambda n: n.BatchNorm1d(4, momentum=None), LINE),
    (lambda n: n.BatchNorm1d(4, affine=False, track_running_stats=False), LINE),
    (lambda n: n.InstanceNorm2d(4), IMAGE),
    (lambda n: n.InstanceNorm2d(4, affine=True, track_running_stats=True), IMAGE),
    (lambda n: n.LocalResponseNorm(3), IMAGE),
    (lambda n: n.LocalResponseNorm(4, alpha=0.5, beta=0.6, k=2.0), IMAGE),
    (lambda n: n.LocalResponseNorm(9, alpha=0.1), LINE),
    (lambda n: n.PixelShuffle(2), IMAGE),
    (lambda n: n.PixelUnshuffle(3), (2, 3, 9, 6)),
    (lambda n: n.ZeroPad2d((1, 2, 0, 3)), IMAGE),
    (lambda n: n.ConstantPad2d(2, 1.5), IMAGE),
    (lambda n: n.ReflectionPad2d((1, 2, 3, 0)), IMAGE),
    (lambda n: n.ReplicationPad2d(3), IMAGE),
    (lambda n: n.CircularPad2d((8, 1, 2, 9)), IMAGE),
    (lambda n: n.Identity(1, some=2), IMAGE),
    (lambda n: n.Unflatten(1, (2, 2)), IMAGE),
    (lambda n: n.Unflatten(-1, (2, -1, 2)), IMAGE),
    (lambda n: n.Dropout2d(0.3).eval(), IMAGE),
    (lambda n: n.AlphaDropout(0.3).eval(), ROWS),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("index", range(len(LAYERS)))
def test_layer_is_torchs(index: int, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    make, shape = LAYERS[index]
    ours, theirs = make(nn), make(torch.nn)
    # Newer versions of PyTorch tell of a norm's bias too.
    assert repr(ours) == re.sub(r"(affine=\w+), bias=\w+", r"\1", repr(theirs))
    state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    assert list(state) == list(ours.state_dict())
    ours.load_state_dict(state)
    for _ in range(2):  # the second time in evaluation, by what the first has left
        x = rng.normal(1, 1, shape).astype(np.float32)
        a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
        y, z = ours(a), theirs(b * 1)
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=1e-5)
        dy = rng.normal(size=y.shape).astype(np.float32)
        y.backward(dy)
        z.backward(torch.from_numpy(dy))
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=2e-4, atol=3e-5)
        ours.eval()
        theirs.eval()
    pairs = zip(ours.named_parameters(), theirs.named_parameters(), strict=True)
    for (name, p), (_, q) in pairs:
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), 2e-4, 2e-4, err_msg=name)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), 1e-5, 1e-6)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("shape", "borders"),
    [((2, 3, 4, 5), (1, 2, 0, 3)), ((2, 3, 4, 5), (4, 0)), ((6,), (5, 3)), ((3, 4), (0, 1, 2, 2))],
    ids=str,
)
def test_borders_are_numpys(
    mode: str, shape: tuple[int, ...], borders: tuple[int, ...], rng: np.random.Generator
) -> None:
    x = rng.integers(-5, 6, shape).astype(np.float32)
    pairs = [(0, 0)] * (len(shape) - len(borders) // 2)
    pairs += list(zip(borders[::2], borders[1::2], strict=True))[::-1]
    name: Any = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    for array in (x, np.asfortranarray(x)):
        got = F.pad(array, borders, mode)
        np.testing.assert_array_equal(got.data, np.pad(x, pairs, name))
    assert_gradients(lambda a: F.pad(a, borders, mode) ** 2 * 0.1, x)


def test_convolutions_of_volumes_are_their_formula(rng: np.random.Generator) -> None:
    x, w = rng.integers(-3, 4, (1, 2, 5, 4, 6)), rng.integers(-3, 4, (3, 2, 2, 3, 2))
    wanted = np.zeros((1, 3, 2, 2, 5), np.int64)
    for k, e, i, j in np.ndindex(3, 2, 2, 5):
        part = x[0, :, 2 * e : 2 * e + 2, i : i + 3, j : j + 2]
        wanted[0, k, e, i, j] = (part * w[k]).sum()
    got = F.conv3d(x.astype(np.float32), w.astype(np.float32), stride=(2, 1, 1))
    np.testing.assert_array_equal(got.data, wanted)
    line, kernel = x[0, :, :, 0, 0][None], w[:, :, :, 0, 0]
    wanted = np.array([[[(line[0, :, j : j + 2] * k).sum() for j in range(4)] for k in kernel]])
    got = F.conv1d(line.astype(np.float32), kernel.astype(np.float32))
    np.testing.assert_array_equal(got.data, wanted)


def test_volumes_and_lines_have_right_gradients(rng: np.random.Generator) -> None:
    def small(*shape: int) -> np.ndarray:
        return rng.integers(-2, 3, shape).astype(np.float32)

    assert_gradients(
        lambda x, w, b: F.conv3d(x, w, b, (1, 2, 1), (1, 1, 0), groups=2) ** 2 * 0.01,
        *(small(1, 2, 3, 4, 3), small(2, 1, 2, 2, 2), small(2)),
        tol=3e-2,
    )
    assert_gradients(
        lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2) ** 2 * 0.01,
        *(small(2, 2, 7), small(3, 2, 3), small(3)),
        tol=3e-2,
    )


@pytest.mark.parametrize("index", range(12, len(LAYERS)))
def test_other_layers_have_right_gradients(index: int, rng: np.random.Generator) -> None:
    make, shape = LAYERS[index]
    layer = make(nn)
    x = (rng.permutation(int(np.prod(shape))).reshape(shape) / 16 + 0.5).astype(np.float32)
    x = x[:, :, :4, :4] if x.ndim == 4 and index < 28 else x
    x /= x.std()
    if x.size > 150:
        x = x[:1]
    direction = rng.uniform(0.5, 1.5, layer(x).shape).astype(np.float32)
    assert_gradients(lambda a: layer(a) * direction * 0.5, x, tol=4e-2)


def test_powers_pool_as_their_formula_and_zeros_have_no_gradient() -> None:
    x = Tensor([[[[3.0, 4.0, 0.0, 0.0]]]], requires_grad=True)
    y = F.lp_pool2d(x, 2, (1, 2))
    assert y.data.ravel().tolist() == [5.0, 0.0]
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data.ravel(), [0.6, 0.8, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("kernel", "more"),
    [(2, {}), (3, {"stride": 2, "padding": 1}), ((2, 3), {"stride": (3, 2), "ceil_mode": True})],
    ids=str,
)
def test_maxima_tell_their_pixels_and_go_back_there(
    kernel: Any, more: dict[str, Any], rng: np.random.Generator
) -> None:
    x = rng.permutation(2 * 3 * 8 * 10).reshape(2, 3, 8, 10).astype(np.float32)
    y, indices = nn.MaxPool2d(kernel, return_indices=True, **more)(x)
    assert indices.dtype == np.int64
    taken = np.take_along_axis(x.reshape(2, 3, 80), indices.reshape(2, 3, -1), axis=2)
    np.testing.assert_array_equal(taken.reshape(y.shape), y.data)
    geometry = {key: value for key, value in more.items() if key != "ceil_mode"}
    back = nn.MaxUnpool2d(kernel, **geometry)
    image = back(y, indices, output_size=(8, 10))
    wanted = np.zeros((2, 3, 80), np.float32)
    np.put_along_axis(wanted, indices.reshape(2, 3, -1), y.data.reshape(2, 3, -1), axis=2)
    np.testing.assert_array_equal(image.data, wanted.reshape(x.shape))
    small = (y.data / 100).astype(np.float32)
    distinct = np.arange(small.size).reshape(2, 3, -1) % small[0, 0].size
    places = distinct.reshape(small.shape)
    assert_gradients(lambda a: back(a, places, output_size=(2, 3, 8, 10)) ** 2 * 0.1, small)
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.MaxPool2d(kernel, return_indices=True, **more)(torch.from_numpy(x))
    np.testing.assert_array_equal(indices, theirs[1].numpy())


def test_adaptive_maxima_tell_their_pixels() -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    y, indices = nn.AdaptiveMaxPool2d((1, 2), return_indices=True)(x)
    assert y.data.ravel().tolist() == [9.0, 11.0]
    assert indices.ravel().tolist() == [9, 11]


def test_batch_norm_of_rows_and_volumes_is_that_of_images(rng: np.random.Generator) -> None:
    x = rng.standard_normal((6, 3, 2, 4, 5)).astype(np.float32)
    flat = F.batch_norm(x.reshape(6, 3, 2, 20), training=True)
    np.testing.assert_allclose(F.batch_norm(x, training=True).data.reshape(flat.shape), flat.data)
    row = x[:, :, 0, 0, 0]
    got = nn.BatchNorm1d(3)(row).data
    np.testing.assert_allclose(got, (row - row.mean(0)) / np.sqrt(row.var(0) + 1e-5), atol=1e-5)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(row[:1])


ANY: Any = nn
X = np.ones((1, 4, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Conv1d(1, 1, 3)(X), ValueError, r"conv1d: input must have 3 dimensions"),
        (lambda: ANY.Conv1d(1, 1, (3, 3)), ValueError, "kernel_size must be an int or 1 ints"),
        (lambda: ANY.Conv3d(1, 1, 0), ValueError, "kernel_size must be at least 1, got 0"),
        (lambda: nn.Conv3d(1, 1, 3)(X), ValueError, "conv3d: input must have 5 dimensions"),
        (lambda: nn.Conv3d(1, 1, 3)(np.ones((1, 1, 2, 5, 5))), ValueError, "does not fit into 2"),
        (lambda: F.conv3d(X[None], X[None], stride=0), ValueError, "stride, dilation and kernel"),
        (lambda: F.conv3d(X[None], X[None], padding="x"), ValueError, '"same" or "valid"'),
        (lambda: nn.Conv3d(1, 1, 3, 2, "same"), ValueError, 'padding "same" needs stride 1'),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), ValueError, "padding_mode must be"),
        (lambda: F.pad(X, (3, 0), "reflect"), ValueError, "are too wide for 3 numbers"),
        (lambda: F.pad(X, (4, 0), "circular"), ValueError, "are too wide for 3 numbers"),
        (lambda: F.pad(X[..., :0], (1, 0), "replicate"), ValueError, "are too wide for 0"),
        (lambda: ANY.ZeroPad2d((1, 2)), ValueError, "an int or 4 ints, got 2 values"),
        (lambda: F.pad(X, (1, -1), "reflect"), ValueError, "pad must be up to 4 pairs"),
        (lambda: F.pad(X, (-2, -2)), ValueError, "must not cut off more than there is"),
        (lambda: ANY.ReflectionPad2d(-1), ValueError, "padding must be at least 0"),
        (lambda: ANY.ReplicationPad2d(1.5), TypeError, "padding must be an int, got float"),
        (lambda: ANY.MaxPool1d(2, return_indices=True), ValueError, "return_indices must be False"),
        (lambda: ANY.LPPool2d("2", 2), TypeError, "norm_type must be a number"),
        (lambda: F.lp_pool2d(X, 0, 2), ValueError, "norm_type must be a finite number and not 0"),
        (lambda: F.max_unpool2d(X, X, 2), TypeError, "indices must be a NumPy array of integers"),
        (lambda: F.max_unpool2d(X, [[[[1]]]], 2), ValueError, "indices must have shape"),
        (
            lambda: F.max_unpool2d(X, np.full(X.shape, 36), 2),
            ValueError,
            r"indices must be in \[0, 36\), got 36",
        ),
        (
            lambda: F.max_unpool2d(X, np.full(X.shape, -1), 2),
            ValueError,
            r"indices must be in \[0, 36\), got -1",
        ),
        (lambda: nn.BatchNorm1d(4)(X), ValueError, "BatchNorm1d: input must have 2 or 3"),
        (lambda: nn.InstanceNorm2d(3)(X), ValueError, "must have 3 channels, got 4"),
        (lambda: nn.InstanceNorm2d(4)(X[..., :1, :1]), ValueError, "more than 1 pixel"),
        (lambda: ANY.LocalResponseNorm(0), ValueError, "size must be at least 1, got 0"),
        (lambda: F.local_response_norm(X[0, 0, 0], 2), ValueError, "at least 2 dimensions"),
        (lambda: F.pixel_shuffle(X, 3), ValueError, r"3 \* 3 must divide the channels, got 4"),
        (lambda: F.pixel_unshuffle(X, 2), ValueError, "2 must divide height and width"),
        (lambda: F.pixel_shuffle(X, 0), ValueError, "upscale_factor must be at least 1"),
        (lambda: nn.Unflatten(1, (3, 2))(X), ValueError, r"4 does not make \(3, 2\)"),
        (lambda: nn.Unflatten(1, (-1, -1))(X), ValueError, "4 does not make"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReflectionPad2d(1),
        nn.PixelShuffle(2),
        nn.InstanceNorm2d(4),
        nn.LocalResponseNorm(3),
        nn.LPPool2d(2, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_no_images_give_no_images(layer: nn.Module) -> None:
    x = Tensor(np.ones((0, 4, 6, 6)), requires_grad=True)
    y = layer(x)
    assert y.shape[0] == 0
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
