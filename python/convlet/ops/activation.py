"""Element-wise activations and their gradients, on arrays.

With `overwrite_dy` a gradient may be written over `dy`, which spares the memory of a new array: for
a `dy` whose numbers nobody needs any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, real

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = [
    "hardsigmoid",
    "hardsigmoid_grad",
    "hardswish",
    "hardswish_grad",
    "leaky_relu",
    "leaky_relu_grad",
    "relu",
    "relu6",
    "relu6_grad",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "silu",
    "silu_grad",
]


def relu(x: Array) -> Array:
    """max(x, 0), element by element; NaN stays NaN.  Any shape, memory order kept.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> relu(np.float32([-1, 2]))
        array([0., 2.], dtype=float32)
    """
    return _core.relu_forward(float32(x, "relu", "x"))


def relu_grad(dy: Array, y: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `relu`: `dy` where its output `y` is positive, else 0.

    Example:
        >>> import numpy as np
        >>> relu_grad(np.float32([5, 5]), np.float32([0, 2]))
        array([0., 5.], dtype=float32)
    """
    return _core.relu_grad(
        float32(dy, "relu_grad", "dy"), float32(y, "relu_grad", "y"), overwrite_dy
    )


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6), element by element; NaN stays NaN.  Any shape, memory order kept.

    Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> relu6(np.float32([-1, 2, 8]))
        array([0., 2., 6.], dtype=float32)
    """
    return _core.relu6_forward(float32(x, "relu6", "x"))


def relu6_grad(dy: Array, y: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `relu6`: `dy` where its output `y` is between 0 and 6, else 0.

    Example:
        >>> import numpy as np
        >>> relu6_grad(np.float32([5, 5, 5]), np.float32([0, 2, 6]))
        array([0., 5., 0.], dtype=float32)
    """
    return _core.relu6_grad(
        float32(dy, "relu6_grad", "dy"), float32(y, "relu6_grad", "y"), overwrite_dy
    )


def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """X where it is positive, else `negative_slope` * x.  Any shape, memory order kept.

    Maas, Hannun and Ng 2013, "Rectifier nonlinearities improve neural network acoustic models".

    Raises:
        TypeError: `x` is not a float32 array, or the slope is no number.

    Example:
        >>> import numpy as np
        >>> leaky_relu(np.float32([-2, 2]), 0.5)
        array([-1.,  2.], dtype=float32)
    """
    slope = real(negative_slope, "leaky_relu", "negative_slope")
    return _core.leaky_relu_forward(float32(x, "leaky_relu", "x"), slope)


def leaky_relu_grad(
    dy: Array, x: Array, negative_slope: float = 0.01, *, overwrite_dy: bool = False
) -> Array:
    """Gradient of `leaky_relu` at its input `x`.

    Example:
        >>> import numpy as np
        >>> leaky_relu_grad(np.float32([4, 4]), np.float32([-2, 2]), 0.5)
        array([2., 4.], dtype=float32)
    """
    op = "leaky_relu_grad"
    slope = real(negative_slope, op, "negative_slope")
    return _core.leaky_relu_grad(float32(dy, op, "dy"), float32(x, op, "x"), slope, overwrite_dy)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), element by element.  Any shape, memory order kept.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> sigmoid(np.float32([-200, 0, 200]))
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return _core.sigmoid_forward(float32(x, "sigmoid", "x"))


def sigmoid_grad(dy: Array, y: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `sigmoid` from its output: dy * y * (1 - y).

    Example:
        >>> import numpy as np
        >>> sigmoid_grad(np.float32([4, 4]), np.float32([0.5, 1]))
        array([1., 0.], dtype=float32)
    """
    return _core.sigmoid_grad(
        float32(dy, "sigmoid_grad", "dy"), float32(y, "sigmoid_grad", "y"), overwrite_dy
    )


def silu(x: Array) -> Array:
    """X * sigmoid(x), also called swish, element by element.  Any shape, memory order kept.

    Elfwing, Uchibe and Doya 2018, arXiv:1702.03118.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> silu(np.float32([0, 100]))
        array([  0., 100.], dtype=float32)
    """
    return _core.silu_forward(float32(x, "silu", "x"))


def silu_grad(dy: Array, x: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `silu` at its input: dy * s * (1 + x * (1 - s)) where s = sigmoid(x).

    Example:
        >>> import numpy as np
        >>> silu_grad(np.float32([4, 4]), np.float32([0, 100]))
        array([2., 4.], dtype=float32)
    """
    return _core.silu_grad(
        float32(dy, "silu_grad", "dy"), float32(x, "silu_grad", "x"), overwrite_dy
    )


def hardsigmoid(x: Array) -> Array:
    """relu6(x + 3) / 6, element by element.  Any shape, memory order kept.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> hardsigmoid(np.float32([-4, 0, 4]))
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return _core.hardsigmoid_forward(float32(x, "hardsigmoid", "x"))


def hardsigmoid_grad(dy: Array, y: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `hardsigmoid`: dy / 6 where its output `y` is between 0 and 1, else 0.

    Example:
        >>> import numpy as np
        >>> hardsigmoid_grad(np.float32([12, 12]), np.float32([0.5, 1]))
        array([2., 0.], dtype=float32)
    """
    op = "hardsigmoid_grad"
    return _core.hardsigmoid_grad(float32(dy, op, "dy"), float32(y, op, "y"), overwrite_dy)


def hardswish(x: Array) -> Array:
    """X * relu6(x + 3) / 6, element by element.  Any shape, memory order kept.

    Howard et al. 2019, "Searching for MobileNetV3", arXiv:1905.02244.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> hardswish(np.float32([-4, 1.5, 4]))
        array([-0.   ,  1.125,  4.   ], dtype=float32)
    """
    return _core.hardswish_forward(float32(x, "hardswish", "x"))


def hardswish_grad(dy: Array, x: Array, *, overwrite_dy: bool = False) -> Array:
    """Gradient of `hardswish` at its input: 0 up to -3, x / 3 + 1/2, and 1 from 3 on, times dy.

    Example:
        >>> import numpy as np
        >>> hardswish_grad(np.float32([4, 4, 4]), np.float32([-3, 1.5, 3]))
        array([0., 4., 4.], dtype=float32)
    """
    op = "hardswish_grad"
    return _core.hardswish_grad(float32(dy, op, "dy"), float32(x, op, "x"), overwrite_dy)
