"""Losses on tensors: their formulas, gradients, reductions, and the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn
from convlet.nn import functional as F
from numeric import assert_gradients

REDUCTIONS = ["mean", "sum", "none"]
IGNORED = -100


def problem(shape: tuple[int, ...], classes: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels of which some are ignored, weights of the classes."""
    rng = np.random.default_rng(len(shape))
    scores = (2 * rng.standard_normal((shape[0], classes, *shape[1:]))).astype(np.float32)
    labels = rng.integers(0, classes, shape)
    labels.flat[::5] = IGNORED
    return scores, labels, rng.uniform(0.5, 2, classes).astype(np.float32)


def entropy_by_hand(
    scores: np.ndarray, labels: np.ndarray, weight: np.ndarray, smoothing: float, reduction: str
) -> np.ndarray:
    """Cross-entropy place by place in float64."""
    losses, total = np.zeros(labels.shape), 0.0
    for place in np.ndindex(labels.shape):
        if labels[place] == IGNORED:
            continue
        row = scores[(place[0], slice(None), *place[1:])].astype(np.float64)
        nll = np.log(np.exp(row).sum()) - row
        target = np.full(len(row), smoothing / len(row))
        target[labels[place]] += 1 - smoothing
        losses[place] = (target * weight * nll).sum()
        total += weight[labels[place]]
    return losses if reduction == "none" else losses.sum() / (total if reduction == "mean" else 1)


SHAPES = [(6,), (3, 7), (2, 3, 4), (1, 9, 8), (40,)]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("classes", [1, 2, 5, 70])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cross_entropy_is_its_definition(
    isa: str, shape: tuple[int, ...], classes: int, smoothing: float, reduction: str
) -> None:
    scores, labels, weight = problem(shape, classes)
    wanted = entropy_by_hand(scores, labels, weight, smoothing, reduction)
    more: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    for array in (scores, np.asfortranarray(scores)):
        got = nn.CrossEntropyLoss(weight, **more)(Tensor(array), labels)
        np.testing.assert_allclose(got.data, wanted, rtol=3e-6, atol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_pixels_has_right_gradients(
    reduction: str, smoothing: float, weighted: bool
) -> None:
    scores, labels, weight = problem((2, 3, 4), 3)
    assert_gradients(
        lambda x: (
            F.cross_entropy(
                x,
                labels,
                weight if weighted else None,
                reduction=reduction,
                label_smoothing=smoothing,
            )
            * (20.0 if reduction == "mean" else 1.0)
        ),
        scores,
    )


@pytest.mark.parametrize("classes", [2, 4, 21])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(8,), (2, 5, 6)], ids=str)
def test_losses_of_classes_equal_torch(
    shape: tuple[int, ...], reduction: str, classes: int, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    scores, labels, weight = problem(shape, classes)
    shares = rng.dirichlet(np.ones(classes), shape).astype(np.float32)
    shares = np.moveaxis(shares, -1, 1)
    theirs: Any = torch.nn.functional
    calls: list[tuple[Any, Any, Any]] = [
        (F.cross_entropy, theirs.cross_entropy, labels),
        (F.cross_entropy, theirs.cross_entropy, shares),
        (F.nll_loss, theirs.nll_loss, labels),
    ]
    for ours, other, target in calls:
        for more in ({}, {"label_smoothing": 0.1}) if "cross" in ours.__name__ else ({},):
            a = Tensor(scores, requires_grad=True)
            b = torch.from_numpy(scores.copy()).requires_grad_()
            y = ours(a, target, weight, reduction=reduction, **more)
            z = other(
                b, torch.from_numpy(target), torch.from_numpy(weight), reduction=reduction, **more
            )
            np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-6)
            y.sum().backward()
            z.sum().backward()
            assert a.grad is not None
            np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_one_row_without_a_batch(rng: np.random.Generator) -> None:
    scores = rng.standard_normal(4).astype(np.float32)
    wanted = F.cross_entropy(scores[None], np.array([2])).item()
    assert F.cross_entropy(scores, np.array(2)).item() == wanted
    assert F.cross_entropy(scores, np.array([0, 0, 1, 0], np.float32)).item() == pytest.approx(
        wanted
    )


@pytest.mark.parametrize("weight", [None, [2.0, 3.0]], ids=["plain", "weighted"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 2, 4, 3), (2,)], ids=str)
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "focal_loss"])
def test_where_all_is_ignored_the_mean_is_nan_and_the_gradient_zero(
    name: str, shape: tuple[int, ...], weight: list[float] | None
) -> None:
    x = Tensor(np.full(shape, -np.inf if name == "nll_loss" else 1.0), requires_grad=True)
    labels = np.full((shape[0], *shape[2:]) if len(shape) > 1 else (), 255)
    y = getattr(F, name)(x, labels, weight, ignore_index=255)
    assert np.isnan(y.item())
    y.backward()
    assert x.grad is not None
    assert np.array_equal(x.grad.data, np.zeros(shape))


def element_pairs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, t = rng.permutation(48).reshape(2, 2, 3, 4) / 8 - 2.95, rng.permutation(48) / 8 - 3
    return x.astype(np.float32), t.reshape(2, 2, 3, 4).astype(np.float32)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.5}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("huber_loss", {"delta": 1.5}),
    ],
    ids=str,
)
def test_losses_of_numbers_equal_torch_also_by_their_target(
    name: str, more: dict[str, float], reduction: str, rng: np.random.Generator
) -> None:
    x, t = element_pairs(rng)
    scale = 0.3 if reduction != "mean" else 10.0
    assert_gradients(lambda a, b: getattr(F, name)(a, b, reduction=reduction, **more) * scale, x, t)
    torch = pytest.importorskip("torch", exc_type=ImportError)
    z = getattr(torch.nn.functional, name)(
        torch.from_numpy(x), torch.from_numpy(t), reduction=reduction, **more
    )
    y = getattr(F, name)(x, t, reduction=reduction, **more)
    np.testing.assert_allclose(y.data, z.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("pos_weight", [None, [3.0], [[[1.0]], [[4.0]]]], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy_with_logits(
    isa: str, pos_weight: Any, weighted: bool, reduction: str, rng: np.random.Generator
) -> None:
    x = element_pairs(rng)[0]
    t = rng.uniform(0, 1, x.shape).astype(np.float32)
    positive = None if pos_weight is None else np.float32(pos_weight)
    weight = rng.uniform(0.5, 2, (3, 4)).astype(np.float32) if weighted else None
    s = 1 / (1 + np.exp(-x.astype(np.float64)))
    losses = -((1 if positive is None else positive) * t * np.log(s) + (1 - t) * np.log(1 - s))
    losses = losses * (1 if weight is None else weight)
    wanted = losses if reduction == "none" else getattr(losses, reduction)()

    def call(a: Tensor) -> Tensor:
        return nn.BCEWithLogitsLoss(weight, reduction=reduction, pos_weight=positive)(a, t)  # type: ignore[no-any-return]

    np.testing.assert_allclose(call(Tensor(x)).data, wanted, rtol=1e-5, atol=1e-6)
    assert_gradients(lambda a: call(a) * (20.0 if reduction == "mean" else 1.0), x)


def test_binary_losses_of_far_values_neither_overflow_nor_lose_the_gradient(isa: str) -> None:
    x = Tensor(np.array([200, -200, 200, -200, 3e38, -3e38], np.float32), requires_grad=True)
    t = np.array([1, 0, 0, 1, 1, 0], np.float32)
    y = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    np.testing.assert_array_equal(y.data, np.array([0, 0, 200, 200, 0, 0], np.float32))
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [0, 0, 1, -1, 0, 0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_equals_torch(reduction: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    p = rng.uniform(0, 1, (3, 4)).astype(np.float32)
    p[0] = [0, 1, 0, 1]
    t = np.round(rng.uniform(0, 1, (3, 4))).astype(np.float32)
    a, b = Tensor(p, requires_grad=True), torch.from_numpy(p.copy()).requires_grad_()
    y = nn.BCELoss(np.array([1, 2, 3, 4], np.float32), reduction=reduction)(a, t)
    z = torch.nn.BCELoss(torch.tensor([1.0, 2, 3, 4]), reduction=reduction)(b, torch.from_numpy(t))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5)
    y.sum().backward()
    z.sum().backward()
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_focal_losses_are_their_formulas(gamma: float, reduction: str) -> None:
    scores, labels, weight = problem((2, 3, 4), 3)
    kept = labels != IGNORED
    entropies = entropy_by_hand(scores, labels, np.ones(3), 0.0, "none")
    factor = np.where(kept, weight[np.where(kept, labels, 0)], 0)
    losses = factor * (1 - np.exp(-entropies)) ** gamma * entropies
    wanted = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / kept.sum()}[reduction]
    loss = nn.FocalLoss(weight, gamma=gamma, reduction=reduction)
    np.testing.assert_allclose(loss(scores, labels).data, wanted, rtol=1e-5, atol=1e-6)
    assert_gradients(lambda x: loss(x, labels) * (30.0 if reduction == "mean" else 3.0), scores)
    t = (labels[:, None] == np.arange(3).reshape(3, 1, 1)).astype(np.float32)
    s = 1 / (1 + np.exp(-scores.astype(np.float64)))
    right = np.where(t == 1, s, 1 - s)
    binary = -np.where(t == 1, 0.25, 0.75) * (1 - right) ** gamma * np.log(right)
    wanted = binary if reduction == "none" else getattr(binary, reduction)()
    np.testing.assert_allclose(
        F.sigmoid_focal_loss(scores, t, gamma=gamma, reduction=reduction).data, wanted, 1e-5, 1e-9
    )
    scale = 100.0 if reduction == "mean" else 3.0
    assert_gradients(lambda x: F.sigmoid_focal_loss(x, t, 0.25, gamma, reduction) * scale, scores)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_dice_is_its_formula(classes: int, smooth: float) -> None:
    scores, labels, _ = problem((2, 3, 4), max(classes, 2))
    scores = scores[:, :classes]
    wide = np.exp(scores.astype(np.float64))
    p = wide / (1 + wide) if classes == 1 else wide / wide.sum(1, keepdims=True)
    losses = np.zeros((2, classes))
    for n, k in np.ndindex(2, classes):
        kept = labels[n] != IGNORED
        t = (labels[n] == (k if classes > 1 else 1))[kept]
        q = p[n, k][kept]
        losses[n, k] = 1 - (2 * (q * t).sum() + smooth) / (q.sum() + t.sum() + smooth)
    loss = nn.DiceLoss(smooth=smooth, reduction="none")
    np.testing.assert_allclose(loss(scores, labels).data, losses, rtol=1e-5)
    assert nn.DiceLoss(smooth=smooth)(scores, labels).item() == pytest.approx(losses.mean(), 1e-5)
    assert_gradients(lambda x: loss(x, labels) * 10.0, scores)
    if classes == 1:
        np.testing.assert_array_equal(loss(scores, labels[:, None]).data, loss(scores, labels).data)


def test_a_perfect_segmentation_has_no_dice_loss_and_a_wrong_one_nearly_all() -> None:
    labels = np.arange(12).reshape(1, 3, 4) % 2
    scores = np.where(labels[:, None] == np.arange(2).reshape(1, 2, 1, 1), 20.0, -20.0)
    assert F.dice_loss(scores, labels, smooth=0.0).item() == pytest.approx(0, abs=1e-6)
    assert F.dice_loss(-scores, labels, smooth=0.0).item() == pytest.approx(1, abs=1e-6)


def lovasz_by_hand(scores: np.ndarray, labels: np.ndarray, classes: str, per_image: bool) -> float:
    """By the definition of the Lovász extension: an area that is wrong grows pixel by pixel."""
    if per_image:
        pairs = zip(scores, labels, strict=True)
        return float(np.mean([lovasz_by_hand(s[None], t[None], classes, False) for s, t in pairs]))
    wide = np.exp(scores.astype(np.float64))
    single = scores.shape[1] == 1
    p = wide / (1 + wide) if single else wide / wide.sum(1, keepdims=True)
    losses = []
    for k in range(scores.shape[1]):
        kept = labels != IGNORED
        wanted, q = (labels == (1 if single else k))[kept], p[:, k][kept]
        if classes == "present" and not wanted.any():
            continue
        errors = np.abs(wanted - q)
        wrong, before, loss = np.zeros(len(q), bool), 0.0, 0.0
        for place in np.argsort(-errors):
            wrong[place] = True
            predicted = wanted ^ wrong
            lost = 1 - (wanted & predicted).sum() / (wanted | wrong).sum()
            loss += errors[place] * (lost - before)
            before = lost
        losses.append(loss)
    return float(np.mean(losses)) if losses else 0.0


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("which", ["present", "all"])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_lovasz_is_its_definition(classes: int, which: Any, per_image: bool) -> None:
    scores, labels, _ = problem((3, 3, 4), max(classes, 2))
    scores = scores[:, :classes]
    labels[1][labels[1] == 1] = 0  # an image without the class 1
    loss = nn.LovaszLoss(classes=which, per_image=per_image)
    wanted = lovasz_by_hand(scores, labels, which, per_image)
    assert wanted > 0.1
    assert loss(scores, labels).item() == pytest.approx(wanted, 1e-5)
    apart = scores + np.linspace(0, 0.3, scores.size, dtype=np.float32).reshape(scores.shape)
    assert_gradients(lambda x: loss(x, labels) * 30.0, apart, tol=4e-2)


def test_lovasz_of_a_hard_segmentation_is_the_missing_mean_iou() -> None:
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 3, (2, 2, 6, 5))
    labels[0, :2] = 255
    scores = np.where(said[:, None] == np.arange(3).reshape(3, 1, 1), 60.0, -60.0)
    iou = cl.train.MeanIoU(ignore_index=255)
    iou.update(scores, labels)
    got = F.lovasz_loss(scores, labels, ignore_index=255).item()
    assert got == pytest.approx(1 - iou.compute(), abs=1e-6)


def test_lovasz_where_nothing_counts_is_zero_with_its_gradient() -> None:
    x = Tensor(np.ones((2, 3, 2, 2)), requires_grad=True)
    loss = F.lovasz_loss(x, np.full((2, 2, 2), 255), ignore_index=255)
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None
    assert not x.grad.data.any()


def test_weights_are_buffers_and_are_loaded() -> None:
    loss = nn.CrossEntropyLoss([1.0, 2.0])
    assert list(loss.state_dict()) == ["weight"]
    assert not list(loss.parameters())
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    loss.load_state_dict({"weight": np.array([3, 4], np.float32)})
    assert loss.weight is not None
    assert loss.weight.tolist() == [3, 4]
    positive = nn.BCEWithLogitsLoss(pos_weight=cl.Tensor([2.0]))
    assert list(positive.state_dict()) == ["pos_weight"]


ANY: Any = F
X, LABELS = np.zeros((2, 3, 4, 4), np.float32), np.zeros((2, 4, 4), np.int64)
MINUS_ONE = np.where(np.arange(32).reshape(2, 4, 4) == 5, -1, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.cross_entropy(X, LABELS[:1]), ValueError, r"target must have shape \(2, 4, 4\)"),
        (lambda: F.cross_entropy(X, LABELS + 3), ValueError, r"labels must be in \[0, 3\), got 3"),
        (lambda: F.cross_entropy(X, LABELS, [1.0]), ValueError, "weight must have 3 elements"),
        (lambda: F.cross_entropy(X, X, [1.0]), ValueError, "weight must have 3 numbers"),
        (lambda: F.cross_entropy(X, LABELS, label_smoothing=1.5), ValueError, "label_smoothing"),
        (lambda: F.cross_entropy(X, X, label_smoothing=-0.1), ValueError, "label_smoothing must"),
        (lambda: ANY.cross_entropy(X, LABELS, ignore_index=0.5), TypeError, "ignore_index must be"),
        (lambda: F.cross_entropy(np.float32(1), 0), ValueError, "must have classes"),
        (lambda: F.cross_entropy(X, LABELS + 0.5), TypeError, "labels must be integers"),
        (lambda: F.nll_loss(X, MINUS_ONE), ValueError, r"labels must be in \[0, 3\), got -1"),
        (lambda: F.nll_loss(X, LABELS, [1.0]), ValueError, "weight must have 3 numbers"),
        (lambda: F.focal_loss(X, LABELS, gamma=-1.0), ValueError, "gamma must be at least 0"),
        (lambda: F.dice_loss(X, LABELS + 3), ValueError, r"labels must be in \[0, 3\), got 3"),
        (lambda: F.dice_loss(X, MINUS_ONE), ValueError, r"labels must be in \[0, 3\), got -1"),
        (lambda: F.dice_loss(X[0, 0], LABELS), ValueError, r"input must be \(N, K, H, W\)"),
        (lambda: F.dice_loss(X, LABELS[0]), ValueError, r"target must have shape \(2, 4, 4\)"),
        (lambda: F.lovasz_loss(X, LABELS + 3), ValueError, r"lovasz_loss: labels must be in \[0"),
        (lambda: F.lovasz_loss(X, LABELS[0]), ValueError, r"target must have shape \(2, 4, 4\)"),
        (lambda: ANY.lovasz_loss(X, LABELS, classes="few"), ValueError, "got .few."),
        (lambda: F.mse_loss(X, X[:1]), ValueError, r"mse_loss: target must have shape \(2, 3, 4"),
        (lambda: F.l1_loss(X, X, reduction="max"), ValueError, 'reduction must be "mean"'),
        (lambda: F.mse_loss(X[:0], X[:0]), ValueError, "no rows to average"),
        (lambda: F.huber_loss(X, X, delta=0.0), ValueError, "delta must be above 0"),
        (lambda: F.smooth_l1_loss(X, X, beta=-1.0), ValueError, "beta must be at least 0"),
        (lambda: F.binary_cross_entropy(X - 1, X), ValueError, r"input must be in \[0, 1\]"),
        (
            lambda: F.binary_cross_entropy_with_logits(X, X, pos_weight=np.ones((5, 1, 1, 1, 1))),
            ValueError,
            "pos_weight must broadcast to shape",
        ),
        (lambda: nn.CrossEntropyLoss(label_smoothing=2.0), ValueError, "label_smoothing must be"),
        (lambda: nn.MSELoss(reduction="x"), ValueError, "MSELoss: reduction must be"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_losses_in_the_memory_of_images_stay_there() -> None:
    scores = cl.ops.relu(np.zeros((2, 5, 3, 4), np.float32).transpose(0, 3, 1, 2))
    x = Tensor(scores, requires_grad=True)
    F.cross_entropy(x, np.zeros((2, 5, 3), np.int64)).backward()
    assert x.grad is not None
    assert x.grad.data.transpose(0, 2, 3, 1).flags.c_contiguous
