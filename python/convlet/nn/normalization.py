"""Normalisation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.nn._arguments import positive
from convlet.nn.functional.normalization import batch_norm
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter

if TYPE_CHECKING:
    from typing import Literal

    import numpy.typing as npt

    from convlet.tensor import Tensor

__all__ = ["BatchNorm2d"]


class BatchNorm2d(Module):
    """Normalise each channel over the batch.  (N, C, H, W) -> (N, C, H, W).

    y = (x - mean) / sqrt(variance + eps) * weight + bias, by the batch's statistics in training and
    by running ones in evaluation (Ioffe and Szegedy 2015, arXiv:1502.03167).

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: share of a batch in the running statistics, or None for their plain average.
        affine: whether there are a weight and a bias.
        track_running_stats: whether to keep running statistics; without, evaluation too uses the
            batch's.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: `num_features` is below 1.

    Example:
        >>> import numpy as np
        >>> layer = BatchNorm2d(3)
        >>> layer(np.random.default_rng(0).normal(5, 2, (8, 3, 4, 4))).numpy().std().round(3).item()
        1.0
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: npt.NDArray[np.float32] | None
    running_var: npt.NDArray[np.float32] | None
    num_batches_tracked: npt.NDArray[np.int64] | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        """Make the weights and the running statistics."""
        super().__init__()
        self.num_features = positive(num_features, "BatchNorm2d", "num_features")
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        c = self.num_features
        self.weight = Parameter(np.ones(c, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(c, np.float32)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(c, np.float32) if tracked else None)
        self.register_buffer("running_var", np.ones(c, np.float32) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def forward(
        self,
        input: Tensor,
        *,
        residual: Tensor | None = None,
        activation: Literal["none", "relu"] = "none",
    ) -> Tensor:
        """Normalise; convlet's additions add `residual` and cut below 0 in the same pass."""
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        return batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            0.0 if momentum is None else momentum,
            self.eps,
            residual=residual,
            activation=activation,
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )
