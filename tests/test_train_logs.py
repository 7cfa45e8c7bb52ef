"""What a training writes for other programs and for people who wait."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
import textwrap
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from convlet.train import CSVLog, History, ProgressBar, TensorBoard
from convlet.train.progress import clock
from test_trainer import batches, small_trainer


def test_the_csv_log_is_complete_after_every_epoch(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.csv"
    trainer = small_trainer()
    trainer.fit(batches(8), batches(8), epochs=2, callbacks=[CSVLog(path)])
    trainer.fit(batches(8), batches(8), epochs=1, callbacks=[CSVLog(path)])
    assert list(History.from_csv(path)) == list(trainer.history)
    assert len(trainer.history) == 3


class Writer:
    """Stands for tensorboardX.SummaryWriter."""

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step = folder, purge_step
        self.scalars: list[tuple[str, float, int]] = []
        self.closed = False
        made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


made: list[Writer] = []


def test_tensorboard_gets_every_value_by_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Any = ModuleType("tensorboardX")
    library.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "tensorboardX", library)
    made.clear()
    trainer = small_trainer()
    trainer.fit(batches(32, 8), batches(8), 2, [TensorBoard(tmp_path, every_steps=3)])
    (writer,) = made
    assert (writer.folder, writer.purge_step, writer.closed) == (str(tmp_path), 1, True)
    assert [step for name, _, step in writer.scalars if name == "batch/loss"] == [3, 6]
    for name in ("loss", "accuracy", "val_loss", "lr"):
        wanted = list(zip(trainer.history.column(name), (4, 8), strict=True))
        assert [(value, step) for each, value, step in writer.scalars if each == name] == wanted


def test_tensorboardx_itself_writes_a_record(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    small_trainer().fit(batches(8), epochs=1, callbacks=[TensorBoard(tmp_path)])
    (record,) = tmp_path.iterdir()
    assert record.stat().st_size > 100


def test_without_tensorboardx_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'pip install "convlet\[tensorboard\]"'):
        small_trainer().fit(batches(8), epochs=1, callbacks=[TensorBoard(tmp_path)])


def test_without_a_terminal_there_is_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    small_trainer().fit(batches(), batches(8), epochs=2, callbacks=[ProgressBar()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    pattern = (
        r"epoch 1/2  loss \d\.\d{4}  accuracy [\d.]+ %  validation \d\.\d{4}  [\d.]+ %  "
        r"[\d,]+ images/s  at most 0:0\d left"
    )
    assert re.fullmatch(pattern, lines[0])


def test_lines_are_written_in_the_encoding_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    small_trainer().fit(batches(8), epochs=1, callbacks=[ProgressBar(bar=False)])
    assert raw.getvalue().startswith(b"epoch 1/1  loss ")


@pytest.mark.parametrize("sized", [True, False])
def test_the_bar_follows_the_batches_and_goes_away(
    sized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    from convlet.train import progress

    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    seen: list[dict[str, Any]] = []
    bar = ProgressBar(bar=True)

    class Loader:
        def __iter__(self) -> Any:
            for batch in batches(32, 8):
                seen.append(dict(vars(bar._progress.tasks[0])))
                yield batch

    class Sized(Loader):
        def __len__(self) -> int:
            return 4

    small_trainer().fit(Sized() if sized else Loader(), batches(8), epochs=2, callbacks=[bar])
    assert bar._progress is None
    done = [task["completed"] for task in seen]
    assert done == ([*range(8)] if sized else [0, 1, 2, 3, 4, 1, 2, 3])
    assert seen[-1]["total"] == (8 if sized else None)
    assert "loss" in seen[-1]["fields"]["facts"]


def test_clocks_are_read_by_people() -> None:
    assert [clock(s) for s in (-1, 0.4, 59.6, 3599, 3723)] == [
        "0:00",
        "0:00",
        "1:00",
        "59:59",
        "1:02:03",
    ]


@pytest.mark.parametrize(
    ("modules", "terminal", "drawn"),
    [
        (("rich",), True, True),
        (("rich",), False, False),
        ((), True, False),
        (("rich", "IPython", "ipywidgets"), False, True),
        (("rich", "IPython"), True, False),
    ],
    ids=["terminal", "pipe", "no rich", "notebook", "notebook without widgets"],
)
def test_a_bar_is_drawn_where_it_can_be(
    modules: tuple[str, ...], terminal: bool, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in modules or None)
    shell = SimpleNamespace(kernel=None) if "IPython" in modules else None
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert ProgressBar()._bar is drawn


@pytest.mark.slow
def test_a_notebook_shows_the_bar_and_takes_it_away() -> None:
    for name in ("rich", "ipykernel", "ipywidgets"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    client, form = pytest.importorskip("nbclient"), pytest.importorskip("nbformat").v4
    code = f"""
    import sys
    sys.path[:0] = {[*sys.path, str(Path(__file__).parent)]!r}
    import time
    from test_train_logs import ProgressBar, batches, small_trainer
    from convlet.train import Callback
    class Slow(Callback):
        def on_batch_end(self, trainer, logs):
            time.sleep(0.06)  # as the bar is drawn ten times a second
    _ = small_trainer().fit(batches(32, 8), batches(8), 2, [Slow(), ProgressBar()])
    """
    messages: list[Any] = []

    class Client(client.NotebookClient):  # type: ignore[name-defined, misc]
        def process_message(self, message: Any, *more: Any) -> Any:
            messages.append((message["msg_type"], message["content"]))
            return super().process_message(message, *more)

    notebook = form.new_notebook(cells=[form.new_code_cell(textwrap.dedent(code))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its event loop and its ports
        Client(notebook, kernel_name="python3").execute()
    shown = [c["data"]["text/plain"] for kind, c in messages if kind == "display_data"]
    assert shown[0] == "Output()", "a widget"
    assert any("epoch 2/2" in text and "loss" in text for text in shown)
    assert "comm_close" in [kind for kind, _ in messages]
