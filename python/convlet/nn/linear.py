"""The fully connected layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import functional as F
from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter

if TYPE_CHECKING:
    from convlet.ops._arguments import Activation
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Linear"]


class Linear(Module):
    """y = x @ weight.T + bias.  (…, in_features) -> (…, out_features).

    `weight` is (out_features, in_features) and `bias` (out_features,), both uniform within
    1 / sqrt(in_features) at first, as in PyTorch.

    Args:
        in_features: numbers per input row.
        out_features: numbers per output row.
        bias: whether there is one.
        generator: where the first weights come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1.

    Example:
        >>> import numpy as np
        >>> Linear(4, 2)(np.zeros((3, 4))).shape
        (3, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the weights and set them."""
        super().__init__()
        self.in_features = positive(in_features, "Linear", "in_features")
        self.out_features = positive(out_features, "Linear", "out_features")
        self.weight = Parameter(np.empty((self.out_features, self.in_features), np.float32))
        self.bias = Parameter(np.empty(self.out_features, np.float32)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the weights anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5.0), generator=generator)
        if self.bias is not None:
            bound = 1.0 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input: Tensor, *, activation: Activation = "none") -> Tensor:
        """Multiply and add; convlet's addition, `activation`, shares the pass."""
        return F.linear(input, self.weight, self.bias, activation=activation)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
