"""PyTorch's side, in both of its memory formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from convlet.bench import _torch_detectors, _torch_networks
from convlet.bench.layers import BACKWARD, FORWARD, OF_INPUT, OF_WEIGHT, normal
from convlet.bench.networks import BATCH, MOMENTUM, ONE, RATE, STEP, small_vgg
from convlet.bench.sides.base import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.bench.layers import Array, BatchNorm2d, Conv2d, Linear, MaxPool2d
    from convlet.bench.networks import Network
    from convlet.bench.sides.base import Calls


def sides(threads: int) -> list[Side]:
    """One for each memory format."""
    torch.set_num_threads(threads)
    return [
        Torch("PyTorch", torch.contiguous_format),
        Torch("PyTorch ch. last", torch.channels_last),
    ]


def build(case: Network) -> Any:
    """The network of a case in PyTorch's layers, in its first state."""
    if case.model == "small_vgg":
        model = small_vgg(torch.nn)
    else:
        model = _torch_networks.build(case.model, **dict(case.arguments))
    model.load_state_dict({name: torch.tensor(value) for name, value in case.state().items()})
    return model


class Torch(Side):
    """Eager PyTorch with images and weights in one memory format."""

    version = str(torch.__version__)

    def __init__(self, name: str, memory_format: Any) -> None:
        """Remember the format."""
        self.name, self.format = name, memory_format

    def images(self, array: Array) -> Any:
        """A tensor of its own in the format."""
        return torch.tensor(array).contiguous(memory_format=self.format)

    def conv2d(self, case: Conv2d) -> Calls:
        """The forward operator, and the backward one asked for one gradient at a time."""
        x, dy = self.images(normal(*case.x)), self.images(normal(*case.y, seed=2))
        weight = self.images(normal(*case.weight, seed=1))
        pairs = [(n, n) for n in (case.stride, case.padding, case.dilation)]

        def gradient(which: int) -> Any:
            mask = [which == 0, which == 1, False]
            return torch.ops.aten.convolution_backward(
                dy, x, weight, None, *pairs, False, [0, 0], case.groups, mask
            )[which]

        return {
            FORWARD: lambda: F.conv2d(x, weight, None, *pairs, case.groups),
            OF_INPUT: lambda: gradient(0),
            OF_WEIGHT: lambda: gradient(1),
        }

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Through autograd, whose graph is kept."""
        window = (case.kernel, case.stride, case.padding)
        x, dy = self.images(normal(*case.x)), self.images(normal(*case.y, seed=2))
        leaf = x.clone().requires_grad_()
        y = F.max_pool2d(leaf, *window)
        return {
            FORWARD: lambda: F.max_pool2d(x, *window, return_indices=True)[0],
            OF_INPUT: lambda: torch.autograd.grad(y, leaf, dy, retain_graph=True),
        }

    def batch_norm(self, case: BatchNorm2d) -> Calls:
        """Through autograd, whose graph is kept."""
        x, dy = self.images(normal(*case.x)), self.images(normal(*case.x, seed=2))
        weight, bias = (torch.tensor(normal(case.channels, seed=seed)) for seed in (3, 4))
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]

        def forward(x: Any, weight: Any, bias: Any) -> Any:
            return F.relu(F.batch_norm(x, None, None, weight, bias, training=True), inplace=True)

        y = forward(*leaves)
        return {
            FORWARD: lambda: forward(x, weight, bias),
            BACKWARD: lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True),
        }

    def linear(self, case: Linear) -> Calls:
        """Matrix products; the format has no meaning, so only the first side does them."""
        if self.format is not torch.contiguous_format:
            return {}
        x = torch.tensor(normal(case.images, case.features))
        weight = torch.tensor(normal(case.out_features, case.features, seed=1))
        bias = torch.tensor(normal(case.out_features, seed=3))
        dy = torch.tensor(normal(case.images, case.out_features, seed=2))
        return {
            FORWARD: lambda: F.linear(x, weight, bias),
            OF_INPUT: lambda: dy @ weight,
            OF_WEIGHT: lambda: dy.T @ x,
        }

    def network(self, case: Network) -> Calls:
        """The same layers and the same first state."""
        return {
            STEP: self._step(case),
            BATCH: self._inference(case, BATCH),
            ONE: self._inference(case, ONE),
        }

    def _step(self, case: Network) -> Callable[[], Any]:
        model = build(case).to(memory_format=self.format).train()
        x, labels = self.images(case.batch(STEP)), torch.tensor(case.labels())
        loss = _torch_detectors.fcos_loss if case.detector else torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

        def step() -> float:
            optimizer.zero_grad()
            value = loss(model(x), labels)
            value.backward()
            optimizer.step()
            return float(value.item())

        return step

    def _inference(self, case: Network, kind: str) -> Callable[[], Any]:
        model = build(case).to(memory_format=self.format).eval()
        x = self.images(case.batch(kind))

        def infer() -> Any:
            with torch.inference_mode():
                return model(x).numpy()

        return infer
