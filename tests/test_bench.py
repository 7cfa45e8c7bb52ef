"""`convlet.bench` and `convlet bench`: sides agree, figures are told, mistakes are refused."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import inside, one_line_error
from convlet import bench
from convlet.bench.cases import OPERATORS, QUICK, SMALL_NETWORKS
from convlet.bench.layers import OF_WEIGHT, normal
from convlet.bench.networks import BATCH, STEP, Network
from convlet.bench.numpy_network import NumpyNetwork
from convlet.bench.race import Disagreement, Row, mean_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convlet.bench.layers import Case

TINY: tuple[Case, ...] = (
    bench.Conv2d("plain", 2, 6, 9, 4, 3, padding=1),
    bench.Conv2d("strided", 2, 3, 9, 4, 5, stride=2),
    bench.Conv2d("depthwise", 2, 6, 9, 6, 3, stride=2, padding=1, groups=6),
    bench.Conv2d("dilated", 2, 6, 9, 4, 3, dilation=2),
    bench.MaxPool2d("two", 2, 6, 8, 2, 2),
    bench.MaxPool2d("three", 2, 6, 9, 3, 2, 1),
    bench.BatchNorm2d("norm", 2, 6, 8),
    bench.Linear("linear", 4, 10, 6),
    Network("lenet", 3, "lenet5", 1, 28, 10),
    Network("vgg", 2, "small_vgg", 3, 32, 10),
)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """What a race sets is put back."""
    import convlet as cl

    before = cl.get_num_threads()
    yield
    cl.set_num_threads(before)


@pytest.mark.parametrize("case", TINY, ids=str)
def test_numpys_side_computes_what_ours_does(case: Case) -> None:
    rows = list(bench.race([case], bench.available(1, ["numpy"]), 1e9, 1))
    assert rows
    for row in rows:
        assert all(time > 0 for time in row.times.values())
        assert set(row.times) == {"convlet", "NumPy"} or case.name == "dilated"
        assert row.name == case.name


@pytest.mark.parametrize("library", ["torch", "onnxruntime", "openvino", "jax"])
@pytest.mark.parametrize(
    "case",
    [
        *TINY,
        Network("unet", 1, "unet", 3, 32, 3, (("num_classes", 3),)),
        Network("fcos", 2, "fcos", 3, 64, 3, (("num_classes", 3), ("channels", 8))),
    ],
    ids=str,
)
def test_other_sides_compute_what_ours_does(case: Case, library: str) -> None:
    pytest.importorskip(library, exc_type=ImportError)
    if library in {"onnxruntime", "openvino"}:
        pytest.importorskip("torch", exc_type=ImportError)
        pytest.importorskip("onnx")
    rows = list(bench.race([case], bench.available(2, [library]), 1e9, 1))
    inferring = library in {"onnxruntime", "openvino"}
    known = not inferring or case.operator in {"conv2d", "max_pool2d", "network"}
    known = known and (library != "jax" or case.operator in {"conv2d", "max_pool2d"})
    assert any(row.others for row in rows) is known


def test_sides_that_differ_are_not_timed() -> None:
    class Wrong(bench.available(1, ["numpy"])[0].__class__):  # type: ignore[misc]
        name = "wrong"

        def linear(self, case: bench.Linear) -> Any:
            calls = super().linear(case)
            right = calls[OF_WEIGHT]
            return calls | {OF_WEIGHT: lambda: right() * np.float32(1.01)}

    sides: list[Any] = [bench.available(1, ["numpy"])[0], Wrong()]
    with pytest.raises(Disagreement, match="linear, gradient of weight: convlet and wrong differ"):
        list(bench.race([TINY[7]], sides, 1e9, 1))


def test_a_side_of_another_shape_is_named() -> None:
    class Flat(bench.available(1, ["numpy"])[0].__class__):  # type: ignore[misc]
        name = "flat"

        def linear(self, case: bench.Linear) -> Any:
            return {key: lambda: np.zeros(3) for key in super().linear(case)}

    with pytest.raises(Disagreement, match=r"convlet gives \(4, 6\), flat \(3,\)"):
        list(bench.race([TINY[7]], [bench.available(1, ["numpy"])[0], Flat()], 1e9, 1))


def test_medians_are_of_turns_and_count_every_call() -> None:
    calls: list[str] = []
    times = bench.medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert set(times) == {"a", "b"}
    assert 0 < times["a"] < 10
    assert calls[:2] == ["a", "b"]
    turns = "".join(calls[2:]).replace("ab", "a b").replace("ba", "b a").split()
    assert [turn[0] for turn in turns] == ["a", "b"] * 3
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        bench.medians({}, 0)


def test_rows_tell_ratio_and_share_of_the_peak() -> None:
    row = Row("g", "n", "k", {"convlet": 2.0, "a": 8.0, "b": 4.0}, 4e6, 4e9)
    assert (row.best, row.ratio, row.percent_of_peak) == ("b", 2.0, 50.0)
    alone = Row("g", "n", "k", {"convlet": 2.0}, None, 4e9)
    assert alone.best is None
    assert math.isnan(alone.ratio)
    assert alone.percent_of_peak is None
    half = Row("g", "n", "k", {"convlet": 2.0, "a": 1.0}, None, 4e9)
    assert mean_ratio([row, half]) == pytest.approx(1.0)


def test_operations_of_a_network_are_those_of_its_layers() -> None:
    case = Network("lenet", 4, "lenet5", 1, 28, 10)
    first, second = 2 * 28 * 28 * 6 * 25, 2 * 10 * 10 * 16 * 150
    forward = first + second + 2 * (400 * 120 + 120 * 84 + 84 * 10)
    assert case.flops(BATCH) == 4 * forward
    assert case.flops(STEP) == 4 * (3 * forward - first)


def test_numpys_network_trains_as_ours_does() -> None:
    case = Network("vgg", 4, "small_vgg", 3, 32, 10)
    step = bench.available(1, ["numpy"])[0].network(case)[STEP]
    theirs = NumpyNetwork("small_vgg", case.state(), 1e-3, 0.9)
    for _ in range(3):
        assert step() == pytest.approx(theirs.step(case.batch(STEP), case.labels()), rel=1e-4)


def test_inputs_are_repeatable_and_channels_innermost() -> None:
    x = normal(2, 3, 4, 5)
    assert x.strides == (240, 4, 60, 12)
    np.testing.assert_array_equal(x, normal(2, 3, 4, 5))
    assert (normal(2, 3, 4, 5, seed=1) != x).all()


def test_what_the_command_times_covers_each_operator() -> None:
    for cases in ((*OPERATORS, *SMALL_NETWORKS), QUICK):
        operators = {case.operator for case in cases}
        assert operators == {"conv2d", "max_pool2d", "batch_norm", "linear", "network"}
    assert bench.selected(OPERATORS, ["POOL"]) == [c for c in OPERATORS if "pool" in c.group]
    convolutions = bench.selected(OPERATORS, ["conv2d"])
    assert [c.operator for c in convolutions] == ["conv2d"] * len(convolutions) != []
    assert bench.selected(OPERATORS, ["nothing like it"]) == []
    assert bench.selected(OPERATORS, []) == list(OPERATORS)


# --- the command ---------------------------------------------------------------------------------


def test_bench_tells_a_table_and_writes_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    done = inside(
        *("bench", "--quick", "--only", "pool", "linear", "--sides", "numpy", "--threads", "1"),
        *("--repeats", "1", "--json", "b.json", "--picture", "b.png"),
        cwd=tmp_path,
        capsys=capsys,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("max pooling", "gradient of weight", "NumPy", "ratio", "GFLOP/s", "ahead in"):
        assert words in done.stdout
    assert "convolution" not in done.stdout
    facts = json.loads((tmp_path / "b.json").read_text())
    assert facts["threads"] == 1
    assert facts["peak_flops"] > 1e8
    assert {row["group"] for row in facts["rows"]} == {"max pooling", "linear"}
    for row in facts["rows"]:
        times = row["milliseconds"]
        assert row["ratio"] == pytest.approx(times["NumPy"] / times["convlet"])
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_bench_tells_what_was_timed_before_sides_differed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from convlet.bench import numpy_reference

    monkeypatch.setattr(numpy_reference, "linear", lambda x, weight, bias: x @ weight.T - bias)
    arguments = ("--quick", "--only", "norm", "linear", "--sides", "numpy", "--repeats", "1")
    done = inside("bench", *arguments, "--json", "b.json", cwd=tmp_path, capsys=capsys)
    assert "forward: convlet and NumPy differ by" in one_line_error(done, 1)
    assert "batch norm + ReLU" in done.stdout
    rows = json.loads((tmp_path / "b.json").read_text())["rows"]
    assert {row["group"] for row in rows} == {"batch norm + ReLU"}


def test_bench_gives_json_alone_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--quick", "--only", "norm", "--sides", "numpy", "--repeats", "1", "--json", "-")
    done = inside("bench", *arguments, cwd=tmp_path, capsys=capsys)
    assert [row["pass"] for row in json.loads(done.stdout)["rows"]] == ["forward", "gradients"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing like it"], "nothing has nothing like it in its name"),
        (["--only", "conv2d", "relu9"], "--only: nothing has relu9 in its name; the operators are"),
        (["--sides", "abacus"], "got 'abacus'"),
        (["--threads", "0"], "--threads: must be at least 1"),
        (["--repeats", "0"], "--repeats: must be at least 1"),
        (["--json", "nowhere/b.json"], "there is no folder nowhere"),
        (["--picture", "nowhere/b.png"], "there is no folder nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bench_refuses_in_one_line(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = inside("bench", "--quick", *arguments, cwd=tmp_path, capsys=capsys)
    assert words in one_line_error(done, 2)


def test_bench_says_what_a_side_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bench.sides.LIBRARIES, "jax", (("no_such_library",), "jax"))
    done = inside("bench", "--quick", "--sides", "jax", cwd=tmp_path, capsys=capsys)
    assert "jax needs no_such_library: pip install" in one_line_error(done, 2)


# --- the scripts of benchmarks/ ------------------------------------------------------------------

ROOT = Path(__file__).resolve().parent.parent
wants_scripts = pytest.mark.skipif(
    not (ROOT / "benchmarks").is_dir(), reason="wants the repository"
)


@wants_scripts
def test_cases_of_the_peers_are_sound_and_named_once() -> None:
    cases = importlib.import_module("peer_cases").CASES
    assert len({(case.group, case.name) for case in cases}) == len(cases)
    assert all(min(case.y) > 0 for case in cases if case.operator == "conv2d")
    for network in ("LeNet", "VGG-16", "ResNet", "MobileNetV2", "U-Net", "EfficientNet-Lite0"):
        assert bench.selected(cases, [network])


@wants_scripts
def test_peers_take_the_options_of_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "peers.py", "--only", "LeNet 2x2", "--sides",
         "numpy", "--repeats", "1", "--json", tmp_path / "p.json"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads((tmp_path / "p.json").read_text())["rows"]
    assert [row["pass"] for row in rows] == ["forward", "gradient of input"]


@wants_scripts
def test_scaling_is_told_drawn_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    scaling = importlib.import_module("scaling")
    monkeypatch.setattr(scaling, "BY_THREADS", TINY[:1])
    monkeypatch.setattr(scaling, "BATCHES", (1, 2))
    monkeypatch.setattr(scaling, "SIZES", (8, 16))
    files = ("--json", str(tmp_path / "s.json"), "--picture", str(tmp_path / "s.png"))
    monkeypatch.setattr(sys, "argv", ["scaling.py", "--threads", "2", "--repeats", "1", *files])
    scaling.main()
    facts = json.loads((tmp_path / "s.json").read_text())
    assert facts["threads"]["plain"]["1"] == 1.0
    assert set(facts["threads"]["plain"]) == {"1", "2"}
    assert all(value > 0 for curve in facts["size"].values() for value in curve.values())
    assert "ms per image by batch" in capsys.readouterr().out
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
