"""What each layer of a network gives for one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.nn import Module

__all__ = ["Call", "Layer", "calls", "capture"]

_SILENT = {"Dropout", "Flatten", "Identity"}  # layers whose output shows nothing new
_ACTIVATIONS = {"ReLU"}


@dataclass(frozen=True)
class Layer:
    """The output of one layer: its name in the model, its kind, and the array without the batch."""

    name: str
    kind: str
    output: npt.NDArray[np.float32]


class Call(NamedTuple):
    """One use of a layer: its name, the layer, the tensor it got and the tensor it gave."""

    name: str
    layer: Module
    given: Any
    output: Any

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__


def calls(model: Module, images: npt.NDArray[np.float32]) -> list[Call]:
    """Run the model in evaluation mode on images (N, C, H, W); give each use of an innermost layer.

    Uses that do not give a tensor are left out; a layer that is used twice occurs twice.
    """
    import convlet as cl

    seen: list[Call] = []
    handles = []
    for name, module in model.named_modules():
        if not any(True for _ in module.children()):

            def record(layer: Module, inputs: Any, output: Any, name: str = name) -> None:
                if isinstance(output, cl.Tensor):
                    seen.append(Call(name, layer, inputs[0] if inputs else None, output))

            handles.append(module.register_forward_hook(record))
    try:
        with cl.evaluating(model), cl.no_grad():
            model(cl.Tensor(images))
    finally:
        for handle in handles:
            handle.remove()
    return seen


def capture(model: Module, image: npt.NDArray[np.float32]) -> list[Layer]:
    """Run the model once in evaluation mode on an image (C, H, W); give each layer's output in order.

    Layers that only reshape, or do nothing when not training, are left out; an activation of what a
    layer has just given replaces it, under the name of both.
    """
    layers: list[Layer] = []
    before: Any = None
    for call in calls(model, image[None]):
        if call.kind in _SILENT:
            continue
        array = np.array(call.output.numpy()[0], dtype=np.float32)
        if call.kind in _ACTIVATIONS and layers and call.given is before:
            layers[-1] = Layer(layers[-1].name, f"{layers[-1].kind} + {call.kind}", array)
        else:
            layers.append(Layer(call.name, call.kind, array))
        before = call.output
    return layers
