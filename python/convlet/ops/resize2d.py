"""Resizing images and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import flag, float32, pair, real, shape4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["resize2d", "resize2d_grad"]


def resize2d(
    x: Array,
    size: int | Sequence[int],
    mode: str = "nearest",
    align_corners: bool = False,
    scale_factor: tuple[float, float] | None = None,
) -> Array:
    """Make images of another size.  (N, C, H, W) -> (N, C, I, J).

    "nearest" takes pixel floor(i * H / I). "bilinear" weighs the four pixels around
    (i + 1/2) * H / I - 1/2, or around i * (H - 1) / (I - 1) with `align_corners`, where the centres
    of the outermost pixels meet; beyond the outermost centres it repeats them. These are PyTorch's
    rules; weights of 0 are left out, so that an infinity or NaN stays where it belongs.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        size: (I, J), or an int for both.
        mode: "nearest" or "bilinear".
        align_corners: which rule "bilinear" follows.
        scale_factor: two numbers that coordinates are divided by instead of by I / H and J / W,
            which differ where a scaled size was rounded; or None.

    Raises:
        TypeError: `x` is not float32, or an argument is not of its type.
        ValueError: an image has no pixel, a size is below 1, a factor is not positive, or the mode
            is unknown.

    Example:
        >>> import numpy as np
        >>> resize2d(np.float32([[[[1, 3]]]]), (1, 4), "bilinear").ravel()
        array([1. , 1.5, 2.5, 3. ], dtype=float32)
    """
    op = "resize2d"
    return _core.resize2d_forward(
        float32(x, op, "x"), pair(size, op, "size"), *_rule(op, mode, align_corners, scale_factor)
    )


def resize2d_grad(
    dy: Array,
    input_shape: Sequence[int],
    mode: str = "nearest",
    align_corners: bool = False,
    scale_factor: tuple[float, float] | None = None,
) -> Array:
    """Gradient of `resize2d`: the same weights, gathered by input pixel.  -> `input_shape`.

    Errors are as for `resize2d`.

    Example:
        >>> import numpy as np
        >>> resize2d_grad(np.float32([[[[1, 1, 1, 1]]]]), (1, 1, 1, 2), "bilinear").ravel()
        array([2., 2.], dtype=float32)
    """
    op = "resize2d_grad"
    return _core.resize2d_grad(
        float32(dy, op, "dy"),
        shape4(input_shape, op, "input_shape"),
        *_rule(op, mode, align_corners, scale_factor),
    )


def _rule(
    op: str, mode: object, align_corners: object, scale_factor: object
) -> tuple[str, bool, tuple[float, float] | None]:
    if not isinstance(mode, str):
        raise TypeError(f'{op}: mode must be "nearest" or "bilinear", got {mode!r}')
    aligned = flag(align_corners, op, "align_corners")
    if scale_factor is None:
        return mode, aligned, None
    if not isinstance(scale_factor, (tuple, list)) or len(scale_factor) != 2:
        raise TypeError(f"{op}: scale_factor must be two numbers or None, got {scale_factor!r}")
    h, w = scale_factor
    return mode, aligned, (real(h, op, "scale_factor"), real(w, op, "scale_factor"))
