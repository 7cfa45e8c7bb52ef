"""What each layer of a network gives for one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.nn import Module

_SILENT = {"Dropout", "Flatten", "Identity"}  # layers whose output shows nothing new
_ACTIVATIONS = {"ReLU"}


@dataclass(frozen=True)
class Layer:
    """The output of one layer: its name in the model, its kind, and the array without the batch."""

    name: str
    kind: str
    output: npt.NDArray[np.float32]


def capture(model: Module, image: npt.NDArray[np.float32]) -> list[Layer]:
    """Run the model once in evaluation mode on an image (C, H, W); give each layer's output in order.

    Layers that only reshape, or do nothing when not training, are left out; an activation of what a
    layer has just given replaces it, under the name of both.
    """
    import convlet as cl

    seen: list[tuple[str, Module, Any, Any]] = []  # name, layer, what it got, what it gave
    handles = []
    for name, module in model.named_modules():
        if not any(True for _ in module.children()):

            def record(layer: Module, inputs: Any, output: Any, name: str = name) -> None:
                seen.append((name, layer, inputs[0] if inputs else None, output))

            handles.append(module.register_forward_hook(record))
    try:
        with cl.evaluating(model), cl.no_grad():
            model(cl.Tensor(image[None]))
    finally:
        for handle in handles:
            handle.remove()

    layers: list[Layer] = []
    given: Any = None
    for name, module, got, output in seen:
        kind = type(module).__name__
        if kind in _SILENT or not isinstance(output, cl.Tensor):
            continue
        array = np.array(output.numpy()[0], dtype=np.float32)
        if kind in _ACTIVATIONS and layers and got is given:
            layers[-1] = Layer(layers[-1].name, f"{layers[-1].kind} + {kind}", array)
        else:
            layers.append(Layer(name, kind, array))
        given = output
    return layers
