"""A training that was interrupted, killed or out of space goes on with the same bits."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
import runs
from convlet import _core
from convlet.errors import FormatError
from convlet.train import Callback, Checkpoint, EarlyStopping
from convlet.train.checkpoint import capture
from subprocesses import PATIENCE, environment, output_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from convlet.train import Trainer

SETTINGS: list[dict[str, Any]] = [
    {},
    {"accumulate": 4},
    {"scheduler": "ReduceLROnPlateau", "ema": False},
    {"scheduler": "StepLR"},
]
_WHOLE: dict[str, str] = {}


def whole(settings: Mapping[str, Any]) -> str:
    """The digest of the run that never stopped."""
    key = repr(settings)
    if key not in _WHOLE:
        _WHOLE[key] = runs.digest(runs.finish(runs.begin(**settings)))
    return _WHOLE[key]


def resumed(path: Path, settings: Mapping[str, Any], **more: Any) -> str:
    """The digest of a run that goes on from a checkpoint, in a process that did something else."""
    cl.seed(99)
    run = runs.trainer(**settings)
    run.resume(path)
    return runs.digest(runs.finish(run, **more))


def last_layer(run: Trainer) -> Any:
    return list(run.model.children())[-1]


class Crash(Exception):
    pass


class CrashAfter(Callback):
    """Raises after some batches, as an error of the program would."""

    last = True

    def __init__(self, step: int) -> None:
        self.step = step

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        if trainer.step == self.step:
            raise Crash


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("every", [1, 3])
def test_a_run_that_crashed_anywhere_goes_on_with_the_same_bits(
    settings: dict[str, Any], every: int, tmp_path: Path
) -> None:
    steps = runs.EPOCHS * -(-6 // settings.get("accumulate", 1))
    for step in (every, 2 * every + 1, steps - 1):
        folder = tmp_path / str(step)
        checkpoint = Checkpoint(folder, every_steps=every)
        with pytest.raises(Crash):
            runs.finish(runs.begin(**settings), [checkpoint, CrashAfter(step)])
        assert resumed(folder, settings) == whole(settings), step


def test_workers_and_threads_change_nothing(
    tmp_path: Path, set_threads: Callable[[int], None]
) -> None:
    checkpoint = Checkpoint(tmp_path, every_steps=2)
    with pytest.raises(Crash):
        runs.finish(runs.begin(), [checkpoint, CrashAfter(9)], workers=2)
    set_threads(1)
    assert resumed(tmp_path, {}, workers=1) == whole({})


def test_a_resumed_epoch_has_the_row_of_the_whole_one(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        runs.finish(runs.begin(), [Checkpoint(tmp_path, every_steps=1), CrashAfter(9)])
    run = runs.trainer()
    run.resume(tmp_path / "last.npz")
    assert (run.epoch, run.running.batch, run.step) == (1, 3, 9)
    rows = [dict(row) for row in runs.finish(run).history]
    for row, wanted in zip(rows, runs.finish(runs.begin()).history, strict=True):
        for name in ("loss", "accuracy", "f1", "val_loss", "lr"):
            assert row[name] == wanted[name]


@pytest.mark.parametrize("where", ["forward", "optimiser", "validation"])
def test_ctrl_c_leaves_a_checkpoint_of_the_last_whole_step(where: str, tmp_path: Path) -> None:
    run, calls = runs.begin(), 0

    def press(*_: Any) -> None:
        nonlocal calls
        calls += 1
        validating = not run.model.training
        if (calls == 10 and where != "validation") or (where == "validation" and validating):
            handle.remove()
            signal.raise_signal(signal.SIGINT)

    handle = last_layer(run).register_forward_hook(press)
    if where == "optimiser":
        handle.remove()
        original = run.optimizer.step

        def step(*arguments: Any) -> Any:
            press()
            return original(*arguments)

        run.optimizer.step = step  # type: ignore[method-assign, assignment]
    runs.finish(run, [Checkpoint(tmp_path)])
    assert run.interrupted
    step_of = {"forward": 8, "optimiser": 10, "validation": 6}
    assert run.step == step_of[where]
    assert resumed(tmp_path, {}) == whole({})
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_ctrl_c_the_next_fit_goes_on_in_the_same_process() -> None:
    run = runs.begin(scheduler="StepLR", ema=False)
    hook = last_layer(run).register_forward_hook(
        lambda *_: signal.raise_signal(signal.SIGINT) if run.step == 8 else None
    )
    train, validation = runs.loaders()
    run.fit(train, validation, runs.EPOCHS)
    assert (run.interrupted, run.step, run.running.batch) == (True, 8, 2)
    hook.remove()
    run.fit(train, validation, runs.EPOCHS - run.epoch)
    again = runs.begin(scheduler="StepLR", ema=False)
    again.fit(train, validation, runs.EPOCHS)
    assert runs.digest(run) == runs.digest(again)
    run.running.batch = 5
    with pytest.raises(ValueError, match="the epoch was left after batch 5, but train has 2"):
        run.fit([next(iter(train))] * 2, epochs=1)


def test_early_stopping_goes_on_counting(tmp_path: Path) -> None:
    def stopping() -> EarlyStopping:
        return EarlyStopping("val_loss", patience=2, min_delta=10.0)

    cl.seed(11)
    run = runs.trainer(scheduler="StepLR")
    run.fit(*runs.loaders(), 2, [stopping(), Checkpoint(tmp_path)])
    other, second = runs.trainer(scheduler="StepLR"), stopping()
    other.resume(tmp_path)
    other.fit(*runs.loaders(), 9, [second])
    assert (second.best_epoch, second.stopped_early, other.epoch) == (1, True, 3)
    first = runs.begin(scheduler="StepLR")
    first.fit(*runs.loaders(), 1)
    with first.judged() as model:
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(other.model.state_dict()[name], array, err_msg=name)


def test_a_run_that_was_killed_after_its_last_epoch_is_only_finished(tmp_path: Path) -> None:
    class Killed(Callback):
        last = True

        def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
            if trainer.epoch == ends:
                raise Crash

    ends = runs.EPOCHS
    with pytest.raises(Crash):
        runs.finish(runs.begin(), [Checkpoint(tmp_path), Killed()])
    assert resumed(tmp_path, {}) == whole({})  # the best weights are restored

    results = []
    for killed in (False, True):
        stopping, ends = EarlyStopping("val_loss", patience=2, min_delta=10.0), 3
        run, more = runs.begin(), [Checkpoint(tmp_path / "stopped"), Killed()]
        if killed:
            with pytest.raises(Crash):
                run.fit(*runs.loaders(), 4, [stopping, *more])
            run = runs.trainer()
            run.resume(tmp_path / "stopped")
        run.fit(*runs.loaders(), 4 - run.epoch, [EarlyStopping(patience=2, min_delta=10.0)])
        assert run.epoch == 3
        results.append(runs.digest(run))
    assert results[0] == results[1]


# --- kill -9, and no space left ------------------------------------------------------------------

PROGRAM = """
import sys, time
from pathlib import Path
import runs
from convlet.train import Callback, Checkpoint

class Slow(Callback):
    def on_batch_end(self, trainer, logs):
        time.sleep(0.005)

folder = Path(sys.argv[1])
run = runs.begin()
if (folder / "last.npz").exists():
    run.resume(folder)
print("ready", run.step, flush=True)
print(runs.digest(runs.finish(run, [Slow(), Checkpoint(folder, every_steps=1, keep=2)])))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])  # noqa: PTH120
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env=environment({"PYTHONPATH": path, "CONVLET_ISA": _core.get_isa()}),
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(
    kills: int, tmp_path: Path
) -> None:
    moments = random.Random(kills)
    for _ in range(kills):
        with start(tmp_path) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            time.sleep(moments.uniform(0.0, 0.08))
            process.kill()
        if (tmp_path / "last.npz").exists():
            runs.trainer().resume(tmp_path)  # the last complete one loads
    with start(tmp_path) as process:
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.split()[-1] == whole({})
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left[:2] == ["best.npz", "last.npz"]
    assert len(left) == 3
    assert left[2].startswith("step-")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    # The limit on a file's size makes a write fail half way through, as a full disk does.
    code = f"""
    import resource, signal, sys
    sys.path[:0] = {sys.path!r}
    import runs
    from convlet.train import Checkpoint
    run = runs.begin()
    run.fit(*runs.loaders(), 1)
    run.save({str(tmp_path / "last.npz")!r})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    try:
        run.fit(*runs.loaders(), 1, [Checkpoint({str(tmp_path)!r})])
    except OSError as error:
        print(error.errno, run.epoch)
    """
    assert output_of(textwrap.dedent(code)) == f"{errno.EFBIG} 2"
    assert [p.name for p in tmp_path.iterdir()] == ["last.npz"]
    run = runs.trainer()
    run.resume(tmp_path)
    assert run.epoch == 1


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.begin()
    run.save(tmp_path / "last.npz")
    before = (tmp_path / "last.npz").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.save(tmp_path / "last.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["last.npz"]
    assert (tmp_path / "last.npz").read_bytes() == before


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".last.npz.0123456789ab.tmp").write_bytes(b"half")
    (tmp_path / ".other.npz.0123456789ab.tmp").write_bytes(b"not ours")
    runs.begin().fit(*runs.loaders(), 1, [Checkpoint(tmp_path, monitor=None)])
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [".other.npz.0123456789ab.tmp", "last.npz"]


# --- damaged files -------------------------------------------------------------------------------


def test_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    run, path = runs.begin(), tmp_path / "run.npz"
    run.save(path)
    content = path.read_bytes()
    before = runs.digest(run)
    for size in [*range(0, len(content), 997), len(content) - 1]:
        path.write_bytes(content[:size])
        with pytest.raises(FormatError):
            run.resume(path)
    assert runs.digest(run) == before


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_checkpoint_of_which_a_bit_differs_is_refused(suffix: str, tmp_path: Path) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    run, path = runs.begin(), tmp_path / f"run{suffix}"
    runs.finish(run)
    run.save(path)
    content, before = path.read_bytes(), runs.digest(run)
    moments = random.Random(0)
    for _ in range(200):
        place, bit = moments.randrange(len(content)), moments.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=path.name):
            run.resume(path)
        assert runs.digest(run) == before


def test_a_checkpoint_of_another_training_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    runs.begin().save(path)
    others: dict[str, dict[str, Any]] = {
        "the checkpoint has a ema, the trainer has none": {"ema": False},
        "load_state_dict: the state of StepLR lacks": {"scheduler": "StepLR"},
    }
    for message, settings in others.items():
        run = runs.begin(**settings)
        before = runs.digest(run)
        with pytest.raises(ValueError, match=message):
            run.resume(path)
        assert runs.digest(run) == before


@pytest.mark.parametrize("key", ["epoch", "running", "param_groups", "random", "history"])
def test_a_state_that_lacks_something_is_no_checkpoint(key: str, tmp_path: Path) -> None:
    run, path = runs.begin(), tmp_path / "run.npz"
    arrays, state = capture(run)
    before = runs.digest(run)
    for value in (None, "seven", [[1]]):
        text = json.dumps({**state, key: value})
        cl.io.save(arrays, path, {"checkpoint": text})
        with pytest.raises(FormatError, match="is not a checkpoint"):
            run.resume(path)
        assert runs.digest(run) == before
