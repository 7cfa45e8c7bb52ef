"""A graph that grows: nodes, constants, and the names of what flows between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from convlet.onnx.trace import Step
    from convlet.tensor import Tensor

__all__ = ["IMAGES", "Graph"]

IMAGES = "images"


def _repeats_one_row(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether two arrays are the same row, as often as there are images."""
    alike = a.ndim > 0 and a.shape[1:] == b.shape[1:]
    return alike and bool((a == b[:1]).all() and (b == a[:1]).all())


class Graph:
    """Nodes and constants of one network.

    Args:
        onnx: the module `onnx`.
        state: the names of parameters and buffers by the identity of their arrays.
    """

    def __init__(self, onnx: Any, state: Mapping[int, str]) -> None:
        """Nothing is in it yet."""
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}
        self._state = state
        self._names: dict[int, str] = {}  # by the identity of an array
        self._count = 0

    def call(self, tensor: Tensor, name: str) -> None:
        """Say that a tensor's array is what this name stands for."""
        self._names[id(tensor.data)] = name

    def knows(self, tensor: Tensor) -> bool:
        """Whether the tensor is the input, computed, or a constant already."""
        return id(tensor.data) in self._names

    def of(self, tensor: Tensor) -> str:
        """The name of what a tensor holds."""
        return self._names[id(tensor.data)]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation; gives the name of its result."""
        name = self._fresh(kind)
        made = self._onnx.helper.make_node(kind, inputs, [name], name=name, **attributes)
        self.nodes.append(made)
        return name

    def constant(self, values: npt.ArrayLike, kind: type = np.float32) -> str:
        """Add numbers; gives their name."""
        return self._keep(np.asarray(values, kind), self._fresh("constant"))

    def whole(self, values: Sequence[int]) -> str:
        """Add whole numbers, such as a shape."""
        return self.constant(values, np.int64)

    def array(self, array: npt.NDArray[Any]) -> str:
        """Add a parameter or a buffer under its name in the state, others under a new one."""
        return self._keep(array, self._state.get(id(array)) or self._fresh("constant"))

    def settle(self, step: Step) -> None:
        """Add what a step takes that no step computed: weights, and constants of the network.

        Raises:
            ValueError: it depends on the images in a way that is not traced.
        """
        assert step.other is not None
        for mine, others in zip(step.parents, step.other.parents, strict=True):
            if self.knows(mine):
                continue
            a, b = mine.data, others.data
            if id(a) in self._state or np.array_equal(a, b, equal_nan=True):
                self.call(mine, self.array(a))
            elif _repeats_one_row(a, b):
                self.call(mine, self._for_each_image(a[:1]))
            else:
                raise ValueError(
                    f"export: an operand of {step.name} depends on the images without having been "
                    "computed from them by tensors; NumPy inside forward cannot be exported"
                )

    def shape(self, step: Step) -> str:
        """The shape of what a step gives, for any number of images.

        Raises:
            ValueError: more than one extent depends on their number.
        """
        assert step.other is not None
        first, second = step.result.shape, step.other.result.shape
        moving = [
            axis for axis, n in enumerate(first) if len(first) != len(second) or n != second[axis]
        ]
        if len(moving) > 1:
            raise ValueError(
                f"export: {step.name} gives {first} for 2 images and {second} for 3; only one extent "
                "may depend on their number"
            )
        return self.whole([-1 if axis in moving else n for axis, n in enumerate(first)])

    def _for_each_image(self, row: npt.NDArray[Any]) -> str:
        """A constant repeated for as many images as there are."""
        count = self.node("Shape", IMAGES, start=0, end=1)
        shape = self.node("Concat", count, self.whole(row.shape[1:]), axis=0)
        return self.node("Expand", self.constant(row), shape)

    def _keep(self, array: npt.NDArray[Any], name: str) -> str:
        self.constants[name] = array
        return name

    def _fresh(self, word: str) -> str:
        self._count += 1
        return f"{word}_{self._count}"
