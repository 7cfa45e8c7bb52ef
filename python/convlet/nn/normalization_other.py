"""Normalisation layers of rows and lines, of each image, and by neighbouring channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import functional as F
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.nn.normalization import BatchNorm2d
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import real
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Activation, Array
    from convlet.tensor import Tensor

__all__ = ["BatchNorm1d", "InstanceNorm2d", "LocalResponseNorm"]


class BatchNorm1d(BatchNorm2d):
    """Normalise each channel over the batch.  (N, C) or (N, C, L) -> the same.

    Arguments, running statistics and errors are those of `BatchNorm2d`.

    Example:
        >>> BatchNorm1d(1, eps=0.0)([[1.0], [3.0]]).detach()
        Tensor([[-1.],
                [ 1.]])
    """

    def forward(
        self,
        input: Tensor,
        *,
        residual: Tensor | None = None,
        activation: Activation = "none",
        moments: Sequence[Array] | None = None,
    ) -> Tensor:
        """Normalise; convlet's additions are those of `BatchNorm2d`."""
        x = as_tensor(input)
        if x.ndim not in {2, 3}:
            raise ValueError(f"BatchNorm1d: input must have 2 or 3 dimensions, got shape {x.shape}")
        return super().forward(x, residual=residual, activation=activation, moments=moments)


class InstanceNorm2d(Module):
    """Normalise each channel of each image by itself.  (N, C, H, W) -> (N, C, H, W).

    Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: share of a batch in the running statistics.
        affine: whether there are a weight and a bias.
        track_running_stats: whether evaluation normalises by running statistics.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: `num_features` is below 1.

    Example:
        >>> InstanceNorm2d(1, eps=0.0)([[[[1.0, 3.0]]]]).flatten()
        Tensor([-1.,  1.])
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: npt.NDArray[np.float32] | None
    running_var: npt.NDArray[np.float32] | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> None:
        """Make the weights and the running statistics."""
        super().__init__()
        self.num_features = positive(num_features, "InstanceNorm2d", "num_features")
        real(eps, "InstanceNorm2d", "eps")
        real(momentum, "InstanceNorm2d", "momentum")
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        c, tracked = self.num_features, track_running_stats
        self.weight = Parameter(np.ones(c, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(c, np.float32)) if affine else None
        self.register_buffer("running_mean", np.zeros(c, np.float32) if tracked else None)
        self.register_buffer("running_var", np.ones(c, np.float32) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        x = as_tensor(input)
        if x.ndim == 4 and x.shape[1] != self.num_features:
            raise ValueError(
                f"InstanceNorm2d: input must have {self.num_features} channels, got {x.shape[1]}"
            )
        return F.instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self.momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class LocalResponseNorm(Module):
    """x / (k + alpha / size * sum of x ** 2 over `size` neighbouring channels) ** beta.

    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", with PyTorch's division of alpha.

    Args:
        size: how many channels, of which size // 2 come before.
        alpha: factor of the mean square.
        beta: exponent.
        k: what keeps the divisor from 0.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: `size` is below 1.

    Example:
        >>> LocalResponseNorm(1, alpha=1.0, beta=1.0, k=0.0)([[2.0]]).item()
        0.5
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        """Remember the formula's numbers."""
        super().__init__()
        self.size = positive(size, "LocalResponseNorm", "size")
        for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
            real(value, "LocalResponseNorm", name)
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
