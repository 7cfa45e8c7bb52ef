"""Where tensors and modules are, and of what kind: on the CPU, in float32. Nothing else is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class Placed:
    """The calls by which PyTorch's programs move things: here all is where it is wanted."""

    __slots__ = ()

    @property
    def device(self) -> str:
        """Always "cpu"."""
        return "cpu"

    def to(
        self,
        *args: Any,
        device: Any = None,
        dtype: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
    ) -> Self:
        """The same object, which is on the CPU and of float32 already.

        Args:
            args: "cpu", "float32", what another library calls so, or something of convlet.
            device: "cpu".
            dtype: "float32".
            non_blocking: without effect.
            copy: must be False; `clone()` copies.

        Raises:
            ValueError: another device or type is wanted, or a copy.

        Example:
            >>> import convlet as cl
            >>> x = cl.zeros(2)
            >>> x.to("cpu") is x
            True
        """
        for wanted in (*args, *(each for each in (device, dtype) if each is not None)):
            # numpy.float32 has a name, torch.float32 and "cpu:0" only their text.
            text = str(getattr(wanted, "__name__", wanted)).split(":")[0].split(".")[-1]
            if text not in {"cpu", "float32"} and not isinstance(wanted, Placed):
                raise ValueError(f"to: all is on the CPU and of float32, got {wanted!r:.60}")
        if copy:
            raise ValueError("to: copy must be False, use clone()")
        return self

    def cpu(self) -> Self:
        """The same object."""
        return self

    def float(self) -> Self:
        """The same object: numbers are float32 already."""
        return self
