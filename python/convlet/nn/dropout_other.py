"""Layers that drop whole channels, paths or weights in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.nn import functional as F
from convlet.nn.conv import Conv2d
from convlet.nn.linear import Linear
from convlet.nn.module import Module
from convlet.ops._arguments import flag, probability

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["AlphaDropout", "DropConnect", "DropPath", "Dropout2d"]


class Dropout2d(Module):
    """In training, zero whole channels with probability `p` and divide the others by 1 - p.

    Args:
        p: probability of a zero, in [0, 1].
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1].

    Example:
        >>> Dropout2d(0.5).eval()([[[[1.0, 2.0]]]]).flatten()
        Tensor([1., 2.])
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        """Remember the probability."""
        super().__init__()
        probability(p, "Dropout2d")
        self.p = p
        self.inplace = inplace
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Drop, in training mode only."""
        return F.dropout2d(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"p={self.p}, inplace={self.inplace}"


class AlphaDropout(Module):
    """In training, dropout that keeps mean and variance after SELU.

    Args:
        p: probability of dropping, in [0, 1].
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1].

    Example:
        >>> AlphaDropout(0.5).eval()([1.0, 2.0])
        Tensor([1., 2.])
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        """Remember the probability."""
        super().__init__()
        probability(p, "AlphaDropout")
        self.p = p
        self.inplace = inplace
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Drop, in training mode only."""
        return F.alpha_dropout(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"p={self.p}, inplace={self.inplace}"


class DropPath(Module):
    """In training, zero whole samples with probability `p`: stochastic depth of a residual branch.

    Args:
        p: probability of a zero, in [0, 1].
        scale_by_keep: whether the others are divided by 1 - p.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1].

    Example:
        >>> x, branch = 2.0, DropPath(0.2).eval()
        >>> (x + branch([[1.0]])).item()
        3.0
    """

    def __init__(
        self, p: float = 0.0, scale_by_keep: bool = True, *, generator: Generator | None = None
    ) -> None:
        """Remember the probability."""
        super().__init__()
        probability(p, "DropPath")
        self.p = p
        self.scale_by_keep = flag(scale_by_keep, "DropPath", "scale_by_keep")
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Drop, in training mode only."""
        return F.drop_path(
            input, self.p, self.training, self.scale_by_keep, generator=self.generator
        )

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class DropConnect(Module):
    """A layer whose weights are dropped in training, and not the values that it gives.

    One draw serves the whole batch, and what is left is divided by 1 - p, so that evaluation uses
    the weights as they are (Wan et al. 2013, "Regularization of neural networks using DropConnect",
    where each sample has a draw and evaluation samples). The bias stays.

    Args:
        layer: a `Linear` or a `Conv2d`.
        p: probability of a zero, in [0, 1].
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: the layer is of another kind.
        ValueError: `p` is outside [0, 1].

    Example:
        >>> from convlet import nn
        >>> layer = nn.DropConnect(nn.Linear(4, 2), p=0.3)
        >>> layer([[1.0, 2.0, 3.0, 4.0]]).shape
        (1, 2)
    """

    def __init__(
        self, layer: Linear | Conv2d, p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        """Hold the layer."""
        super().__init__()
        if not isinstance(layer, (Linear, Conv2d)):
            raise TypeError(
                f"DropConnect: layer must be a Linear or a Conv2d, got {type(layer).__name__}"
            )
        probability(p, "DropConnect")
        self.layer = layer
        self.p = p
        self.generator = generator

    def forward(self, input: Tensor) -> Any:
        """Compute with fewer weights, in training mode only."""
        layer = self.layer
        if not self.training or self.p == 0.0:
            return layer(input)
        weight = F.dropout(layer.weight, self.p, generator=self.generator)
        if isinstance(layer, Linear):
            return F.linear(input, weight, layer.bias)
        x, border = layer.bordered(input)
        return F.conv2d(x, weight, layer.bias, layer.stride, border, layer.dilation, layer.groups)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"
