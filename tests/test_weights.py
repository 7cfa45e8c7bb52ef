"""Files of named arrays: round trips, damage, and what a crash leaves."""

from __future__ import annotations

import io as stdio
import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import Tensor, io, nn
from convlet.errors import FormatError
from convlet.io import npz

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIXES = [".npz", ".safetensors"]


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "conv.weight": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "transposed": rng.normal(size=(5, 7)).astype(np.float32).T,
        "count": np.array(7, np.int64),
        "empty": np.zeros((0, 3), np.float32),
        "mask": np.array([True, False]),
        "big-endian": np.arange(3, dtype=">f4"),
        "häufig/../../x": np.array([np.nan, np.inf, -0.0], np.float32),
    }


def test_round_trip_keeps_names_shapes_types_and_bits(path: Path) -> None:
    io.save(arrays(), path, {"epoch": "3", "naïve": "ja"})
    loaded, metadata = io.read(path)
    assert metadata == {"epoch": "3", "naïve": "ja"}
    assert set(loaded) == set(arrays())
    for name, array in arrays().items():
        assert loaded[name].shape == array.shape, name
        assert loaded[name].dtype == array.dtype.newbyteorder("="), name
        assert loaded[name].flags.writeable
        assert loaded[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes(), name
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_model_goes_through_a_file(path: Path) -> None:
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    io.save(a.state_dict(), path)
    b.load_state_dict(io.load(path))
    x = Tensor(np.ones((1, 3)))
    np.testing.assert_array_equal(a(x).data, b(x).data)


def test_every_flipped_byte_of_the_values_is_noticed(path: Path) -> None:
    io.save({"w": np.arange(64, dtype=np.float32)}, path)
    whole = path.read_bytes()
    place = whole.index(np.array([30, 31, 32], np.float32).tobytes())
    for offset in range(0, 12, 3):
        path.write_bytes(whole[: place + offset] + b"\xa5" + whole[place + offset + 1 :])
        with pytest.raises(FormatError, match=r"damaged|not a whole"):
            io.load(path)


def test_any_flipped_bit_gives_the_same_arrays_or_a_format_error(path: Path) -> None:
    state = {"w": np.arange(8, dtype=np.float32), "b": np.zeros(2, np.float32)}
    io.save(state, path, {"note": "x"})
    whole = path.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            loaded = io.load(path)
        except FormatError:
            noticed += 1
        else:
            assert {name: array.tolist() for name, array in loaded.items()} == {
                name: array.tolist() for name, array in state.items()
            }, place
    # The name of safetensors' metadata may change: only a checkpoint must have a checksum.
    assert noticed == len(whole) if path.suffix == ".npz" else noticed > len(whole) / 2


def test_a_seal_is_wanted_where_asked_for(path: Path, tmp_path: Path) -> None:
    io.save({"w": np.arange(8, dtype=np.float32)}, path, {"note": "x"})
    whole = path.read_bytes()
    assert io.read(path, sealed=True)[1] == {"note": "x"}
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, w=np.arange(8))
    with pytest.raises(FormatError, match=r"foreign\.npz has no checksum"):
        io.read(foreign, sealed=True)
    for changed in (whole + b"x", b"x" + whole, whole.replace(b"sha256", b"sha257")):
        path.write_bytes(changed)
        with pytest.raises(FormatError, match=path.name):
            io.read(path, sealed=True)


def test_a_file_cut_anywhere_is_a_format_error(path: Path) -> None:
    io.save({"w": np.arange(8, dtype=np.float32)}, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"not a whole|damaged"):
            io.load(path)


def member(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def huge(shape: str, kind: str = "<f4") -> bytes:
    return member(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n", b"1234")


@pytest.mark.parametrize(
    "content",
    [
        huge("(1000000000000,)"),
        huge("(4294967296, 4294967296, 4294967296)"),
        huge("(-1,)"),
        huge("(0, -1)"),
        huge("(1,) + (1,)"),
        huge(str((1,) * 40).replace(" ", "")),
        huge("(2,)"),
        huge("(0,)"),
        huge("()", "|O"),
        huge("()", "<U1"),
        huge("()", "<c8"),
        huge("()", "V4"),
        member("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}\n", b"1234"),
        member("__import__('os').system('true')\n"),
        member("(" * 3000 + "\n"),
        member("{" * 9000 + "\n"),
        member(" " * 20000 + "\n"),
        b"\x93NUMPY\x09\x00",
        b"\x80\x04]\x94.",
        b"",
    ],
    ids=lambda content: repr(content[:60]),
)
def test_an_npz_member_that_lies_is_a_format_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", content)
    with pytest.raises(FormatError, match=r"x\.npz: w\.npy "):
        io.load(path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    buffer = stdio.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", buffer.getvalue())
    with pytest.raises(FormatError, match="must hold plain numbers"):
        io.load(path)


def test_duplicate_and_foreign_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for names in (["w.npy", "w.npy"], ["w.npy", "readme.txt"]):
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                archive.writestr(name, huge("(1,)"))
        with pytest.raises(FormatError, match="has a member"):
            io.load(path)


def test_a_bomb_is_refused_by_its_claim(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", huge("(1,)"))
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.infolist()[0].file_size.to_bytes(4, "little")
    directory = whole.index(b"PK\x01\x02")
    place = whole.index(size, directory)
    whole[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="claims to unpack to 2147483648 bytes"):
        io.load(path)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"{", b"[]", b'{"a": 1}', b"\xff"], ids=lambda t: t[:5]
)
def test_metadata_that_cannot_be_read_is_a_format_error(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    buffer = stdio.BytesIO()
    np.save(buffer, np.frombuffer(text, np.uint8))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{npz.METADATA}.npy", buffer.getvalue())
        archive.comment = npz.METADATA.encode()
    with pytest.raises(FormatError, match="metadata that cannot be read"):
        io.load(path)


def test_files_of_other_programs_load_without_a_checksum(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", w=np.arange(1000.0), f=np.asfortranarray(np.eye(3)))
    loaded = io.load(tmp_path / "x.npz")
    np.testing.assert_array_equal(loaded["w"], np.arange(1000.0))
    np.testing.assert_array_equal(loaded["f"], np.eye(3))
    library = pytest.importorskip("safetensors.numpy")
    library.save_file({"w": np.arange(4.0)}, tmp_path / "x.safetensors")
    np.testing.assert_array_equal(io.load(tmp_path / "x.safetensors")["w"], np.arange(4.0))


def test_numpy_reads_what_we_write(tmp_path: Path) -> None:
    io.save(arrays(), tmp_path / "x.npz", {"a": "b"})
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["conv.weight"], arrays()["conv.weight"])
        assert json.loads(file[npz.METADATA].tobytes())["a"] == "b"


@pytest.mark.parametrize(
    ("state", "name", "metadata", "error"),
    [
        ({"w": np.ones(1)}, "x.pt", None, ValueError),
        ({"w": np.ones(1)}, "x", None, ValueError),
        ({"w": np.array([1j])}, "x.npz", None, TypeError),
        ({"w": np.array([None])}, "x.npz", None, TypeError),
        ({"w": "text"}, "x.npz", None, TypeError),
        ({1: np.ones(1)}, "x.npz", None, TypeError),
        ({"__convlet__": np.ones(1)}, "x.npz", None, TypeError),
        ({"w": np.ones(1)}, "x.npz", {"a": 1}, TypeError),
        ({"w": np.ones(1)}, "x.npz", {"convlet.sha256": "1"}, ValueError),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(
    state: Any, name: str, metadata: Any, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error, match=r"^save: "):
        io.save(state, tmp_path / name, metadata)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_an_os_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        io.load(path)


def test_without_the_library_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (
        lambda: io.save({}, tmp_path / "x.safetensors"),
        lambda: io.load(tmp_path / "x.safetensors"),
    ):
        with pytest.raises(ImportError, match=r'pip install "convlet\[safetensors\]"'):
            call()


@pytest.mark.parametrize(
    ("path", "fails"),
    [
        (".npz", "write"),  # safetensors writes to memory
        *((suffix, step) for suffix in SUFFIXES for step in ("fsync", "replace")),
    ],
    indirect=["path"],
)
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(
    path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    io.save({"w": np.zeros(3)}, path)
    before = path.read_bytes()

    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    targets: dict[str, Callable[[], None]] = {
        "write": lambda: monkeypatch.setattr("convlet.io.npz.np.lib.format.write_array", full),
        "fsync": lambda: monkeypatch.setattr("convlet.io.atomic.os.fsync", full),
        "replace": lambda: monkeypatch.setattr(Path, "replace", full),
    }
    targets[fails]()
    with pytest.raises(OSError, match="No space left"):
        io.save({"w": np.ones(3)}, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_process_killed_while_saving_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    io.save({"w": np.full(200_000, -1.0)}, path)
    script = (
        "import sys, numpy as np\nfrom convlet import io\n"
        "for i in range(10**6):\n"
        f"    io.save({{'w': np.full(200_000, float(i))}}, {str(path)!r})\n"
        "    print(i, flush=True)\n"
    )
    for saves in (1, 3):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(saves):
            child.stdout.readline()
        child.kill()
        child.wait()
        child.stdout.close()
        values = np.unique(io.load(path)["w"])
        assert values.size == 1
        assert values[0] >= saves - 1
