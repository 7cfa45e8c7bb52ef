"""Group normalisation and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, integer, real

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = ["group_moments", "group_norm", "group_norm_grad"]


def group_moments(x: Array, num_groups: int) -> tuple[Array, Array]:
    """Mean and biased variance of each group of channels of each image.  -> (N, G), (N, G).

    Moments of channels by two passes over a chunk of pixels, joined in double precision (Chan, Golub
    and LeVeque 1983), so that a mean far from zero costs no digits of the variance.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        num_groups: G, a divisor of C; a group is C / G neighbouring channels.

    Raises:
        TypeError: `x` is not float32, or `num_groups` is not an int.
        ValueError: `x` is not (N, C, H, W), has no pixel, or `num_groups` does not divide C.

    Example:
        >>> import numpy as np
        >>> group_moments(np.float32([[[[1]], [[3]]]]), 1)
        (array([[2.]], dtype=float32), array([[1.]], dtype=float32))
    """
    op = "group_moments"
    return _core.group_moments(float32(x, op, "x"), integer(num_groups, op, "num_groups"))


def group_norm(
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """(x - mean) / sqrt(variance + eps) * weight + bias, by the moments of each group.

    Wu and He 2018, "Group Normalization", arXiv:1803.08494, equation 1.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        mean: (N, G), from `group_moments`.
        variance: (N, G).
        weight: scale of each channel (C,), or None for 1.
        bias: shift of each channel (C,), or None for 0.
        eps: added to the variance.

    Raises:
        TypeError: an array is not float32, or `eps` is no number.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.float32([[[[1]], [[3]]]])
        >>> group_norm(x, *group_moments(x, 1), eps=0.0).ravel()
        array([-1.,  1.], dtype=float32)
    """
    op = "group_norm"
    return _core.group_norm_forward(
        float32(x, op, "x"),
        float32(mean, op, "mean"),
        float32(variance, op, "variance"),
        None if weight is None else float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        real(eps, op, "eps"),
    )


def group_norm_grad(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """Gradients of `group_norm` by its input, weight and bias; arguments are the forward's.

    Raises:
        TypeError: an array is not float32, or `eps` is no number.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.float32([[[[1]], [[3]]]])
        >>> dx, dweight, dbias = group_norm_grad(np.ones_like(x), x, *group_moments(x, 1))
        >>> dx.ravel(), dbias
        (array([0., 0.], dtype=float32), array([1., 1.], dtype=float32))
    """
    op = "group_norm_grad"
    return _core.group_norm_grad(
        float32(dy, op, "dy"),
        float32(x, op, "x"),
        float32(mean, op, "mean"),
        float32(variance, op, "variance"),
        None if weight is None else float32(weight, op, "weight"),
        real(eps, op, "eps"),
    )
