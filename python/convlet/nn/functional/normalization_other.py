"""Normalisation of each image, and by neighbouring channels, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional.normalization import batch_norm, group_norm
from convlet.ops._arguments import integer, ranked, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["instance_norm", "local_response_norm"]


def instance_norm(
    input: Tensor | npt.ArrayLike,
    running_mean: npt.NDArray[Any] | None = None,
    running_var: npt.NDArray[Any] | None = None,
    weight: Tensor | npt.ArrayLike | None = None,
    bias: Tensor | npt.ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image by itself.  (N, C, H, W) -> (N, C, H, W).

    Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022.

    Args:
        input: images.
        running_mean: (C,) array, moved towards the mean of the images' means, or None.
        running_var: (C,) array, moved towards the mean of their unbiased variances, or None.
        weight: scale of each channel, or None.
        bias: shift of each channel, or None.
        use_input_stats: False normalises by the running statistics instead.
        momentum: share of the batch in the running statistics.
        eps: added to the variance.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: the shapes do not fit together, an image has one pixel, or there are no running
            statistics to normalise by.

    Example:
        >>> instance_norm([[[[1.0, 3.0]]]], eps=0.0).flatten()
        Tensor([-1.,  1.])
    """
    op = "instance_norm"
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    x = as_tensor(input)
    _, channels, height, width = ranked(x.data, op, "input", 4).shape
    pixels = height * width
    if pixels < 2:
        raise ValueError(f"{op}: more than 1 pixel per image is needed, got shape {x.shape}")
    if running_mean is not None and running_var is not None and x.data.size:
        means, variances = ops.group_moments(x.data, channels)
        share = real(momentum, op, "momentum")
        for name, running in (("running_mean", running_mean), ("running_var", running_var)):
            if running.shape != (channels,):
                raise ValueError(f"{op}: {name} must have shape {(channels,)}, got {running.shape}")
        running_mean += share * (means.mean(axis=0) - running_mean)
        unbiased = variances.mean(axis=0) * (pixels / (pixels - 1))
        running_var += share * (unbiased - running_var)
    return group_norm(x, channels, weight, bias, eps)


def local_response_norm(
    input: Tensor | npt.ArrayLike,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
) -> Tensor:
    """X / (k + alpha / size * sum of x ** 2 over `size` neighbouring channels) ** beta.

    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", with PyTorch's division of alpha.

    Args:
        input: (N, C, …), channels in dimension 1.
        size: how many channels, of which size // 2 come before.
        alpha: factor of the mean square.
        beta: exponent.
        k: what keeps the divisor from 0.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: `size` is below 1, or there is no dimension of channels.

    Example:
        >>> local_response_norm([[2.0]], 1, alpha=1.0, beta=1.0, k=0.0).item()
        0.5
    """
    op = "local_response_norm"
    x, many = as_tensor(input), integer(size, op, "size")
    if many < 1:
        raise ValueError(f"{op}: size must be at least 1, got {many}")
    if x.ndim < 2:
        raise ValueError(f"{op}: input must have at least 2 dimensions, got shape {x.shape}")
    scale = np.float32(real(alpha, op, "alpha") / many)
    power, start = np.float32(real(beta, op, "beta")), np.float32(real(k, op, "k"))
    x_data, before = x.data, many // 2
    base = start + scale * _neighbours(x_data * x_data, before, many - 1 - before)
    factor: Array = base**-power

    def vjp(dy: Array) -> tuple[Array]:
        back = _neighbours(dy * x_data * factor / base, many - 1 - before, before)
        return (dy * factor - 2 * scale * power * x_data * back,)

    return record(x_data * factor, (x,), vjp)


def _neighbours(x: Array, before: int, after: int) -> Array:
    """The sum over channels c - before to c + after."""
    y = x.copy(order="K")
    channels = x.shape[1]
    for distance in range(1, min(max(before, after) + 1, channels)):
        if distance <= before:
            y[:, distance:] += x[:, : channels - distance]
        if distance <= after:
            y[:, : channels - distance] += x[:, distance:]
    return y
