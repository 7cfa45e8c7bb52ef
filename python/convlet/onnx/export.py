"""Writing a network as an ONNX file."""

from __future__ import annotations

import importlib
import json
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet._version_text import version
from convlet.io import atomic_write
from convlet.nn.module import Module, evaluating
from convlet.onnx.graph import IMAGES, Graph
from convlet.onnx.operators import OPERATORS, OPSET
from convlet.onnx.trace import trace
from convlet.ops._arguments import extents
from convlet.tensor import Tensor

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from convlet.onnx.trace import Trace

__all__ = ["export"]

_BATCH = "batch"
_IR = 8  # the version of the file's form that goes with the opset
_LARGEST = 2**31 - 1  # bytes of a protocol buffer


def export(
    model: Module,
    path: str | os.PathLike[str],
    input_shape: Sequence[int],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a network, as it is in evaluation mode, as an ONNX file for other libraries to run.

    The input `images` has any number of images (N, C, H, W) of the size given; outputs are called
    `output`, or `output_1`, `output_2` … if there are several. Weights keep their names of
    `state_dict`. The file is checked by the onnx library before it is written as a whole.

    Args:
        model: is run on a few random images, and left as it is. What it does beside the operations
            on tensors, or depending on their values, cannot be exported.
        path: where to.
        input_shape: (C, H, W) of one image.
        metadata: texts to go with it. Where the model has them, `classes` and `preprocessing` are
            put in as JSON: what the scores mean, and what images are to be.

    Raises:
        ImportError: the onnx library is missing: pip install "convlet[onnx]".
        TypeError: the model is no module, gives something else than tensors, or metadata are not
            texts.
        ValueError: an operator has no counterpart here, which is named; the shape is not (C, H, W);
            or the file would be larger than the 2 GB that its form allows.

    Example:
        >>> import importlib.util, tempfile
        >>> from convlet import models, onnx
        >>> path = Path(tempfile.mkdtemp()) / "lenet5.onnx"
        >>> if importlib.util.find_spec("onnx"):
        ...     onnx.export(models.lenet5(seed=0), path, (1, 28, 28))
    """
    kind: Any = type(model)
    if not issubclass(kind, Module):
        raise TypeError(f"export: model must be an nn.Module, got {kind.__name__}")
    onnx = _onnx()
    shape = extents(input_shape, "export", "input_shape")
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"export: input_shape must be (C, H, W) of at least 1, got {shape}")
    texts = {**_description(model), **(metadata or {})}
    for key, text in texts.items():
        if not all(isinstance(part, str) for part in (key, text)):
            raise TypeError(f"export: metadata must be text by name, got {key!r}: {text!r:.40}")
    draw = np.random.default_rng(0)
    with evaluating(model):
        first, second = (
            trace(model, draw.standard_normal((n, *shape), np.float32)) for n in (2, 3)
        )
    made = _model(onnx, model, first, second)
    onnx.helper.set_model_props(made, texts)
    onnx.checker.check_model(made, full_check=True)
    with atomic_write(Path(path)) as file:
        file.write(made.SerializeToString())


def _onnx() -> Any:
    try:
        onnx = importlib.import_module("onnx")
        for part in ("checker", "helper", "numpy_helper"):
            importlib.import_module(f"onnx.{part}")
    except ImportError as error:
        raise ImportError('ONNX files need onnx: pip install "convlet[onnx]"') from error
    return onnx


def _description(model: Module) -> dict[str, str]:
    """What the model itself knows of its classes and its images."""
    texts = {}
    classes, prepared = (vars(model).get(name) for name in ("classes", "preprocessing"))
    if isinstance(classes, (tuple, list)):  # and not a layer of that name
        texts["classes"] = json.dumps(list(classes))
    if is_dataclass(prepared):
        texts["preprocessing"] = json.dumps(vars(prepared))
    return texts


def _model(onnx: Any, model: Module, first: Trace, second: Trace) -> Any:
    """The file as the onnx library holds it."""
    names = [step.name for step in first.steps]
    if names != [step.name for step in second.steps]:
        raise ValueError("export: the model does not do the same for 2 and for 3 images")
    graph = Graph(onnx, _state(model))
    graph.call(first.images, IMAGES)
    for step, other in zip(first.steps, second.steps, strict=True):
        if step.name not in OPERATORS:
            raise ValueError(f"export: the operator {step.name} cannot be written as ONNX")
        paired = replace(step, other=other)
        graph.settle(paired)
        graph.call(step.result, OPERATORS[step.name](graph, paired))
    pairs = list(zip(first.outputs, second.outputs, strict=True))
    outputs = []
    for place, (output, twin) in enumerate(pairs, 1):
        if not graph.knows(output):
            raise ValueError("export: an output was not computed from the images by tensors")
        name = "output" if len(pairs) == 1 else f"output_{place}"
        graph.nodes.append(onnx.helper.make_node("Identity", [graph.of(output)], [name], name=name))
        outputs.append(_value(onnx, name, output.shape, twin.shape))
    if sum(array.nbytes for array in graph.constants.values()) > _LARGEST:
        raise ValueError("export: the weights are more than the 2 GB that an ONNX file may hold")
    made = onnx.helper.make_graph(
        graph.nodes,
        type(model).__name__,
        [_value(onnx, IMAGES, first.images.shape, second.images.shape)],
        outputs,
        [
            onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in graph.constants.items()
        ],
    )
    return onnx.helper.make_model(
        made,
        producer_name="convlet",
        producer_version=version(),
        ir_version=_IR,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )


def _state(model: Module) -> dict[int, str]:
    """The names of parameters and buffers by the identity of their arrays."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {id(v.data if isinstance(v, Tensor) else v): name for name, v in named}


def _value(onnx: Any, name: str, shape: tuple[int, ...], other: tuple[int, ...]) -> Any:
    extents: list[int | str] = [n if n == m else _BATCH for n, m in zip(shape, other, strict=True)]
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, extents)
