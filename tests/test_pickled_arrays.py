"""Pickles of NumPy arrays and plain data: read as data, refused by name."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pickle
from typing import Any

import numpy as np
import pytest

from convlet.errors import FormatError
from convlet.io import pickled_arrays, pickles
from torch_files import whole


class Payload:
    """What an attacker would have run."""

    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_arrays_are_read_equal(protocol: int) -> None:
    value = {
        "data": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "labels": [1, 2],
        "name": "batch",
        "bytes": b"\x00\xff",
        "nothing": np.zeros((0, 2), np.float32),
        "one": np.float64(1.5),
    }
    read = pickled_arrays.load_arrays(pickle.dumps(value, protocol))
    assert list(read) == list(value)
    for key, wanted in value.items():
        np.testing.assert_array_equal(read[key], wanted, err_msg=key)
    shared = pickled_arrays.load_arrays(pickle.dumps([value["data"]] * 2, protocol))
    assert shared[0] is shared[1]


def test_a_batch_of_python_2_is_read() -> None:
    # {"data": an array of uint8 (2,)} as Python 2 wrote CIFAR's batches: bytes are texts.
    batch = (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89U\x02\x07\xfftbs."
    )
    read = pickled_arrays.load_arrays(batch)
    np.testing.assert_array_equal(read["data"], np.array([7, 255], np.uint8), strict=True)


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("of O8", np.array([None])),
        ("of U1", np.array(["a"])),
        ("of c8", np.zeros(2, np.complex64)),
        ("of V4|asks for", np.zeros(2, [("a", "<f4")])),
        (r"asks for (posix|nt)\.system", Payload()),
        ("asks for datetime", dt.date(2020, 1, 1)),
    ],
    ids=str,
)
def test_other_pickles_are_refused_by_name(message: str, value: object) -> None:
    for protocol in (2, 4):
        with pytest.raises(FormatError, match=message):
            pickled_arrays.load_arrays(pickle.dumps({"a": value}, protocol))


@pytest.mark.parametrize("extent", [4, 2**62, 2**64, -1], ids=str)
def test_an_array_that_does_not_fit_its_bytes_is_refused(extent: int) -> None:
    good = pickle.dumps(np.zeros(3, np.uint8), 4)
    frame = good.index(b"K\x03\x85")  # the shape, (3,)
    bad = b"\x80\x04" + good[11:frame] + whole(extent) + good[frame + 2 :]
    with pytest.raises(FormatError, match="it has an array of shape"):
        pickled_arrays.load_arrays(bad)


def test_a_pickle_of_a_cut_or_flipped_kind_never_raises_anything_else() -> None:
    whole_file = pickle.dumps({"a": np.arange(3), "b": [1, (2, "c")]}, 2)
    for place in range(len(whole_file)):
        for changed in (whole_file[:place], whole_file[:place] + b"\xd3" + whole_file[place + 1 :]):
            with contextlib.suppress(FormatError):
                pickled_arrays.load_arrays(changed)


def test_numbers_and_texts_alone_need_no_globals() -> None:
    value = {"a": [1, 2.5, True, None, "ü", b"b", (1, (2,))], 3: {}}
    for protocol in range(3, 6):
        assert pickles.load(pickle.dumps(value, protocol)) == value
