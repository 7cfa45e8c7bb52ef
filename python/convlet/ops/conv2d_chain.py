"""Convolutions that follow one another, computed band by band where that keeps memory out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from convlet import _core
from convlet.ops._arguments import borders, describe, float32, integer, pair, real
from convlet.ops.conv2d import PackedWeight, check_packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from convlet.ops._arguments import Activation, Array

    # What `_core` takes of a link: mean, variance, weight, bias and eps of its normalisation; and
    # weight, bias, stride, padding, dilation, groups, activation, scale, norm, packed, version.
    NormArguments: TypeAlias = tuple[Array, Array, Array | None, Array | None, float]
    LinkArguments: TypeAlias = tuple[
        Array,
        Array | None,
        Sequence[int],
        Sequence[int],
        Sequence[int],
        int,
        Activation,
        Array | None,
        NormArguments | None,
        PackedWeight | None,
        int | None,
    ]

__all__ = ["ConvLink", "conv2d_chain"]


class ConvLink(NamedTuple):
    """A convolution of a chain; what its fields are, `conv2d` says of its arguments.

    In place of `scale`, `norm` may be (mean, variance, weight, bias, eps), those of a batch
    normalisation in evaluation (`batch_norm_scale_shift`), which follows the bias.
    """

    weight: Array
    bias: Array | None = None
    stride: int | Sequence[int] = 1
    padding: int | Sequence[int] = 0
    dilation: int | Sequence[int] = 1
    groups: int = 1
    activation: Activation = "none"
    scale: Array | None = None
    norm: tuple[Array, Array, Array | None, Array | None, float] | None = None
    packed: PackedWeight | None = None
    version: int | None = None


def conv2d_chain(x: Array, links: Iterable[ConvLink], *, residual: Array | None = None) -> Array:
    """`conv2d` of `conv2d` of …, to the bit.  (N, C, H, W) -> (N, K, I, J).

    Where neighbours are 1x1 or depthwise, as in inverted residuals, and what is between them is
    larger than the L2 of a core, each task computes bands of a few rows through all of them, so that
    it stays there (depth-first, Alwani et al. 2016, "Fused-layer CNN accelerators"). Nothing is kept
    for gradients.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        links: the convolutions, the first of which takes x.
        residual: (N, K, I, J), added before the last activation, or None.

    Returns:
        What the last link gives; channels are innermost in memory.

    Raises:
        TypeError: an array is not float32, or an argument is not an int.
        ValueError: the shapes do not fit together, or there is no link.

    Example:
        >>> import numpy as np
        >>> x = np.ones((1, 1, 2, 2), np.float32)
        >>> widen = ConvLink(np.ones((2, 1, 1, 1), np.float32), activation="relu")
        >>> mix = ConvLink(np.ones((1, 2, 2, 2), np.float32))
        >>> conv2d_chain(x, [widen, mix])
        array([[[[8.]]]], dtype=float32)
    """
    op = "conv2d_chain"
    return _core.conv2d_chain(
        float32(x, op, "x"),
        [_checked(link, f"{op}, link {i}") for i, link in enumerate(links)],
        None if residual is None else float32(residual, op, "residual"),
    )


def _checked(link: ConvLink, op: str) -> LinkArguments:
    weight, bias, stride, padding, dilation, groups, activation, scale, norm, packed, version = link
    check_packed(packed, op)
    return (
        float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        pair(stride, op, "stride"),
        borders(padding, op),
        pair(dilation, op, "dilation"),
        integer(groups, op, "groups"),
        activation,
        None if scale is None else float32(scale, op, "scale"),
        None if norm is None else _checked_norm(norm, op),
        packed,
        None if version is None else integer(version, op, "version"),
    )


def _checked_norm(norm: object, op: str) -> NormArguments:
    if not isinstance(norm, tuple) or len(norm) != 5:
        raise TypeError(
            f"{op}: norm must be (mean, variance, weight, bias, eps) or None, got {describe(norm)}"
        )
    mean, variance, weight, bias, eps = norm
    return (
        float32(mean, op, "norm's mean"),
        float32(variance, op, "norm's variance"),
        None if weight is None else float32(weight, op, "norm's weight"),
        None if bias is None else float32(bias, op, "norm's bias"),
        real(eps, op, "norm's eps"),
    )
