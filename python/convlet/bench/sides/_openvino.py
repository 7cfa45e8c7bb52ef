"""OpenVINO's side: inference only, of what PyTorch exports."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino

from convlet.bench.layers import FORWARD, normal
from convlet.bench.networks import BATCH, ONE
from convlet.bench.sides import _onnx_export
from convlet.bench.sides.base import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.bench.layers import Array, Conv2d, MaxPool2d
    from convlet.bench.networks import Network
    from convlet.bench.sides.base import Calls


def sides(threads: int) -> list[Side]:
    """One."""
    return [OpenVino(threads)]


class OpenVino(Side):
    """Models compiled for the CPU and for latency, computing in float32 as the others do."""

    name = "OpenVINO"
    version = str(openvino.__version__)

    def __init__(self, threads: int) -> None:
        """Remember the threads."""
        self.settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }

    def conv2d(self, case: Conv2d) -> Calls:
        """Forward."""
        return {FORWARD: self._request(_onnx_export.conv2d(case), normal(*case.x))}

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Forward."""
        return {FORWARD: self._request(_onnx_export.max_pool2d(case), normal(*case.x))}

    def network(self, case: Network) -> Calls:
        """Inference."""
        return {
            kind: self._request(_onnx_export.network(case, kind), case.batch(kind))
            for kind in (BATCH, ONE)
        }

    def _request(self, model: bytes, x: Array) -> Callable[[], Any]:
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(io.BytesIO(model)), "CPU", self.settings)
        request = compiled.create_infer_request()
        given = [openvino.Tensor(np.ascontiguousarray(x))]
        return lambda: next(iter(request.infer(given).values()))
