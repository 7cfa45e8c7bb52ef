"""Normalisation on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet._repeating import computes_again
from convlet.autograd import is_recorded, record
from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._views import as_shape, image_shape
from convlet.nn.functional.activation import BENDS
from convlet.ops._arguments import describe
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Activation, Array

__all__ = ["batch_norm", "group_norm", "layer_norm"]


def batch_norm(
    input: Tensor | npt.ArrayLike,
    running_mean: npt.NDArray[Any] | None = None,
    running_var: npt.NDArray[Any] | None = None,
    weight: Tensor | npt.ArrayLike | None = None,
    bias: Tensor | npt.ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    residual: Tensor | npt.ArrayLike | None = None,
    activation: Activation = "none",
    moments: Sequence[Array] | None = None,
) -> Tensor:
    """Normalise each channel over the batch, as in PyTorch.  (N, C, H, W) -> (N, C, H, W).

    Args:
        input: images; also rows (N, C), lines (N, C, L) and volumes (N, C, D, H, W).
        running_mean: (C,) array, used in evaluation and moved towards the batch's in training.
        running_var: (C,) array; the batch's unbiased variance moves it.
        weight: scale of each channel, or None.
        bias: shift of each channel, or None.
        training: whether to normalise by the batch's own mean and variance.
        momentum: share of the batch in the running statistics.
        eps: added to the variance.
        residual: images added before the activation, or None; convlet's addition, one pass for all.
        activation: "none", "relu", "relu6", "silu" or "hardswish", applied last; convlet's addition.
        moments: the batch's mean and biased variance of each channel (C,), (C,), where the convolution
            before has found them (`ops.conv2d_moments`); convlet's addition, for training.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: the shapes do not fit together, a training batch has one value per channel, or
            evaluation was asked for without running statistics.

    Example:
        >>> from convlet import Tensor
        >>> import numpy as np
        >>> x = Tensor(np.array([1.0, 3.0]).reshape(2, 1, 1, 1))
        >>> batch_norm(x, training=True, eps=0.0).flatten()
        Tensor([-1.,  1.])
    """
    x, w, b = as_tensor(input), optional_tensor(weight), optional_tensor(bias)
    more = optional_tensor(residual)
    if x.ndim in {2, 3, 5}:
        shape = image_shape(x.shape, "batch_norm")
        normalised = batch_norm(
            as_shape(x, shape),
            running_mean,
            running_var,
            w,
            b,
            training,
            momentum,
            eps,
            residual=None if more is None else as_shape(more, shape),
            activation=activation,
            moments=moments,
        )
        return as_shape(normalised, x.shape)
    epsilon = _number(eps, "eps")
    x_data, w_data = x.data, None if w is None else w.data
    b_data = None if b is None else b.data
    if training:
        mean, variance = _training_moments(x_data, moments)
        _update(running_mean, running_var, mean, variance, x_data, _number(momentum, "momentum"))
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm: evaluation needs running_mean and running_var, got None")
    else:
        # Copied, for later training moves them while a gradient may still want these.
        mean, variance = np.array(running_mean, np.float32), np.array(running_var, np.float32)
    parents = tuple(p for p in (x, w, b, more) if p is not None)
    apart = BENDS.get(activation) if is_recorded(parents) else None
    inside = "none" if apart is not None else activation
    y = ops.batch_norm(
        x_data,
        mean,
        variance,
        w_data,
        b_data,
        epsilon,
        residual=None if more is None else more.data,
        activation=inside,
    )

    # What the activation cut is told by x as well, which is read anyway, if nothing was added to it.
    of_x = inside != "none" and more is None
    kept = None if inside == "none" or of_x else y

    def vjp(dy: Array, ours: bool) -> tuple[Array | None, ...]:
        statistics = (mean, variance, w_data, b_data, epsilon)
        dx, dw, db, dmore = ops.batch_norm_grad(
            dy,
            x_data,
            mean,
            variance,
            w_data,
            epsilon,
            y=kept,
            scale_shift=ops.batch_norm_scale_shift(*statistics) if of_x else None,
            activation="relu6" if inside == "relu6" else "relu",
            fixed=not training,
            residual=more is not None,
            overwrite_dy=ours,
        )
        pairs = ((x, dx), (w, dw), (b, db), (more, dmore))
        return tuple(gradient for parent, gradient in pairs if parent is not None)

    normalised = record(y, parents, vjp, fresh=True)
    return normalised if apart is None else apart(normalised)


def group_norm(
    input: Tensor | npt.ArrayLike,
    num_groups: int,
    weight: Tensor | npt.ArrayLike | None = None,
    bias: Tensor | npt.ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each group of channels of each image.  (N, C, H, W) -> (N, C, H, W).

    Args:
        input: images.
        num_groups: number of groups of neighbouring channels, a divisor of C.
        weight: scale of each channel (C,), or None.
        bias: shift of each channel (C,), or None.
        eps: added to the variance.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: the shapes do not fit together.

    Example:
        >>> from convlet import Tensor
        >>> group_norm(Tensor([[[[1.0]], [[3.0]]]]), 1, eps=0.0).flatten()
        Tensor([-1.,  1.])
    """
    x, w, b = as_tensor(input), optional_tensor(weight), optional_tensor(bias)
    x_data, w_data = x.data, None if w is None else w.data
    moments = ops.group_moments(x_data, num_groups)
    y = ops.group_norm(x_data, *moments, w_data, None if b is None else b.data, eps)
    parents = tuple(p for p in (x, w, b) if p is not None)

    def vjp(dy: Array) -> tuple[Array | None, ...]:
        gradients = ops.group_norm_grad(dy, x_data, *moments, w_data, eps)
        return tuple(g for p, g in zip((x, w, b), gradients, strict=True) if p is not None)

    return record(y, parents, vjp)


def layer_norm(
    input: Tensor | npt.ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: Tensor | npt.ArrayLike | None = None,
    bias: Tensor | npt.ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise the last dimensions by their own mean and variance.  (…, F) -> (…, F).

    Args:
        input: any shape that ends in `normalized_shape`.
        normalized_shape: the last dimensions, or an int for one.
        weight: scale, of that shape, or None.
        bias: shift, of that shape, or None.
        eps: added to the variance.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: the shapes do not fit together.

    Example:
        >>> from convlet import Tensor
        >>> layer_norm(Tensor([1.0, 3.0]), 2, eps=0.0)
        Tensor([-1.,  1.])
    """
    x, w, b = as_tensor(input), optional_tensor(weight), optional_tensor(bias)
    x_data, w_data = x.data, None if w is None else w.data
    y, mean, inverse = ops.layer_norm(
        x_data, normalized_shape, w_data, None if b is None else b.data, eps
    )
    parents = tuple(p for p in (x, w, b) if p is not None)

    def vjp(dy: Array) -> tuple[Array | None, ...]:
        gradients = ops.layer_norm_grad(dy, x_data, mean, inverse, w_data)
        return tuple(g for p, g in zip((x, w, b), gradients, strict=True) if p is not None)

    return record(y, parents, vjp)


def _number(value: object, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"batch_norm: {name} must be a number, got {describe(value)}")
    return float(value)


def _training_moments(x: Array, moments: Sequence[Array] | None) -> Sequence[Array]:
    if x.ndim == 4 and x.shape[0] * x.shape[2] * x.shape[3] == 1:
        raise ValueError(
            f"batch_norm: training needs more than 1 value per channel, got input of shape {x.shape}"
        )
    return ops.batch_moments(x) if moments is None else moments


def _update(
    running_mean: npt.NDArray[Any] | None,
    running_var: npt.NDArray[Any] | None,
    mean: Array,
    variance: Array,
    x: Array,
    momentum: float,
) -> None:
    """Move the running statistics, if they are given; once for what is computed twice."""
    if running_mean is None or running_var is None or computes_again():
        return
    for name, running in (("running_mean", running_mean), ("running_var", running_var)):
        if running.shape != mean.shape:
            raise ValueError(
                f"batch_norm: {name} must have shape {mean.shape}, got {running.shape}"
            )
    count = x.size // x.shape[1]
    running_mean += momentum * (mean - running_mean)
    running_var += momentum * (variance * (count / (count - 1)) - running_var)
