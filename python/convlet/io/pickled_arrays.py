"""NumPy's arrays in pickles, as data sets ship them: which globals stand for what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError
from convlet.io.pickles import Pending, load

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ALLOWED", "load_arrays"]

MOST_RANK = 16


def load_arrays(data: bytes) -> Any:
    """The value of a pickle of plain data and NumPy arrays of numbers.

    Args:
        data: the pickle, of Python 2 or 3; texts of Python 2 are decoded as Latin-1.

    Raises:
        FormatError: the pickle is broken or asks for anything else, which the message names.

    Example:
        >>> import pickle
        >>> load_arrays(pickle.dumps({"labels": [1, 2], "data": np.arange(3, dtype=np.uint8)}))
        {'labels': [1, 2], 'data': array([0, 1, 2], dtype=uint8)}
    """
    return load(data, ALLOWED)


def _dtype(text: Any, *_: Any) -> Pending:
    if not isinstance(text, (str, bytes)):
        raise FormatError("it has a type without a name")
    name = text.decode("latin-1") if isinstance(text, bytes) else text
    if name[:1] not in tuple("buif") or not name[1:].isdigit() or len(name) > 3:
        raise FormatError(f"it has an array of {name[:30]}, not of plain numbers")

    def build(state: Any) -> np.dtype[Any]:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        order = order.decode("latin-1") if isinstance(order, bytes) else order
        if order not in ("<", ">", "|", "="):
            raise FormatError("it has a type without a byte order")
        return np.dtype(order + name)

    return Pending(build)


def _reconstruct(_kind: Any, _shape: Any, _code: Any) -> Pending:
    return Pending(lambda state: _array(*state[1:]) if isinstance(state, tuple) else _array())


def _array(
    shape: Any = None, dtype: Any = None, fortran: Any = None, values: Any = None
) -> npt.NDArray[Any]:
    order = "F" if fortran else "C"
    return _from_buffer(values, dtype, shape, order)


def _from_buffer(values: Any, dtype: Any, shape: Any, order: Any) -> npt.NDArray[Any]:
    if isinstance(values, str):  # bytes of Python 2
        values = values.encode("latin-1")
    if not isinstance(values, (bytes, bytearray)) or not isinstance(dtype, np.dtype):
        raise FormatError("it has an array without numbers")
    if not isinstance(shape, tuple) or len(shape) > MOST_RANK:
        raise FormatError(f"it has an array of shape {shape!r:.60}")
    if not all(type(n) is int and 0 <= n < 2**62 for n in shape) or order not in ("C", "F"):
        raise FormatError(f"it has an array of shape {shape!r:.60}")
    if math.prod(shape) * dtype.itemsize != len(values):
        raise FormatError(f"it has an array of shape {shape}, and {len(values)} bytes for it")
    array = np.frombuffer(values, dtype).reshape(shape, order=order)
    return array.astype(dtype.newbyteorder("="), order="C")


def _scalar(dtype: Any, values: Any) -> Any:
    return _from_buffer(values, dtype, (), "C")[()]


def _encode(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise FormatError("it encodes something in another way than Python's own pickles do")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """How Python 3 writes no bytes for Python 2."""
    return b""


ALLOWED: dict[str, Any] = {
    "__builtin__.bytes": _no_bytes,
    "numpy.dtype": _dtype,
    "numpy.ndarray": None,
    "_codecs.encode": _encode,
    **{
        f"numpy.{core}.{name}": function
        for core in ("core", "_core")
        for name, function in (
            ("multiarray._reconstruct", _reconstruct),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _from_buffer),
        )
    },
}
