"""Layers that follow one another, computed in one pass over memory where that gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from convlet import _core
from convlet.autograd import is_recorded
from convlet.grad_mode import mode
from convlet.nn._conv_norm import are_one, conv_batch_norm
from convlet.nn._sequence import ModuleSequence
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
    from convlet.ops.conv2d_chain import LinkArguments

__all__ = ["Step", "chain", "conv_norm", "run"]

ACTIVATIONS: dict[type[Module], Activation] = {
    ReLU: "relu",
    ReLU6: "relu6",
    SiLU: "silu",
    Hardswish: "hardswish",
}


class Step(NamedTuple):
    """A convolution and what follows it; `conv_norm` says what the fields are."""

    conv: Module
    norm: Module
    activation: Activation = "none"
    padding: Sequence[int] | None = None


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
        assert isinstance(conv, Conv2d)
        assert isinstance(norm, BatchNorm2d)
        more = None if residual is None else as_tensor(residual)
        if are_one(conv, norm, x, activation):
            return conv_batch_norm(conv, norm, x, more, activation, padding)
        moments: list[Array] = []
        x = conv(x, moments=moments, **border)
        y: Tensor = norm(x, residual=residual, activation=activation, moments=moments)
        return y
    if _folds(conv, norm, x, residual):
        return _linked([Step(conv, norm, activation, padding)], x, residual)
    apart: Tensor = norm(conv(x, **border), residual=residual, activation=activation)
    return apart


def chain(steps: Sequence[Step], input: Tensor, residual: Tensor | None = None) -> Tensor:
    """`conv_norm` of one step after the other; the last one adds the residual.

    In evaluation they are one call (`ops.conv2d_chain`), which keeps in the caches what is between
    kernels of 1x1 or of single channels.
    """
    x, at = as_tensor(input), 0
    while at < len(steps):
        end = at
        while end < len(steps) and _folds(steps[end].conv, steps[end].norm, x, residual):
            end += 1
        more = residual if max(end, at + 1) == len(steps) else None
        if end > at:
            x, at = _linked(steps[at:end], x, more), end
        else:
            conv, norm, activation, padding = steps[at]
            x = conv_norm(conv, norm, x, residual=more, activation=activation, padding=padding)
            at += 1
    return x


def run(modules: Iterable[Module], input: Any, residual: Tensor | None = None) -> Any:
    """One module after another, as few passes as give the same.

    With a residual the last ones must be a convolution, its normalisation, and maybe an activation:
    it is added before that.
    """
    waiting, steps, at = _in_order(modules), list[Step](), 0
    while at < len(waiting):
        module, after = waiting[at], waiting[at + 1 : at + 3]
        at += 1
        if type(module) is Conv2d and after and type(after[0]) is BatchNorm2d:
            activation = _activation(after[0], after[1:])
            steps.append(Step(module, after[0], activation))
            at += 1 + (activation != "none")
            continue
        if steps:
            input, steps = chain(steps, input), []
        if type(module) in (Conv2d, BatchNorm2d, Linear):
            activation = _activation(module, after[:1])
            input = module(input) if activation == "none" else module(input, activation=activation)
            at += activation != "none"
        else:
            input = module(input)
    if residual is not None and not steps:
        raise TypeError("run: a residual needs a convolution and its normalisation at the end")
    return chain(steps, input, residual) if steps else input


def _in_order(modules: Iterable[Module]) -> list[Module]:
    """The modules, and in place of sequences those that they would call."""
    flat: list[Module] = []
    for module in modules:
        inner = module.in_order() if isinstance(module, ModuleSequence) else None
        flat.extend([module] if inner is None else _in_order(inner))
    return flat


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
    if not mode.recording:
        return True
    given = (x, residual, conv.weight, conv.bias, norm.weight, norm.bias)
    return not is_recorded(t for t in given if isinstance(t, Tensor))


def _linked(steps: Sequence[Step], x: Tensor, residual: Tensor | None) -> Tensor:
    """Steps that fold, as one call."""
    more = None if residual is None else as_tensor(residual).data
    # Layers have checked what they are made of: there is nothing for `ops.conv2d_chain` to check.
    return Tensor.detached(_core.conv2d_chain(x.data, [_link(*step) for step in steps], more))


def _link(
    conv: Module, norm: Module, activation: Activation, padding: Sequence[int] | None
) -> LinkArguments:
    assert isinstance(conv, Conv2d)
    assert isinstance(norm, BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    border = conv.padding if padding is None else padding
    assert not isinstance(border, str)
    weight, version = array_and_version(conv.weight)
    return (
        weight,
        None if conv.bias is None else conv.bias.data,
        conv.stride,
        (*border, *border) if len(border) == 2 else border,
        conv.dilation,
        conv.groups,
        activation,
        None,
        (
            norm.running_mean,
            norm.running_var,
            None if norm.weight is None else norm.weight.data,
            None if norm.bias is None else norm.bias.data,
            norm.eps,
        ),
        conv.packed,
        version,
    )
