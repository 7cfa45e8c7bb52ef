"""What a model is made of, layer by layer: shapes, parameters, work, memory, receptive fields."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.nn._convolution import Convolution
from convlet.nn.conv_transpose import ConvTranspose2d
from convlet.nn.functional._windows import noting, receptive_field
from convlet.nn.linear import Linear
from convlet.nn.module import evaluating
from convlet.ops._arguments import describe, integer
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.nn.functional._windows import Field
    from convlet.nn.module import HookHandle, Module

__all__ = ["LayerSummary", "Summary", "summary"]

FLOAT = 4  # bytes


@dataclass(frozen=True)
class LayerSummary:
    """One call of one layer.

    `receptive_field` and `stride` are (rows, columns) of the input that a pixel of the output can
    see, and the distance between those of neighbours; None where there are no images.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    memory: int
    receptive_field: tuple[int, int] | None
    stride: tuple[float, float] | None


@dataclass(frozen=True)
class Summary:
    """The layers of a model in the order of their calls, and their totals; prints as a table.

    `macs` are the multiply-adds of convolutions and linear layers; `memory` the bytes of all
    outputs, which training keeps; parameters that layers share count once.
    """

    model: str
    input_shapes: tuple[tuple[int, ...], ...]
    layers: tuple[LayerSummary, ...]
    parameters: int
    trainable: int
    macs: int
    memory: int

    @property
    def parameter_memory(self) -> int:
        """Bytes of the parameters."""
        return FLOAT * self.parameters

    def __str__(self) -> str:
        """The table."""
        heads = ("layer", "kind", "output", "parameters", "MACs", "memory", "sees", "stride")
        rows = [
            (
                layer.name,
                layer.kind,
                " x ".join(map(str, layer.output_shape)),
                f"{layer.parameters:,}" if layer.parameters else "",
                _short(layer.macs, "", 1000) if layer.macs else "",
                _short(layer.memory, "B", 1024),
                _pair(layer.receptive_field),
                _pair(layer.stride),
            )
            for layer in self.layers
        ]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [_line(heads, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
        lines += [_line(row, widths) for row in rows]
        shapes = ", ".join(" x ".join(map(str, shape)) for shape in self.input_shapes)
        lines += [
            lines[1],
            f"{self.model} on {shapes}: {self.parameters:,} parameters "
            f"({_short(self.parameter_memory, 'B', 1024)}), {self.trainable:,} of them trained; "
            f"{_short(self.macs, '', 1000)} MACs; outputs {_short(self.memory, 'B', 1024)}",
        ]
        return "\n".join(lines)

    __repr__ = __str__


def summary(
    model: Module, input_shape: Sequence[int] | Sequence[Sequence[int]], batch_size: int = 1
) -> Summary:
    """Run a model on zeros, in evaluation mode, and tell what each of its layers does.

    A row is a call of a module without modules inside, or of one with parameters of its own. What a
    `forward` computes by functions has no row, but its windows count in the receptive fields. The
    model is left as it was.

    Args:
        model: any module.
        input_shape: the shape of its input without the batch, (C, H, W) for images; a sequence of
            shapes for a model of several inputs.
        batch_size: how many of them.

    Raises:
        TypeError: a shape is not made of ints.
        ValueError: an extent is below 1; or what the model says to that shape.

    Example:
        >>> from convlet import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 8, 3))
        >>> table = nn.summary(model, (1, 9, 9))
        >>> table.parameters, table.macs, table.layers[2].receptive_field, table.layers[2].stride
        (336, 1728, (7, 7), (2, 2))
        >>> print(table)
        layer  kind    output         parameters     MACs  memory   sees  stride
        ------------------------------------------------------------------------
        0      Conv2d  1 x 4 x 4 x 4          40      576   256 B  3 x 3   2 x 2
        1      ReLU    1 x 4 x 4 x 4                        256 B  3 x 3   2 x 2
        2      Conv2d  1 x 8 x 2 x 2         296  1.152 k   128 B  7 x 7   2 x 2
        ------------------------------------------------------------------------
        Sequential on 1 x 9 x 9: 336 parameters (1.312 KiB), 336 of them trained; 1.728 k MACs; outputs 640 B
    """
    shapes = _shapes(input_shape)
    many = integer(batch_size, "summary", "batch_size")
    if many < 1:
        raise ValueError(f"summary: batch_size must be at least 1, got {many}")
    inputs = [Tensor(np.zeros((many, *shape), np.float32), requires_grad=True) for shape in shapes]
    layers: list[LayerSummary] = []
    with noting() as windows, evaluating(model):
        seen = _Watch(layers, windows, inputs[0])
        handles = [handle for handle in map(seen.watch, *_named(model)) if handle is not None]
        try:
            model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
    parameters = list(model.parameters())
    return Summary(
        type(model).__name__,
        tuple(shapes),
        tuple(layers),
        sum(p.data.size for p in parameters),
        sum(p.data.size for p in parameters if p.requires_grad),
        sum(layer.macs for layer in layers),
        sum(layer.memory for layer in layers),
    )


class _Watch:
    """Hooks that write a row for each call."""

    def __init__(
        self, layers: list[LayerSummary], windows: dict[int, Field], input: Tensor
    ) -> None:
        self.layers = layers
        self.windows = windows
        self.input = input
        self.known: dict[int, Field | None] = {}
        self.counted: set[int] = set()

    def watch(self, name: str, module: Module) -> HookHandle | None:
        own = list(module.parameters(recurse=False))
        if not own and next(iter(module.children()), None) is not None:
            return None

        def row(_: Module, inputs: tuple[Any, ...], output: Any) -> None:
            outputs = [each for each in _flat(output) if isinstance(each, Tensor)]
            if not outputs:
                return
            y = outputs[0]
            new = [p for p in own if id(p) not in self.counted]
            self.counted.update(map(id, new))
            field = receptive_field(y, self.input, self.windows, self.known)
            size, stride = _seen(field, self.input.shape)
            self.layers.append(
                LayerSummary(
                    name or type(module).__name__,
                    type(module).__name__,
                    y.shape,
                    sum(p.data.size for p in new),
                    _macs(module, inputs, y),
                    FLOAT * sum(each.data.size for each in outputs),
                    size,
                    stride,
                )
            )

        return module.register_forward_hook(row)


def _named(model: Module) -> tuple[list[str], list[Module]]:
    pairs = list(model.named_modules())
    return [name for name, _ in pairs], [module for _, module in pairs]


def _macs(module: Module, inputs: tuple[Any, ...], y: Tensor) -> int:
    if isinstance(module, ConvTranspose2d):
        return int(np.size(inputs[0].data)) * (module.weight.data.size // module.in_channels)
    if isinstance(module, Convolution):
        return y.data.size * (module.weight.data.size // module.out_channels)
    return y.data.size * module.in_features if isinstance(module, Linear) else 0


def _seen(
    field: Field | None, shape: tuple[int, ...]
) -> tuple[tuple[int, int] | None, tuple[float, float] | None]:
    """A field in whole pixels; what sees everything sees the size of the image."""
    if field is None or len(shape) != 4:
        return None, None
    sizes = [
        extent if math.isinf(s) else math.ceil(s)
        for s, extent in zip(field.size, shape[2:], strict=True)
    ]
    if math.isinf(field.stride[0]):
        return (sizes[0], sizes[1]), None
    strides = [int(s) if s == int(s) else s for s in field.stride]
    return (sizes[0], sizes[1]), (strides[0], strides[1])


def _flat(output: Any) -> list[Any]:
    if isinstance(output, dict):
        return [each for part in output.values() for each in _flat(part)]
    if isinstance(output, (tuple, list)):
        return [each for part in output for each in _flat(part)]
    return [output]


def _shapes(given: Any) -> list[tuple[int, ...]]:
    if not isinstance(given, (tuple, list)) or not given:
        raise TypeError(f"summary: input_shape must be a tuple of ints, got {describe(given)}")
    several = given if isinstance(given[0], (tuple, list)) else [given]
    shapes = [
        tuple(integer(extent, "summary", "input_shape") for extent in shape) for shape in several
    ]
    for shape in shapes:
        if min(shape, default=1) < 1:
            raise ValueError(f"summary: input_shape must be at least 1 everywhere, got {shape}")
    return shapes


def _short(number: float, unit: str, base: int) -> str:
    """A number in four digits with k, M, G or T, of bytes Ki, Mi, Gi or Ti."""
    prefixes = ("", "k", "M", "G", "T") if base == 1000 else ("", "Ki", "Mi", "Gi", "Ti")
    power = 0
    while number >= base and power < 4:
        number /= base
        power += 1
    return f"{number:.4g} {prefixes[power]}{unit}".rstrip()


def _pair(sizes: tuple[float, float] | None) -> str:
    return "" if sizes is None else f"{sizes[0]:.4g} x {sizes[1]:.4g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        cell.ljust(width) if place < 3 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(texts).rstrip()
