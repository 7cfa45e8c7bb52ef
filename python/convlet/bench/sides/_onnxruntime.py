"""ONNX Runtime's side: inference only, of what PyTorch exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

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
    return [OnnxRuntime(threads)]


class OnnxRuntime(Side):
    """Sessions on the CPU with all of its graph optimisations."""

    name = "ONNX Runtime"
    version = str(onnxruntime.__version__)

    def __init__(self, threads: int) -> None:
        """Remember the threads."""
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1

    def conv2d(self, case: Conv2d) -> Calls:
        """Forward."""
        return {FORWARD: self._session(_onnx_export.conv2d(case), normal(*case.x))}

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Forward."""
        return {FORWARD: self._session(_onnx_export.max_pool2d(case), normal(*case.x))}

    def network(self, case: Network) -> Calls:
        """Inference."""
        return {
            kind: self._session(_onnx_export.network(case, kind), case.batch(kind))
            for kind in (BATCH, ONE)
        }

    def _session(self, model: bytes, x: Array) -> Callable[[], Any]:
        session = onnxruntime.InferenceSession(
            model, self.options, providers=["CPUExecutionProvider"]
        )
        given = {"x": np.ascontiguousarray(x)}
        return lambda: session.run(None, given)[0]
