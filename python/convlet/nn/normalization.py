"""Normalisation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet._repeating import computes_again
from convlet.nn._arguments import positive
from convlet.nn.functional.normalization import batch_norm, group_norm, layer_norm
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import extents, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Activation, Array
    from convlet.tensor import Tensor

__all__ = ["BatchNorm2d", "GroupNorm", "LayerNorm"]


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
        self.num_features = positive(num_features, type(self).__name__, "num_features")
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
        activation: Activation = "none",
        moments: Sequence[Array] | None = None,
    ) -> Tensor:
        """Normalise; convlet's additions, `residual` and `activation`, share the pass.

        `moments` are the input's, where they are known.
        """
        y = batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.uses_batch,
            self.share_of_batch(),
            self.eps,
            residual=residual,
            activation=activation,
            moments=moments,
        )
        self.note_batch()
        return y

    def share_of_batch(self) -> float:
        """The next batch's share of the running statistics."""
        if self.momentum is not None:
            return self.momentum
        batches = self.num_batches_tracked if self.training else None
        return 0.0 if batches is None else 1.0 / (float(batches) + 1.0)

    def note_batch(self) -> None:
        """Count a batch that went through in training."""
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += not computes_again()

    @property
    def uses_batch(self) -> bool:
        """Whether mean and variance are the batch's own: in training, or where none are kept."""
        return self.training or self.running_mean is None

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class GroupNorm(Module):
    """Normalise each group of channels of each image.  (N, C, H, W) -> (N, C, H, W).

    The same in training and in evaluation, whatever the batch (Wu and He 2018, arXiv:1803.08494).

    Args:
        num_groups: number of groups of neighbouring channels.
        num_channels: C.
        eps: added to the variance.
        affine: whether there is a weight for each channel.
        bias: whether there is a bias beside the weight.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: a number is below 1, or `num_groups` does not divide `num_channels`.

    Example:
        >>> import numpy as np
        >>> GroupNorm(2, 6)(np.ones((1, 6, 4, 4))).shape
        (1, 6, 4, 4)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        """Make the weights."""
        super().__init__()
        self.num_groups = positive(num_groups, "GroupNorm", "num_groups")
        self.num_channels = positive(num_channels, "GroupNorm", "num_channels")
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels must be divisible by num_groups, got {num_channels} and "
                f"{num_groups}"
            )
        real(eps, "GroupNorm", "eps")
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(np.ones(num_channels, np.float32)) if affine else None
        with_bias = affine and bias
        self.bias = Parameter(np.zeros(num_channels, np.float32)) if with_bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(Module):
    """Normalise the last dimensions by their own mean and variance.  (…, F) -> (…, F).

    Ba, Kiros and Hinton 2016, arXiv:1607.06450.

    Args:
        normalized_shape: the last dimensions, or an int for one.
        eps: added to the variance.
        elementwise_affine: whether there is a weight of that shape.
        bias: whether there is a bias beside the weight.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: a size is below 1, or there is none.

    Example:
        >>> LayerNorm(2)([[1.0, 3.0]]).numpy().round(2)
        array([[-1.,  1.]], dtype=float32)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        """Make the weights."""
        super().__init__()
        self.normalized_shape = extents(normalized_shape, "LayerNorm", "normalized_shape")
        if not self.normalized_shape:
            raise ValueError("LayerNorm: normalized_shape must have at least 1 dimension, got ()")
        for size in self.normalized_shape:
            positive(size, "LayerNorm", "normalized_shape")
        real(eps, "LayerNorm", "eps")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        with_bias = elementwise_affine and bias
        self.weight = Parameter(np.ones(shape, np.float32)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if with_bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )
