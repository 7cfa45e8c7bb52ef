"""Convolution of lines and of volumes, on tensors: both are convolutions of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._views import as_image, as_line
from convlet.nn.functional.conv import conv2d
from convlet.nn.functional.padding import pad
from convlet.ops._arguments import numbers
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["conv1d", "conv3d"]


def conv1d(
    input: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike,
    bias: Tensor | npt.ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate lines with kernels: images of one row.  (N, C, L) -> (N, K, J).

    Args:
        input: lines (N, C, L).
        weight: kernels (K, C / groups, S).
        bias: one number per output channel, or None.
        stride: step of the window.
        padding: zeros on each side, "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> conv1d(np.ones((1, 2, 9)), np.ones((3, 2, 3)), padding=1).shape
        (1, 3, 9)
    """
    x, w = as_image(as_tensor(input), "conv1d"), as_tensor(weight)
    if w.ndim != 3:
        raise ValueError(f"conv1d: weight must have 3 dimensions, got shape {w.shape}")
    (step,) = numbers(stride, 1, "conv1d", "stride")
    (gap,) = numbers(dilation, 1, "conv1d", "dilation")
    border = padding if isinstance(padding, str) else numbers(padding, 1, "conv1d", "padding")
    y = conv2d(
        x,
        as_image(w, "conv1d"),
        optional_tensor(bias),
        (step if border == "same" else 1, step),
        border if isinstance(border, str) else (0, *border),
        (1, gap),
        groups,
    )
    return as_line(y)


def conv3d(
    input: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike,
    bias: Tensor | npt.ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate volumes with kernels.  (N, C, D, H, W) -> (N, K, E, I, J).

    A loop over the depth of the kernel: each of its planes is a `conv2d` of all slices that it
    meets, which adds to what the planes before have given.

    Args:
        input: volumes (N, C, D, H, W).
        weight: kernels (K, C / groups, Q, R, S).
        bias: one number per output channel, or None.
        stride: step of the window.
        padding: zeros on each side, "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> conv3d(np.ones((1, 2, 5, 6, 7)), np.ones((3, 2, 3, 3, 3)), padding=1).shape
        (1, 3, 5, 6, 7)
    """
    op = "conv3d"
    x, w, b = as_tensor(input), as_tensor(weight), optional_tensor(bias)
    for name, tensor in (("input", x), ("weight", w)):
        if tensor.ndim != 5:
            raise ValueError(f"{op}: {name} must have 5 dimensions, got shape {tensor.shape}")
    steps, gaps = numbers(stride, 3, op, "stride"), numbers(dilation, 3, op, "dilation")
    if min(*steps, *gaps, *w.shape[2:]) < 1:
        raise ValueError(
            f"{op}: stride, dilation and kernel must be at least 1, "
            f"got {steps}, {gaps} and {w.shape[2:]}"
        )
    x, borders = _padded(x, w, padding, steps, gaps)
    n, _, depth, height, width = x.shape
    planes = w.shape[2]
    out = (depth - gaps[0] * (planes - 1) - 1) // steps[0] + 1
    if out < 1:
        raise ValueError(f"{op}: a kernel of depth {planes} does not fit into {depth} slices")
    y: Tensor | None = None
    for plane in range(planes):
        first = plane * gaps[0]
        slices = x[:, :, first : first + (out - 1) * steps[0] + 1 : steps[0]]
        y = conv2d(
            slices.permute(0, 2, 1, 3, 4).reshape(n * out, x.shape[1], height, width),
            w[:, :, plane],
            b if plane == 0 else None,
            steps[1:],
            borders,
            gaps[1:],
            groups,
            residual=y,
        )
    assert y is not None
    return y.reshape(n, out, *y.shape[1:]).permute(0, 2, 1, 3, 4)


def _padded(
    x: Tensor,
    weight: Tensor,
    padding: str | int | Sequence[int],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Tensor, tuple[int, int]]:
    """The volume with zeros before and behind it, and the border that `conv2d` is to add."""
    if not isinstance(padding, str):
        before, h, w = numbers(padding, 3, "conv3d", "padding")
        return (pad(x, (0, 0, 0, 0, before, before)) if before else x), (h, w)
    if padding not in ("same", "valid"):
        raise ValueError(
            f'conv3d: padding must be numbers, "same" or "valid", got "{padding[:40]}"'
        )
    if padding == "valid":
        return x, (0, 0)
    if stride != (1, 1, 1):
        raise ValueError(f'conv3d: padding "same" needs stride 1, got {stride}')
    totals = [gap * (taps - 1) for gap, taps in zip(dilation, weight.shape[2:], strict=True)]
    border = [side for total in totals[::-1] for side in (total // 2, total - total // 2)]
    return pad(x, border), (0, 0)
