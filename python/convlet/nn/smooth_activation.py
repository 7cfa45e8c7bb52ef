"""Activation layers made of the exponential, and ReLU with a learnt slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import functional as F
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import real
from convlet.ops.smooth_activation import by_tanh, nonzero

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["ELU", "GELU", "LogSoftmax", "Mish", "PReLU", "Softmax", "Softplus", "Tanh"]


class Tanh(Module):
    """The hyperbolic tangent, element by element.

    Example:
        >>> Tanh()([0.0, 200.0])
        Tensor([0., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Squash between -1 and 1."""
        return F.tanh(input)


class ELU(Module):
    """x where it is positive, else alpha * (exp(x) - 1), element by element.

    Args:
        alpha: minus the limit at -inf.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Raises:
        TypeError: alpha is no number.

    Example:
        >>> ELU()([-200.0, 2.0])
        Tensor([-1.,  2.])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        """Remember alpha."""
        super().__init__()
        real(alpha, "ELU", "alpha")
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Bend below 0."""
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class GELU(Module):
    """x times the share of a normal distribution below it, element by element.

    Args:
        approximate: "none" or "tanh".

    Raises:
        ValueError: `approximate` is unknown.

    Example:
        >>> GELU()([0.0, 100.0])
        Tensor([  0., 100.])
    """

    def __init__(self, approximate: str = "none") -> None:
        """Remember which formula."""
        super().__init__()
        by_tanh(approximate)
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Gate by the normal distribution."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, element by element.

    Args:
        beta: how sharp the bend is, not 0.
        threshold: from which beta * x on the result is x.

    Raises:
        TypeError: an argument is no number.
        ValueError: beta is 0.

    Example:
        >>> Softplus()([-200.0, 200.0])
        Tensor([  0., 200.])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        """Remember the bend."""
        super().__init__()
        nonzero(beta, "Softplus")
        real(threshold, "Softplus", "threshold")
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Cut smoothly below 0."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Mish(Module):
    """x * tanh(softplus(x)), element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> Mish()([0.0, 100.0])
        Tensor([  0., 100.])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Gate by the tanh."""
        return F.mish(input)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return "inplace=True" if self.inplace else ""


class PReLU(Module):
    """x where it is positive, else weight * x, with a weight that is learnt.

    Args:
        num_parameters: 1 weight for all, or one for each channel, which is dimension 1.
        init: the first weight.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: `num_parameters` is below 1.

    Example:
        >>> PReLU()([[-2.0, 2.0]])
        Tensor([[-0.5,  2. ]], requires_grad=True)
    """

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        """Make the weights."""
        super().__init__()
        self.num_parameters = positive(num_parameters, "PReLU", "num_parameters")
        self.init = real(init, "PReLU", "init")
        self.weight = Parameter(np.full(self.num_parameters, self.init, np.float32))

    def forward(self, input: Tensor) -> Tensor:
        """Flatten below 0."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"num_parameters={self.num_parameters}"


class Softmax(Module):
    """exp(x) divided by its sum along `dim`.

    Args:
        dim: the dimension that sums to 1, as in `functional.softmax`.

    Example:
        >>> Softmax(dim=1)([[1.0, 1.0]])
        Tensor([[0.5, 0.5]])
    """

    def __init__(self, dim: int | None = None) -> None:
        """Remember the dimension."""
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Make shares of scores."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The logarithm of the softmax along `dim`.

    Args:
        dim: the dimension whose shares sum to 1, as in `functional.softmax`.

    Example:
        >>> LogSoftmax(dim=1)([[1.0, 1.0]]).numpy().round(4)
        array([[-0.6931, -0.6931]], dtype=float32)
    """

    def __init__(self, dim: int | None = None) -> None:
        """Remember the dimension."""
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Make logarithms of shares of scores."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"dim={self.dim}"
