"""What a `Tensor` is to others: a NumPy array, a Python number, text, a copy, a pickle, DLPack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.autograd import Variable, record

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor


class Exchange(Variable):
    """Conversions of tensors."""

    __slots__ = ()

    def __repr__(self) -> str:
        """As NumPy's."""
        text = np.array2string(self.data, separator=", ", prefix="Tensor(")
        return f"Tensor({text}{', requires_grad=True' if self.requires_grad else ''})"

    def __format__(self, spec: str) -> str:
        """A single number by a format such as `.3f`; else as `str`."""
        return (
            format(self.item(), spec) if spec and self.data.size == 1 else format(str(self), spec)
        )

    # --- numbers and arrays ----------------------------------------------------------------------

    def item(self) -> float:
        """A single number as a float."""
        if self.data.size != 1:
            raise ValueError(f"item: only a single number has a value, got shape {self.data.shape}")
        return float(self.data.item())

    def __bool__(self) -> bool:
        """The truth of a single number."""
        return bool(self.item())

    def __float__(self) -> float:
        """A single number as a float."""
        return self.item()

    def __int__(self) -> int:
        """A single number, cut to an int."""
        return int(self.item())

    def numpy(self) -> Array:
        """The array itself, not a copy."""
        return self.data

    def tolist(self) -> Any:
        """The numbers in nested lists; a float if there are no dimensions."""
        return self.data.tolist()

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The numbers, for NumPy."""
        if dtype is not None and np.dtype(dtype) != self.data.dtype:
            if copy is False:
                raise ValueError(f"Tensor: float32 numbers become {np.dtype(dtype)} only by a copy")
            return self.data.astype(dtype)
        return self.data.copy(order="K") if copy else self.data

    # --- other libraries -------------------------------------------------------------------------

    def __dlpack__(self, **options: Any) -> Any:
        """The numbers for another library, shared: `torch.from_dlpack(x)`, `jax.numpy.from_dlpack(x)`.

        Raises:
            BufferError: the tensor requires a gradient, which would be lost: use `detach()`.
        """
        if self.requires_grad:
            raise BufferError("Tensor: DLPack carries no gradients; share x.detach()")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU, for DLPack."""
        return self.data.__dlpack_device__()

    # --- copies ----------------------------------------------------------------------------------

    def clone(self) -> Tensor:
        """A copy; gradients pass.

        Example:
            >>> import convlet as cl
            >>> x = cl.zeros(1)
            >>> y = x.clone()
            >>> y += 1
            >>> x.item(), y.item()
            (0.0, 1.0)
        """
        return record(self.data.copy(order="K"), (self,), lambda dy: (dy,))

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A leaf with copied numbers and gradient."""
        self._refuse_history("deepcopy")
        copied = _rebuilt(type(self), self.data.copy(order="K"), self.requires_grad)
        memo[id(self)] = copied
        if self.grad is not None:
            copied.grad = self.detached(self.grad.data.copy(order="K"))
        return copied

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[type[Any], Array, bool]]:
        """The numbers of a leaf and whether it is trained; not its gradient, nor its hooks."""
        self._refuse_history("pickle")
        return _rebuilt, (type(self), self.data, self.requires_grad)

    def _refuse_history(self, what: str) -> None:
        if self.node is not None:
            raise RuntimeError(
                f"{what}: the result of an operation cannot take its history along; "
                "use x.detach() or x.clone().detach()"
            )


def _rebuilt(kind: type[Any], data: Array, requires_grad: bool) -> Tensor:
    tensor: Tensor = object.__new__(kind)
    tensor.data, tensor.requires_grad = data, requires_grad
    tensor.grad = tensor.node = tensor.hooks = None
    return tensor
