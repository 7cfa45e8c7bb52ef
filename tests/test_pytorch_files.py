"""PyTorch's files: read as data whatever they hold, refused by name, never run."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bad_files import ATTACKS, BROKEN, GOOD, ONE, safetensors_file
from convlet import io
from convlet.errors import FormatError
from subprocesses import output_of
from torch_files import (
    legacy,
    legacy_tensor,
    state,
    text,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(("message", "make"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_bad_files_are_refused_by_name_and_not_run(
    message: str, make: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pickle.Unpickler", None)
    make(tmp_path / "bad.pth")
    with pytest.raises(FormatError, match=message) as error:
        io.load(tmp_path / "bad.pth")
    assert "bad.pth" in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.pth"]


@pytest.mark.parametrize(("message", "content"), BROKEN, ids=str)
def test_bad_safetensors_are_refused(message: str, content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        io.load(path)
    assert "bad.safetensors" in str(error.value)


def refused(path: Path) -> bool:
    try:
        io.load(path)
    except FormatError:
        return True
    return False


def test_over_a_hundred_bad_files_are_refused_and_none_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process, which keeps its modules and writes nothing."""
    pytest.importorskip("safetensors.numpy")
    for index, (_, _, make) in enumerate(ATTACKS):
        make(tmp_path / f"{index:02d}.pth")
    for index, (_, content) in enumerate(BROKEN):
        (tmp_path / f"{index:02d}.safetensors").write_bytes(content)
    paths = sorted(tmp_path.iterdir())
    assert len({(path.suffix, path.read_bytes()) for path in paths}) == 101
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    assert [path.name for path in paths if not refused(path)] == []
    assert sorted(tmp_path.iterdir()) == paths  # no payload left its file "executed"
    assert {name for name in set(sys.modules) - before if not name.startswith("convlet")} == set()


def test_the_good_file_of_which_the_bad_ones_are_made_is_read(tmp_path: Path) -> None:
    for name, make in (("zip", zipped), ("legacy", partial(legacy, count=4))):
        path = tmp_path / f"{name}.pt"
        make(path, GOOD if name == "zip" else state(text("w"), legacy_tensor()))
        np.testing.assert_array_equal(io.load(path)["w"], [[1, 2], [3, 4]], strict=False)
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors_file(b'{"w":' + ONE + b"}"))
    pytest.importorskip("safetensors")
    np.testing.assert_array_equal(io.load(path)["w"], [1, 2, 3, 4])


def test_big_endian_files_are_read(tmp_path: Path) -> None:
    zipped(tmp_path / "x.pt", GOOD, {"0": np.arange(4, dtype=">f4").tobytes()},
           {"archive/byteorder": b"big"})  # fmt: skip
    np.testing.assert_array_equal(io.load(tmp_path / "x.pt")["w"], [[0, 1], [2, 3]])


@pytest.mark.parametrize("make", [zipped, legacy], ids=["zip", "legacy"])
def test_any_flipped_bit_gives_arrays_or_a_format_error(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    make(path, GOOD if make is zipped else state(text("w"), legacy_tensor()))
    content = path.read_bytes()
    refused = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x21]) + content[place + 1 :])
        try:
            assert all(array.size <= 4 for array in io.load(path).values())
        except FormatError:
            refused += 1
    assert refused > len(content) / 3


@pytest.mark.parametrize("make", [zipped, legacy], ids=["zip", "legacy"])
def test_a_file_cut_anywhere_is_a_format_error(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    make(path, GOOD if make is zipped else state(text("w"), legacy_tensor()))
    content = path.read_bytes()
    for length in range(0, len(content), 3):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            io.load(path)


DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8")


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_what_torch_saves_is_read_equal(zip_format: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    made = {
        name: torch.arange(-3, 3).reshape(2, 3).to(getattr(torch, name))
        for name in (*DTYPES, "bool", "uint16", "uint32")
    }
    base = torch.arange(12.0).reshape(3, 4)
    made.update(whole=base, turned=base.T, part=base[1:, ::2], one=torch.tensor(3.5))
    made.update(empty=torch.zeros(0, 3), weight=torch.nn.Parameter(torch.ones(2, 2)))
    path = tmp_path / "x.pth"
    torch.save({"state_dict": made, "epoch": 7, "more": [1.5, ("a", None)]}, path,
               _use_new_zipfile_serialization=zip_format)  # fmt: skip
    everything = io.read_pytorch(path)
    assert everything["more"] == [1.5, ("a", None)]
    arrays, texts = io.read(path)
    assert texts == {"epoch": "7"}
    for name, value in made.items():
        wanted = value.detach()
        wanted = (wanted.float() if name in ("float16", "bfloat16") else wanted).numpy()
        assert arrays[name].dtype == wanted.dtype, name
        np.testing.assert_array_equal(arrays[name], wanted, err_msg=name)
    assert np.shares_memory(arrays["whole"], arrays["part"])
    assert arrays["whole"].flags.writeable


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_a_saved_model_is_refused_by_the_name_of_its_class(
    zip_format: bool, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    path = tmp_path / "x.pth"
    torch.save(torch.nn.Linear(2, 1), path, _use_new_zipfile_serialization=zip_format)
    with pytest.raises(FormatError, match=r"x\.pth: it asks for torch\.nn\.modules\.linear\.Lin"):
        io.load(path)


def test_torch_loads_what_we_save_as_safetensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    library = pytest.importorskip("safetensors.torch")
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    torch.save(theirs.state_dict(), tmp_path / "x.pth")
    state_dict = io.load(tmp_path / "x.pth")
    io.save(state_dict, tmp_path / "x.safetensors")
    loaded = library.load_file(tmp_path / "x.safetensors")
    theirs.load_state_dict(loaded)
    assert {k: v.dtype for k, v in loaded.items()} == {
        k: v.dtype for k, v in theirs.state_dict().items()
    }
    half = {"w": torch.arange(6.0).reshape(2, 3).to(torch.bfloat16), "v": torch.ones(2)}
    library.save_file(half, tmp_path / "half.safetensors")
    np.testing.assert_array_equal(io.load(tmp_path / "half.safetensors")["w"], half["w"].float())


def test_reading_needs_neither_torch_nor_pickle(tmp_path: Path) -> None:
    zipped(tmp_path / "x.pth", GOOD)
    code = f"""
    import sys
    import pickle
    pickle.Unpickler = pickle.loads = pickle.load = None
    from convlet import io
    print(io.load({str(tmp_path / "x.pth")!r})["w"].tolist(), "torch" in sys.modules)
    """
    assert output_of(code) == "[[1.0, 2.0], [3.0, 4.0]] False"
