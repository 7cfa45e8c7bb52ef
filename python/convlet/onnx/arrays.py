"""What tensors do with shapes, parts and numbers, as ONNX nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.onnx.graph import Graph
    from convlet.onnx.trace import Step

    Emit = Callable[[Graph, Step], str]

__all__ = ["ARRAYS"]

_END = 2**62


def same(kind: str, **attributes: Any) -> Emit:
    """The operator of one name, of all operands in their order."""
    return lambda g, s: g.node(kind, *(g.of(parent) for parent in s.parents), **attributes)


def _number(kind: str) -> Emit:
    """A tensor and a number."""
    return lambda g, s: g.node(kind, g.of(s["self"]), g.constant(s["other"]))


def _from_number(g: Graph, s: Step) -> str:
    return g.node("Sub", g.constant(s["other"]), g.of(s["self"]))


def reshaped(g: Graph, s: Step) -> str:
    """The same numbers in the shape of the result."""
    return g.node("Reshape", g.of(s.parents[0]), g.shape(s))


def _permuted(g: Graph, s: Step) -> str:
    return g.node("Transpose", g.of(s.parents[0]), perm=list(s["order"]))


def _exchanged(g: Graph, s: Step) -> str:
    order = list(range(s.parents[0].ndim))
    if s.name == "T":
        order.reverse()
    else:
        order[s["a"]], order[s["b"]] = order[s["b"]], order[s["a"]]
    return g.node("Transpose", g.of(s.parents[0]), perm=order)


def _expanded(g: Graph, s: Step) -> str:
    before = (1,) * (s.result.ndim - s.parents[0].ndim) + s.parents[0].shape
    wanted = [1 if a == b else b for a, b in zip(before, s.result.shape, strict=True)]
    return g.node("Expand", g.of(s.parents[0]), g.whole(wanted))


def _part(g: Graph, s: Step) -> str:
    index = s["index"] if isinstance(s["index"], tuple) else (s["index"],)
    if not all(i is None or i is ... or isinstance(i, (int, np.integer, slice)) for i in index):
        raise ValueError("export: indexing by arrays cannot be exported, only slices and integers")
    rank, taken = s.parents[0].ndim, sum(i is not None and i is not ... for i in index)
    rows: list[tuple[int, int, int, int]] = []  # start, end, axis, step
    axis = 0
    for i in index:
        if i is None:
            continue
        if i is ...:
            axis += rank - taken
            continue
        if not isinstance(i, slice):
            rows.append((int(i), int(i) + 1 if i != -1 else _END, axis, 1))
        elif i != slice(None):
            step = 1 if i.step is None else i.step
            start = i.start if i.start is not None else (0 if step > 0 else _END)
            end = i.stop if i.stop is not None else (_END if step > 0 else -_END)
            rows.append((start, end, axis, step))
        axis += 1
    part = g.of(s.parents[0])
    if rows:
        part = g.node("Slice", part, *(g.whole(column) for column in zip(*rows, strict=True)))
    whole = all(isinstance(i, slice) or i is ... for i in index)
    return part if whole else g.node("Reshape", part, g.shape(s))


def _joined(g: Graph, s: Step) -> str:
    return g.node("Concat", *(g.of(part) for part in s.parents), axis=s["along"])


def _stacked(g: Graph, s: Step) -> str:
    at = g.whole([s["along"]])
    return g.node(
        "Concat", *(g.node("Unsqueeze", g.of(part), at) for part in s.parents), axis=s["along"]
    )


def _alternating(g: Graph, s: Step) -> str:
    """Channels of two tensors in turn, as ShuffleNetV2 mixes them."""
    at = g.whole([2])
    pairs = [g.node("Unsqueeze", g.of(part), at) for part in s.parents]
    return g.node("Reshape", g.node("Concat", *pairs, axis=2), g.shape(s))


def _reduced(kind: str) -> Emit:
    return lambda g, s: g.node(
        kind, g.of(s.parents[0]), g.whole(s["dims"]), keepdims=int(s["keepdim"])
    )


def _clamped(g: Graph, s: Step) -> str:
    y = g.of(s.parents[0])
    for kind, bound in (("Max", s["low"]), ("Min", s["high"])):
        y = y if bound is None else g.node(kind, y, g.constant(bound))
    return y


def _square(g: Graph, s: Step) -> str:
    return g.node("Mul", g.of(s.parents[0]), g.of(s.parents[0]))


def _power(g: Graph, s: Step) -> str:
    return g.node("Pow", g.of(s.parents[0]), g.constant(s["exponent"]))


ARRAYS: dict[str, Emit] = {
    "add": same("Add"),
    "subtract": same("Sub"),
    "multiply": same("Mul"),
    "divide": same("Div"),
    "power": same("Pow"),
    "power_of_number": _power,
    "matrix_product": same("MatMul"),
    "__neg__": same("Neg"),
    "__add__": _number("Add"),
    "__sub__": _number("Sub"),
    "__mul__": _number("Mul"),
    "__truediv__": _number("Div"),
    "__rsub__": _from_number,
    "abs": same("Abs"),
    "exp": same("Exp"),
    "log": same("Log"),
    "sqrt": same("Sqrt"),
    "square": _square,
    "clamp": _clamped,
    "clone": same("Identity"),
    "sum": _reduced("ReduceSum"),
    "mean": _reduced("ReduceMean"),
    "prod": _reduced("ReduceProd"),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "reshape": reshaped,
    "flatten": reshaped,
    "squeeze": reshaped,
    "unsqueeze": reshaped,
    "as_shape": reshaped,
    "as_image": reshaped,
    "as_line": reshaped,
    "expand": _expanded,
    "permute": _permuted,
    "transpose": _exchanged,
    "T": _exchanged,
    "__getitem__": _part,
    "cat": _joined,
    "stack": _stacked,
    "_alternate": _alternating,
}
