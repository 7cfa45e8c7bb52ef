"""Moving averages of weights: PyTorch's numbers, and the trainer that judges by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import runs
from convlet import nn, optim
from convlet.train import EMA, Checkpoint, EarlyStopping, Trainer


def model(bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2, bias))


def walk(module: nn.Module, rng: np.random.Generator) -> None:
    """Change every value, as a step would."""
    for parameter in module.parameters():
        parameter.data[...] += rng.normal(size=parameter.shape)
    for _, buffer in module.named_buffers():
        assert isinstance(buffer, np.ndarray)
        buffer[...] = rng.integers(0, 9, buffer.shape)


def test_thirty_updates_are_those_of_torchs_averaged_model(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    utils = torch.optim.swa_utils
    ours, ema = model(), EMA(0.9)
    theirs = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)),
        *(torch.nn.Flatten(), torch.nn.Linear(8, 2)),
    )
    averaged = utils.AveragedModel(theirs, multi_avg_fn=utils.get_ema_multi_avg_fn(0.9))
    for _ in range(30):
        walk(ours, rng)
        state = {k: torch.from_numpy(np.array(v)) for k, v in ours.state_dict().items()}
        theirs.load_state_dict(state)
        ema.update(ours)
        averaged.update_parameters(theirs)
    assert ema.updates == averaged.n_averaged
    averages = ema.state_dict()["averages"]
    for name, wanted in averaged.module.named_parameters():
        np.testing.assert_allclose(averages[name], wanted.detach(), rtol=1e-5, atol=1e-6)
    for name, wanted in averaged.module.named_buffers():
        np.testing.assert_array_equal(averages[name], wanted)


def test_a_warm_up_begins_with_short_memory() -> None:
    module, ema = nn.Linear(1, 1, bias=False), EMA(0.5, warmup=True)
    mean = 0.0
    for n, value in enumerate((8.0, 4.0, 2.0, 1.0, 1.0, 1.0)):
        module.weight.data[...] = value
        ema.update(module)
        kept = min(0.5, (1 + n) / (10 + n)) if n else 0.0
        mean = kept * mean + (1 - kept) * value
        with ema.applied(module):
            assert module.weight.item() == pytest.approx(mean, rel=1e-6)
    assert module.weight.item() == 1.0


def test_weights_are_back_after_an_error_while_the_averages_are_applied() -> None:
    module, ema = nn.Linear(1, 1, bias=False), EMA(0.5)
    for value in (0.0, 2.0):
        module.weight.data[...] = value
        ema.update(module)
    with pytest.raises(ValueError, match="item: only a single number"), ema.applied(module):
        (module.weight + np.ones(2)).item()
    assert module.weight.item() == 2.0
    ema.copy_to(module)
    assert module.weight.item() == 1.0


def test_a_trainer_judges_and_predicts_by_the_averages() -> None:
    run = runs.begin()
    train, validation = runs.loaders()
    run.fit(train, validation, 2)
    weights = {name: array.copy() for name, array in run.model.state_dict().items()}
    images = np.concatenate([batch for batch, _ in validation])
    predicted, measured = run.predict(images), run.evaluate(validation)
    assert all(np.array_equal(weights[n], a) for n, a in run.model.state_dict().items())
    plain = Trainer(run.model, nn.CrossEntropyLoss(), run.optimizer)
    assert not np.array_equal(plain.predict(images), predicted)
    assert run.ema is not None
    run.ema.copy_to(run.model)
    np.testing.assert_array_equal(plain.predict(images), predicted)
    validation.set_epoch(0)
    first = plain.evaluate(validation)
    validation.set_epoch(0)
    assert first["loss"] == run.evaluate(validation)["loss"]
    assert measured["loss"] > 0


def test_the_best_averages_are_restored_and_saved(tmp_path: Any) -> None:
    run = runs.begin()
    stopping = EarlyStopping("val_loss", patience=9)
    _, validation = runs.loaders()
    run.fit(runs.loaders()[0], validation, 3, [stopping, Checkpoint(tmp_path)])
    validation.set_epoch(stopping.best_epoch - 1)
    assert run.evaluate(validation)["loss"] == stopping.best
    plain = Trainer(run.model, nn.CrossEntropyLoss(), run.optimizer)
    validation.set_epoch(stopping.best_epoch - 1)
    assert plain.evaluate(validation)["loss"] == stopping.best
    other = runs.trainer()
    other.resume(tmp_path / "best.npz")
    validation.set_epoch(stopping.best_epoch - 1)
    assert other.evaluate(validation)["loss"] == stopping.best


def test_the_decay_is_checked() -> None:
    for decay in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"EMA: decay must be in \[0, 1\)"):
            EMA(decay)
    with pytest.raises(TypeError, match=r"Trainer: ema must be a train\.EMA, got float"):
        cl.Trainer(model(), nn.CrossEntropyLoss(), optim.SGD(model().parameters()), ema=0.9)  # type: ignore[arg-type]
