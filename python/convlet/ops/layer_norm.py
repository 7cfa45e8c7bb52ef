"""Layer normalisation and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import extents, float32, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["layer_norm", "layer_norm_grad"]


def layer_norm(
    x: Array,
    normalized_shape: int | Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """Normalise the last dimensions by their own moments.  (…, F) -> (…, F), (…), (…).

    y = (x - mean) / sqrt(variance + eps) * weight + bias (Ba, Kiros and Hinton 2016, "Layer
    Normalization", arXiv:1607.06450). The variance is that of a second pass.

    Args:
        x: any shape that ends in `normalized_shape`, float32; C-contiguous memory is not copied.
        normalized_shape: the last dimensions, or an int for one.
        weight: array of that shape, or None for 1.
        bias: array of that shape, or None for 0.
        eps: added to the variance.

    Returns:
        y, C-contiguous, and for the gradient the mean and 1 / sqrt(variance + eps) of each row.

    Raises:
        TypeError: an array is not float32, or an argument is not of its type.
        ValueError: the shapes do not fit together, or there is nothing to normalise.

    Example:
        >>> import numpy as np
        >>> layer_norm(np.float32([[1, 3], [2, 2]]), 2, eps=1.0)[1:]
        (array([2., 2.], dtype=float32), array([0.70710677, 1.        ], dtype=float32))
    """
    op = "layer_norm"
    array = float32(x, op, "x")
    shape = extents(normalized_shape, op, "normalized_shape")
    if not shape or array.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{op}: x must end in normalized_shape {shape}, got an x of shape {array.shape}"
        )
    return _core.layer_norm_forward(
        array,
        len(shape),
        None if weight is None else float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        real(eps, op, "eps"),
    )


def layer_norm_grad(
    dy: Array, x: Array, mean: Array, inverse: Array, weight: Array | None = None
) -> tuple[Array, Array, Array]:
    """Gradients of `layer_norm` by its input, weight and bias.

    Args:
        dy: gradient of the output, of the shape of `x`.
        x: the forward's input.
        mean: as the forward gave it: its shape tells which dimensions were normalised.
        inverse: as the forward gave it.
        weight: the forward's.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.float32([[1, 3], [2, 5]])
        >>> dx, dweight, dbias = layer_norm_grad(np.ones_like(x), x, *layer_norm(x, 2)[1:])
        >>> dx, dbias
        (array([[0., 0.],
               [0., 0.]], dtype=float32), array([2., 2.], dtype=float32))
    """
    op = "layer_norm_grad"
    return _core.layer_norm_grad(
        float32(dy, op, "dy"),
        float32(x, op, "x"),
        float32(mean, op, "mean"),
        float32(inverse, op, "inverse"),
        None if weight is None else float32(weight, op, "weight"),
    )
