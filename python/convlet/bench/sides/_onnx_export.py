"""Forward passes as ONNX files, for the libraries that only infer."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import torch

from convlet.bench.layers import normal
from convlet.bench.sides._torch import build

if TYPE_CHECKING:
    from convlet.bench.layers import Array, Conv2d, MaxPool2d
    from convlet.bench.networks import Network

__all__ = ["conv2d", "max_pool2d", "network"]


def conv2d(case: Conv2d) -> bytes:
    """A layer with the weights of the other sides."""
    layer = torch.nn.Conv2d(
        case.channels,
        case.out_channels,
        case.kernel,
        case.stride,
        case.padding,
        case.dilation,
        case.groups,
        bias=False,
    )
    layer.load_state_dict({"weight": torch.tensor(normal(*case.weight, seed=1))})
    return _exported(layer, normal(*case.x))


def max_pool2d(case: MaxPool2d) -> bytes:
    """A layer."""
    layer = torch.nn.MaxPool2d(case.kernel, case.stride, case.padding)
    return _exported(layer, normal(*case.x))


def network(case: Network, kind: str) -> bytes:
    """A network in evaluation mode."""
    return _exported(build(case), case.batch(kind))


def _exported(model: Any, x: Array) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the older one
        torch.onnx.export(model.eval(), (torch.tensor(x),), buffer, input_names=["x"], dynamo=False)
    return buffer.getvalue()
