"""convlet beside NumPy, PyTorch, ONNX Runtime and others: what both compute, and who is sooner."""

from convlet.bench.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d
from convlet.bench.networks import Network
from convlet.bench.race import Row, race, selected
from convlet.bench.sides import available
from convlet.bench.timing import medians, peak_flops

__all__ = [
    "BatchNorm2d",
    "Conv2d",
    "Linear",
    "MaxPool2d",
    "Network",
    "Row",
    "available",
    "medians",
    "peak_flops",
    "race",
    "selected",
]
