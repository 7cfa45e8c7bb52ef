"""Initialisers with the names, arguments and distributions of torch.nn.init.

Each fills a tensor in place and returns it. `generator` is where random numbers come from;
`convlet.seed` sets the default one.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from convlet._changes import changes
from convlet.random import Generator, default_generator
from convlet.tensor import Tensor

__all__ = [
    "calculate_fan_in_and_fan_out",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

T = TypeVar("T", bound=Tensor)

GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the spread of activations through a nonlinearity.

    Args:
        nonlinearity: "linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
        param: the negative slope of "leaky_relu", 0.01 unless given.

    Raises:
        ValueError: the name is unknown.

    Example:
        >>> round(calculate_gain("relu"), 4)
        1.4142
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else float(param)
        return math.sqrt(2.0 / (1.0 + slope * slope))
    if nonlinearity not in GAINS:
        known = ", ".join([*GAINS, "leaky_relu"])
        raise ValueError(f"calculate_gain: nonlinearity must be one of {known}, got {nonlinearity}")
    return GAINS[nonlinearity]


def calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many numbers each output of a weight reads, and each input feeds.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> calculate_fan_in_and_fan_out(cl.zeros(8, 4, 3, 3))
        (36, 72)
    """
    if tensor.ndim < 2:
        raise ValueError(
            "calculate_fan_in_and_fan_out: a weight has at least 2 dimensions, got shape "
            f"{tensor.shape}"
        )
    outputs, inputs, *kernel = tensor.shape
    taps = math.prod(kernel)
    return inputs * taps, outputs * taps


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> T:
    """Numbers of the uniform distribution on [a, b).

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> bool((nn.init.uniform_(cl.zeros(99), 2.0, 3.0).numpy() >= 2).all())
        True
    """
    if not (a <= b and math.isfinite(b - a)):
        raise ValueError(f"uniform_: a must be at most b, both finite, got {a} and {b}")
    return _fill(tensor, _source(generator).uniform(a, b, tensor.shape))


def normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> T:
    """Numbers of the normal distribution.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.normal_(cl.zeros(2), mean=3.0, std=0.0).tolist()
        [3.0, 3.0]
    """
    if not std >= 0.0:
        raise ValueError(f"normal_: std must be at least 0, got {std}")
    return _fill(tensor, _source(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> T:
    """Numbers of the normal distribution, those outside [a, b] drawn again.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> bool(nn.init.trunc_normal_(cl.zeros(999), a=-1.0, b=1.0).abs().max().item() <= 1)
        True
    """
    if not (std > 0.0 and a < b and a - 8 * std < mean < b + 8 * std):
        raise ValueError(f"trunc_normal_: no values of N({mean}, {std}) lie in [{a}, {b}]")
    numbers = _source(generator).stream()
    values = numbers.normal(mean, std, tensor.shape)
    outside = (values < a) | (values > b)
    for _ in range(64):
        if not outside.any():
            break
        values[outside] = numbers.normal(mean, std, int(outside.sum()))
        outside = (values < a) | (values > b)
    return _fill(tensor, np.clip(values, a, b))


def constant_(tensor: T, val: float) -> T:
    """One number everywhere.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.constant_(cl.zeros(2), 3.0).tolist()
        [3.0, 3.0]
    """
    tensor.data[...] = val
    changes.note((tensor.data,))
    return tensor


def zeros_(tensor: T) -> T:
    """0 everywhere.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.zeros_(cl.ones(2)).tolist()
        [0.0, 0.0]
    """
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """1 everywhere.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.ones_(cl.zeros(2)).tolist()
        [1.0, 1.0]
    """
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Uniform, with variance 2 / (fan_in + fan_out).  Glorot and Bengio, 2010.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> bool(nn.init.xavier_uniform_(cl.zeros(3, 3)).abs().max().item() <= 1)
        True
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Normal, with variance 2 / (fan_in + fan_out).  Glorot and Bengio, 2010.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.xavier_normal_(cl.zeros(4, 4)).shape
        (4, 4)
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def kaiming_uniform_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Uniform, with variance gain**2 / fan.  He et al., "Delving deep into rectifiers", 2015.

    Args:
        tensor: a weight of at least two dimensions.
        a: the negative slope that follows, for "leaky_relu".
        mode: "fan_in" keeps the spread of activations, "fan_out" that of gradients.
        nonlinearity: what follows, for `calculate_gain`.
        generator: where random numbers come from.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> bool(nn.init.kaiming_uniform_(cl.zeros(9, 6)).abs().max().item() <= 1)
        True
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Normal, with variance gain**2 / fan; arguments as `kaiming_uniform_`.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.kaiming_normal_(cl.zeros(8, 4, 3, 3), nonlinearity="relu").shape
        (8, 4, 3, 3)
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def eye_(tensor: T) -> T:
    """1 on the diagonal of a matrix, 0 elsewhere: a linear layer that does nothing at first.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.eye_(cl.zeros(2, 3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: a matrix has 2 dimensions, got shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape, dtype=np.float32))


def dirac_(tensor: T, groups: int = 1) -> T:
    """1 in the middle of the kernel of each channel's own number: a convolution that does nothing.

    Args:
        tensor: weights (K, C, …) of 3 to 5 dimensions.
        groups: groups of output channels, each of which keeps the first input channels.

    Raises:
        ValueError: the rank is another, or `groups` does not divide K.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> nn.init.dirac_(cl.zeros(1, 1, 1, 3)).flatten().tolist()
        [0.0, 1.0, 0.0]
    """
    if tensor.ndim not in {3, 4, 5}:
        raise ValueError(f"dirac_: weights have 3 to 5 dimensions, got shape {tensor.shape}")
    outputs, inputs, *kernel = tensor.shape
    if groups < 1 or outputs % groups:
        raise ValueError(f"dirac_: groups must divide {outputs} output channels, got {groups}")
    values = np.zeros(tensor.shape, np.float32)
    middle = tuple(extent // 2 for extent in kernel)
    each = outputs // groups
    for group in range(groups):
        for channel in range(min(each, inputs)):
            values[(group * each + channel, channel, *middle)] = 1.0
    return _fill(tensor, values)


def orthogonal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Rows (or columns, of which there are fewer) that are orthogonal and `gain` long.

    Dimensions after the first count as one.  Saxe, McClelland and Ganguli, "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks", 2014.

    Raises:
        ValueError: the weight has fewer than 2 dimensions.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> q = nn.init.orthogonal_(cl.zeros(2, 2))
        >>> bool(abs((q[0] * q[1]).sum().item()) < 1e-6)
        True
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"orthogonal_: a weight has at least 2 dimensions, got shape {tensor.shape}"
        )
    if tensor.data.size == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.data.size // rows
    tall = (max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(_source(generator).normal(0.0, 1.0, tall).astype(np.float64))
    q *= np.where(np.diag(r) < 0.0, -1.0, 1.0)  # a sign per column, or not all q come equally often
    matrix = q.T if rows < columns else q
    return _fill(tensor, gain * matrix.reshape(tensor.shape))


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> T:
    """A matrix of normal numbers, of each of whose columns a share is 0.

    Martens, "Deep learning via Hessian-free optimization", 2010.

    Args:
        tensor: a matrix.
        sparsity: the share of zeros, in [0, 1]; their number is rounded up.
        std: spread of the others.
        generator: where random numbers come from.

    Raises:
        ValueError: there are not 2 dimensions, or the share is outside [0, 1].

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> (nn.init.sparse_(cl.zeros(4, 2), sparsity=0.5).numpy() == 0).sum(axis=0).tolist()
        [2, 2]
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: a matrix has 2 dimensions, got shape {tensor.shape}")
    if not 0.0 <= sparsity <= 1.0:
        raise ValueError(f"sparse_: sparsity must be in [0, 1], got {sparsity}")
    rows, columns = tensor.shape
    numbers = _source(generator).stream()
    values = numbers.normal(0.0, std, tensor.shape)
    zeros = math.ceil(sparsity * rows)
    for column in range(columns):
        values[numbers.permutation(rows)[:zeros], column] = 0.0
    return _fill(tensor, values)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fans = sum(calculate_fan_in_and_fan_out(tensor))
    if fans == 0:
        raise ValueError(f"xavier: a weight of shape {tensor.shape} has no inputs and no outputs")
    return gain * math.sqrt(2.0 / fans)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'kaiming: mode must be "fan_in" or "fan_out", got {mode!r}')
    fan = calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    if fan == 0:
        raise ValueError(f"kaiming: a weight of shape {tensor.shape} has no inputs")
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _source(generator: Generator | None) -> Generator:
    return default_generator if generator is None else generator


def _fill(tensor: T, values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> T:
    tensor.data[...] = values
    changes.note((tensor.data,))
    return tensor
