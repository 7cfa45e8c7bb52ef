"""Layers that follow one another, computed in one pass over memory where that gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet import ops
from convlet.autograd import is_recorded
from convlet.nn.activation import Hardswish, ReLU, ReLU6, SiLU
from convlet.nn.conv import Conv2d
from convlet.nn.linear import Linear
from convlet.nn.normalization import BatchNorm2d
from convlet.nn.parameter import array_and_version
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convlet.nn.module import Module
    from convlet.ops._arguments import Activation, Array

__all__ = ["conv_norm", "run"]

ACTIVATIONS: dict[type[Module], Activation] = {
    ReLU: "relu",
    ReLU6: "relu6",
    SiLU: "silu",
    Hardswish: "hardswish",
}


def conv_norm(
    conv: Module,
    norm: Module,
    input: Tensor,
    *,
    residual: Tensor | None = None,
    activation: Activation = "none",
    padding: Sequence[int] | None = None,
) -> Tensor:
    """activation(norm(conv(input)) + residual).

    In training a convolution takes mean and variance of what it writes, and the normalisation takes
    the residual and the activation into its pass. In evaluation a batch normalisation is a factor
    and a term of each channel, which the convolution applies to its sums as it writes them (the
    folding of batch normalisation, without another weight), unless gradients are recorded. Where
    somebody watches one of the two through a hook, they are computed one after the other.

    Args:
        conv: a `Conv2d`, or what else takes the input.
        norm: a `BatchNorm2d`.
        input: what the convolution takes.
        residual: images added before the activation, or None.
        activation: "none", "relu", "relu6", "silu" or "hardswish".
        padding: (top, left, bottom, right) in place of the convolution's own, or None.

    Example:
        >>> import convlet as cl
        >>> from convlet import nn
        >>> conv, norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2).eval()
        >>> with cl.no_grad():
        ...     y = conv_norm(conv, norm, cl.Tensor([[[[1.0] * 3] * 3]]), activation="relu")
        >>> y.shape
        (1, 2, 1, 1)
    """
    x = as_tensor(input)
    border = {} if padding is None else {"padding": padding}
    if _gathers(conv, norm):
        moments: list[Array] = []
        x = conv(x, moments=moments, **border)
        y: Tensor = norm(x, residual=residual, activation=activation, moments=moments)
        return y
    if not _folds(conv, norm, x, residual):
        apart: Tensor = norm(conv(x, **border), residual=residual, activation=activation)
        return apart
    assert isinstance(norm, BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale, shift = ops.batch_norm_scale_shift(
        norm.running_mean,
        norm.running_var,
        None if norm.weight is None else norm.weight.data,
        None if norm.bias is None else norm.bias.data,
        norm.eps,
        before=None if conv.bias is None else conv.bias.data,
    )
    weight, version = array_and_version(conv.weight)
    return Tensor.detached(
        ops.conv2d(
            x.data,
            weight,
            shift,
            conv.stride,
            conv.padding if padding is None else padding,
            conv.dilation,
            conv.groups,
            scale=scale,
            residual=None if residual is None else as_tensor(residual).data,
            activation=activation,
            packed=conv.packed,
            version=version,
        )
    )


def run(modules: Iterable[Module], input: Any) -> Any:
    """One module after another, as few passes as give the same."""
    waiting = list(modules)
    at = 0
    while at < len(waiting):
        module, after = waiting[at], waiting[at + 1 : at + 3]
        at += 1
        if type(module) is Conv2d and after and type(after[0]) is BatchNorm2d:
            activation = _activation(after[0], after[1:])
            input = conv_norm(module, after[0], input, activation=activation)
            at += 1 + (activation != "none")
        elif type(module) in (Conv2d, BatchNorm2d, Linear):
            activation = _activation(module, after[:1])
            input = module(input) if activation == "none" else module(input, activation=activation)
            at += activation != "none"
        else:
            input = module(input)
    return input


def _activation(module: Module, after: list[Module]) -> Activation:
    """What `module` may compute of the next layer; nobody may watch either of them."""
    if not after or module.is_watched or after[0].is_watched:
        return "none"
    return ACTIVATIONS.get(type(after[0]), "none")


def _gathers(conv: Module, norm: Module) -> bool:
    if type(conv) is not Conv2d or type(norm) is not BatchNorm2d:
        return False
    return norm.uses_batch and not conv.is_watched and not norm.is_watched


def _folds(conv: Module, norm: Module, x: Tensor, residual: Tensor | None) -> bool:
    if type(conv) is not Conv2d or type(norm) is not BatchNorm2d or isinstance(conv.padding, str):
        return False
    if conv.padding_mode != "zeros":
        return False
    if norm.uses_batch or conv.is_watched or norm.is_watched:
        return False
    given = (x, residual, conv.weight, conv.bias, norm.weight, norm.bias)
    return not is_recorded(t for t in given if isinstance(t, Tensor))
