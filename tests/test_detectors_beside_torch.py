"""Detectors beside PyTorch's own layers and operators: names, outputs, losses, all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, detection, models, nn
from convlet.data import shapes
from convlet.data.detection import from_scenes, target_rows

torch = pytest.importorskip("torch", exc_type=ImportError)
_torch_networks = pytest.importorskip("convlet.bench._torch_networks")
_torch_detectors = pytest.importorskip("convlet.bench._torch_detectors")

RTOL, TRIES = 1e-3, 4
NAMES = ["fcos", "ssdlite320_mobilenet_v3_large"]


def distance(mine: Any, wanted: Any, least: float = 0.0) -> float:
    return float(np.linalg.norm(mine - wanted)) / max(float(np.linalg.norm(wanted)), least)


def pair(name: str) -> tuple[nn.Module, Any]:
    """The same network here and there, with biases that leave few values near a corner."""
    ours = models.create(name, num_classes=5, seed=0)
    theirs = _torch_networks.build(name, num_classes=5)
    rng = np.random.default_rng(0)
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight is not None
            assert module.bias is not None
            module.weight.data[...] = rng.uniform(0.5, 1.0, module.num_features)
            module.bias.data[...] = rng.choice([-1.0, 2.5, 2.5, 2.5], module.num_features)
            module.momentum = 1.0
    with cl.no_grad():
        ours.train()(Tensor(images(9)))
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(wanted)
    assert [value.shape for value in state.values()] == [tuple(v.shape) for v in wanted.values()]
    theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
    return ours.eval(), theirs.eval()


def images(seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((2, 3, 64, 96), np.float32)


@pytest.mark.parametrize("name", [NAMES[0], pytest.param(NAMES[1], marks=pytest.mark.slow)])
def test_outputs_and_gradients_are_those_of_torchs_layers(name: str) -> None:
    ours, theirs = pair(name)
    worst: dict[str, float] = {}
    for seed in range(TRIES):
        x = images(seed)
        y, z = ours(Tensor(x)), theirs(torch.tensor(x))
        places = 3 if name == "fcos" else 4
        assert distance(y.numpy()[..., :places], z.detach().numpy()[..., :places]) < 1e-6
        assert distance(y.numpy()[..., places:], z.detach().numpy()[..., places:]) < RTOL
        weight = np.random.default_rng(7).standard_normal(y.shape, np.float32)
        ours.zero_grad()
        theirs.zero_grad()
        (y * Tensor(weight)).mean().backward()
        (z * torch.tensor(weight)).mean().backward()
        found = {key: parameter.grad for key, parameter in ours.named_parameters()}
        wanted = {key: parameter.grad.numpy() for key, parameter in theirs.named_parameters()}
        least = 1e-4 * max(np.abs(value).max() for value in wanted.values())
        worst = {
            key: error
            for key, value in wanted.items()
            if not (error := distance(np.asarray(found[key]), value, least * value.size**0.5))
            < RTOL
        }
        if not worst:
            return
    pytest.fail(f"gradients differ on every batch: {worst}")


def test_the_loss_of_fcos_and_its_gradient_are_those_of_torchs_operators() -> None:
    drawn, annotations = from_scenes(shapes.scenes(4, size=128, seed=3))
    targets = target_rows(annotations)
    model = models.fcos(10, channels=16, seed=0)
    rows = model(Tensor(drawn.astype(np.float32) / 255)).numpy()
    rows += 0.3 * np.random.default_rng(0).standard_normal(rows.shape, np.float32)
    rows[..., :3] = model(Tensor(drawn.astype(np.float32) / 255)).numpy()[..., :3]
    ours, theirs = Tensor(rows, requires_grad=True), torch.tensor(rows, requires_grad=True)
    mine = detection.FCOSLoss()(ours, targets)
    loss = _torch_detectors.fcos_loss(theirs, torch.tensor(targets))
    assert mine.item() == pytest.approx(loss.item(), rel=1e-5)
    mine.backward()
    loss.backward()
    assert ours.grad is not None
    wanted = theirs.grad.numpy()
    assert (np.abs(wanted[..., 3:7]) > 0).any()
    assert distance(ours.grad.numpy(), wanted) < 1e-4


def test_the_loss_of_ssd_and_its_gradient_are_those_of_torchs_operators() -> None:
    drawn, annotations = from_scenes(shapes.scenes(4, size=96, seed=5))
    targets = target_rows(annotations)
    model = models.ssdlite320_mobilenet_v3_large(10, seed=0)
    rows = model(Tensor(drawn.astype(np.float32) / 127.5 - 1)).numpy()
    rows[..., 4:] += np.random.default_rng(0).standard_normal(rows[..., 4:].shape, np.float32)
    ours, theirs = Tensor(rows, requires_grad=True), torch.tensor(rows, requires_grad=True)
    mine = detection.SSDLoss()(ours, targets)
    mine.backward()
    total, count = torch.tensor(0.0), 0
    for said, objects in zip(theirs, targets, strict=True):
        real = objects[objects[:, 4] >= 0]
        own = torch.tensor(
            detection.match_boxes(said[:, :4].detach().numpy(), real[:, :4], real[:, 5] != 0)[0]
        )
        right, boxes = own >= 0, torch.tensor(real)
        label = torch.where(right, boxes[own.clamp(min=0), 4].long() + 1, 0)
        entropy = torch.nn.functional.cross_entropy(said[:, 8:], label, reduction="none")
        most = 3 * max(int(right.sum()), 1)
        total = total + entropy[right].sum() + entropy[~right].topk(most).values.sum()
        x, mine_boxes = boxes[own[right], :4], said[right, :4]
        sides = x[:, 2:] - x[:, :2]
        shift = ((x[:, :2] + x[:, 2:]) / 2 - mine_boxes[:, :2]) / mine_boxes[:, 2:] * 10
        wanted = torch.cat([shift, 5 * (sides / mine_boxes[:, 2:]).log()], 1).detach()
        total = total + torch.nn.functional.smooth_l1_loss(
            said[right, 4:8], wanted, reduction="sum"
        )
        count += int(right.sum())
    loss = total / count
    loss.backward()
    assert mine.item() == pytest.approx(loss.item(), rel=1e-5)
    assert ours.grad is not None
    assert distance(ours.grad.numpy()[..., 4:], theirs.grad.numpy()[..., 4:]) < 1e-4
