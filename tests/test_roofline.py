"""benchmarks/roofline.py: operations and bytes worked out by hand, the rules beside the kernels, a tiny run."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import bench, ops

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="wants the repository")
Conv2d = bench.Conv2d
FORWARD, OF_INPUT, OF_WEIGHT = "forward", "gradient of input", "gradient of weight"
PASSES = (FORWARD, OF_INPUT, OF_WEIGHT)


def module(name: str) -> Any:
    return importlib.import_module(name)


def works(case: Any, isa: str = "v4") -> dict[str, Any]:
    found: dict[str, Any] = module("roofline_work").passes(case, isa)
    return found


def made(case: Any, isa: str = "v4") -> list[float]:
    return [work.made / 2 for work in works(case, isa).values()]


def test_winograd_makes_the_products_of_whole_tiles_and_transforms() -> None:
    case = Conv2d("", 8, 32, 8, 32, 3, padding=1)  # 4 tiles of 4x4 an image, 32 in all
    found = works(case)
    assert [found[kind].algorithm for kind in PASSES] == ["Winograd"] * 3
    assert [found[kind].direct for kind in PASSES] == [2 * 8 * 64 * 9 * 1024] * 3
    products, data, weights = 36 * 32 * 32, 12 * 12 * 32, 11 * 9 * 32 * 32
    forward = 32 * (products + data + 12 * 10 * 32) + weights
    assert made(case)[:2] == [forward, forward]
    assert made(case)[2] == 32 * (products + data + 15 * 10 * 32) + 10 * 9 * 32 * 32
    # A side of three outputs takes five points: 11 instead of 12 along each axis.
    smaller = Conv2d("", 8, 32, 7, 32, 3, padding=1)
    assert made(smaller)[0] - weights == pytest.approx((forward - weights) * (11 / 12) ** 2)


def test_an_array_counts_once_and_lines_are_fetched_before_they_are_written() -> None:
    found = works(Conv2d("", 2, 16, 8, 32, 3, padding=1))
    x, y, weight = 4 * 2 * 16 * 64, 4 * 2 * 32 * 64, 4 * 16 * 32 * 9
    assert [(w.reads, w.writes) for w in found.values()] == [
        (x + weight, y),
        (y + weight, x),
        (x + y, weight),
    ]
    assert all(w.held == w.moved == x + y + weight for w in found.values())
    assert found[FORWARD].with_allocate == x + weight + 2 * y


def test_pixels_between_steps_are_not_read_but_their_gradients_are_written() -> None:
    found = works(Conv2d("", 1, 8, 6, 8, 1, stride=2))
    x, y, weight = 4 * 8 * 36, 4 * 8 * 9, 4 * 64
    assert found[FORWARD].reads == x / 4 + weight
    assert found[OF_INPUT].writes == x
    assert found[OF_WEIGHT].reads == x / 4 + y


def test_direct_products_fill_registers() -> None:
    one, pixels = Conv2d("", 1, 24, 10, 40, 1), 100
    # 40 outputs in 3 registers of 16; 24 inputs in 2; sides stay: 32 * 40 > 24 * 48 * 6 / 5 is not so.
    assert made(one) == [pixels * 24 * 48, pixels * 40 * 32, pixels * 40 * 32]
    assert made(one, "v3") == [pixels * 24 * 40, pixels * 40 * 24, pixels * 40 * 24]
    narrow = Conv2d("", 1, 3, 10, 40, 1)  # 3 inputs would leave 5 of 8 lanes empty
    assert made(narrow)[2] == pixels * 3 * 48
    assert made(Conv2d("", 1, 3, 10, 40, 3))[2] == 64 * 9 * 3 * 48


def test_lanes_that_are_pixels_come_in_registers_of_a_row() -> None:
    lenet = Conv2d("", 64, 6, 14, 16, 5)
    assert works(lenet)[OF_INPUT].algorithm == "few channels"
    # Of 14 rows' 70 rows of taps 50 meet the output's 10.
    assert made(lenet)[1] == pytest.approx(64 * 14 * 16 * 25 * 16 * 6 * 50 / 70)
    assert made(Conv2d("", 1, 2, 40, 4, 3, padding=1))[0] == 40 * 48 * 9 * 2 * 4  # 32 + 16 lanes
    stem = Conv2d("", 1, 3, 64, 64, 7, stride=2, padding=3)  # two phases together, 32 lanes each
    assert works(stem)[OF_INPUT].algorithm == "few channels"
    assert made(stem)[1] == pytest.approx(32 * 32 * 49 * 64 * 3 * 218 / 224)


def test_depthwise_taps_beyond_the_border_are_left_out() -> None:
    case = Conv2d("", 1, 32, 5, 32, 3, padding=1, groups=32)
    # Of a row's 15 taps two are beyond it.
    assert works(case)[FORWARD].algorithm == "depthwise"
    assert made(case) == pytest.approx([13 * 13 * 32] * 3)
    strided = Conv2d("", 1, 24, 6, 24, 3, 2, 1, 24)  # 9 taps, one beyond; 24 channels in 32 lanes
    assert made(strided) == pytest.approx([8 * 8 * 32] * 3)


def test_pooling_moves_an_index_and_normalisation_reads_twice() -> None:
    pool = works(bench.MaxPool2d("", 2, 6, 8, 2, 2))
    x, y = 4 * 2 * 6 * 64, 5 * 2 * 6 * 16
    assert [(w.reads, w.writes, w.held) for w in pool.values()] == [(x, y, x + y), (y, x, x + y)]
    assert pool[FORWARD].made == 2 * 3 * 4 * 2 * 6 * 16
    assert pool[OF_INPUT].made == 2 * 4 * 2 * 6 * 16
    norm = works(bench.BatchNorm2d("", 2, 6, 8))
    assert [(w.reads, w.writes, w.held) for w in norm.values()] == [
        (2 * x, x, 2 * x),
        (4 * x, x, 3 * x),
    ]
    assert norm["gradients"].made == 2 * 9 * 2 * 6 * 64


LAYERS = (
    Conv2d("3x3", 2, 16, 8, 32, 3, padding=1),
    Conv2d("too few tiles", 1, 32, 8, 32, 3, padding=1),
    Conv2d("too few channels", 2, 8, 16, 64, 3, padding=1),
    Conv2d("stride 2", 4, 64, 56, 128, 3, stride=2, padding=1),
    Conv2d("4x4, stride 2", 4, 32, 16, 32, 4, stride=2, padding=1),
    Conv2d("small, stride 2", 1, 64, 9, 64, 3, stride=2, padding=1),
    Conv2d("5x5", 2, 32, 14, 32, 5, padding=2),
    Conv2d("dilated", 2, 32, 15, 32, 3, padding=2, dilation=2),
    Conv2d("1x1", 2, 32, 14, 32, 1),
    Conv2d("stem", 1, 3, 32, 32, 7, stride=2, padding=3),
    Conv2d("depthwise", 2, 32, 14, 32, 3, padding=1, groups=32),
)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_passes_are_winograds_where_exactness_changes_bits(isa: str, layer: Conv2d) -> None:
    calls = module("convlet.bench.sides._native").Convlet().conv2d(layer)
    for kind, work in works(layer, isa).items():
        results = []
        for exact in (False, True):
            with cl.use_exact_conv(exact):
                results.append(calls[kind]())
        differs = not np.array_equal(results[0], results[1])
        assert differs == ("Winograd" in work.algorithm), f"{kind}: {work.algorithm}"


def test_the_layers_have_every_algorithm() -> None:
    seen = {work.algorithm for layer in LAYERS for work in works(layer).values()}
    assert {"Winograd", "direct", "depthwise", "few channels", "direct + Winograd"} <= seen


@pytest.mark.parametrize(
    ("reads", "writes", "milliseconds"),
    [(300, 100, 2 * 100 / 50 + 200 / 100), (100, 300, 2 * 100 / 50 + 200 / 25), (0, 50, 50 / 25)],
)
def test_bytes_are_read_and_written_at_once_as_far_as_they_go(
    reads: float, writes: float, milliseconds: float
) -> None:
    streams = module("roofline_streams").Streams(100e3, 25e3, 50e3)
    work = module("roofline_work").Work("", 0, 0, reads, writes, reads + writes)
    assert streams.milliseconds(work) == pytest.approx(milliseconds)


def test_what_takes_longer_binds() -> None:
    streams = module("roofline_streams").Streams(1e9, 1e9, 1e9)
    work = module("roofline_work").Work("direct", 4e6, 2e6, 1e6, 1e6, 2e6)
    slow = module("roofline").Row("g", "n", "forward", work, 8.0, 0.5e9, streams)
    assert slow.least == pytest.approx({"operations": 4.0, "bytes": 2.0})
    assert (slow.binds, slow.share) == ("operations", pytest.approx(0.5))
    fast = module("roofline").Row("g", "n", "forward", work, 8.0, 4e9, streams)
    assert (fast.binds, fast.share) == ("bytes", pytest.approx(0.25))
    assert fast.as_dict()["moved_with_allocate"] == 3e6


def test_figures_are_those_of_the_turn_with_the_median_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roofline, case = module("roofline"), bench.MaxPool2d("pool", 1, 64, 8, 2, 2)

    def told(calls: dict[str, Any], repeats: int) -> dict[str, list[float]]:
        times = {name: [1.0, 2.0, 3.0] for name in calls}  # a machine that becomes slower
        times["forward"] = [20.0, 16.0, 50.0]  # shares as 1/20, 2/16 and 3/50
        times["gradient of input"] = [10.0, 30.0, 10.0]
        assert repeats == 3
        return times

    monkeypatch.setattr(roofline, "turns", told)
    side = module("convlet.bench.sides._native").Convlet()
    forward, gradient = roofline.measure(case, side, 3)
    assert (forward.time, gradient.time) == (50.0, 10.0)
    assert forward.peak == 1e3 * bench.timing.PRODUCT_FLOPS / 3.0
    assert gradient.peak == 1e3 * bench.timing.PRODUCT_FLOPS / 1.0


def test_streams_move_the_bytes_of_their_working_set(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = module("roofline_streams")
    seen: dict[str, int] = {}

    def note(name: str, call: Any, output: bool) -> Any:
        def wrapped(x: Any, *rest: Any) -> Any:
            result = call(x, *rest)
            seen[name] = (x.nbytes if x.size > streams.CHANNELS else 0) + output * result.nbytes
            return result

        return wrapped

    for name, output in (("conv2d_grad_bias", False), ("adaptive_avg_pool2d_grad", True),
                         ("relu", True)):  # fmt: skip
        monkeypatch.setattr(ops, name, note(name, getattr(ops, name), output))
    for call in streams.calls(123_456).values():
        call()
    assert set(seen.values()) == {streams.rounded(123_456)} == {131_072}


TINY = (
    Conv2d("plain", 1, 16, 8, 16, 3, padding=1),
    bench.MaxPool2d("pool", 1, 16, 8, 2, 2),
    bench.BatchNorm2d("norm", 1, 16, 8),
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convlet.bench.timing.SETTLE", 0.0)
    monkeypatch.setattr("convlet.bench.timing.TURN", 0.0)
    monkeypatch.setattr(module("roofline"), "CASES", TINY)
    monkeypatch.setattr(module("roofline_streams"), "SIZES", (100_000, 200_000, 300_000))


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["roofline.py", *options])
    return int(module("roofline").main())


@pytest.mark.usefixtures("tiny")
def test_a_run_is_told_drawn_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    files = ("--json", str(tmp_path / "r.json"), "--picture", str(tmp_path / "r.png"))
    assert run(monkeypatch, "--threads", "2", "--repeats", "1", *files) == 0
    facts = json.loads((tmp_path / "r.json").read_text())
    rows = facts["rows"]
    assert [row["pass"] for row in rows] == [*PASSES, FORWARD, OF_INPUT, FORWARD, "gradients"]
    for row in rows:
        assert row["milliseconds"] > 0
        share = row["least_milliseconds"][row["binds"]] / row["milliseconds"]
        assert row["share"] == pytest.approx(share)
    assert [b["bytes"] for b in facts["bandwidth"]] == [98_304, 196_608, 294_912]
    assert all(b[kind] > 0 for b in facts["bandwidth"] for kind in ("read", "write", "both"))
    told = capsys.readouterr().out
    assert "working set, MB" in told
    assert all(name in told for name in ("plain", "pool", "norm", "two passes"))
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("tiny")
def test_json_may_be_all_that_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--only", "pool", "--repeats", "1", "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["name"] for row in rows} == {"pool"}


@pytest.mark.usefixtures("tiny")
def test_what_is_not_there_is_said_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "--only", "nothing")
    assert "no layer has nothing in its name" in capsys.readouterr().err
    assert run(monkeypatch, "--json", "/no/such/folder/r.json") == 2
    assert "there is no folder /no/such/folder" in capsys.readouterr().err
