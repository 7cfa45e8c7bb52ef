"""Receptive fields: as the arithmetic of strides and kernels says, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import convlet as cl
from convlet import models, nn
from convlet.viz.field import Box, Unit, receptive_boxes


def by_arithmetic(
    layers: list[tuple[int, int, int, int]], unit: int, extent: int
) -> tuple[int, int]:
    """First and last pixel + 1 that a unit sees, layer by layer backwards: kernel, stride, padding, dilation."""
    first = last = unit
    for kernel, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + (kernel - 1) * dilation
    return max(first, 0), min(last + 1, extent)


STACKS = [
    [(3, 1, 1, 1)],
    [(5, 2, 2, 1), (3, 1, 0, 2)],
    [(3, 1, 1, 1), (2, 2, 0, 1), (3, 1, 1, 1), (2, 2, 0, 1), (3, 1, 1, 1)],
    [(1, 1, 0, 1), (4, 3, 1, 1)],
]


@pytest.mark.parametrize("stack", STACKS, ids=str)
@pytest.mark.parametrize("channels", [2, 16])  # 16: Winograd's shapes
def test_fields_of_stacks_are_those_of_arithmetic(
    stack: list[tuple[int, int, int, int]], channels: int
) -> None:
    cl.seed(0)
    convolutions = [
        nn.Conv2d(1 if i == 0 else channels, channels, k, s, p, d)
        for i, (k, s, p, d) in enumerate(stack)
    ]
    model, height, width = nn.Sequential(*convolutions), 23, 19
    y = model(cl.Tensor(np.zeros((1, 1, height, width), np.float32)))
    for row, column in (
        (0, 0),
        (y.shape[2] // 2, y.shape[3] // 3),
        (y.shape[2] - 1, y.shape[3] - 1),
    ):
        (box,) = receptive_boxes(model, (1, height, width), [Unit(len(stack) - 1, row, column)])
        top, bottom = by_arithmetic(stack, row, height)
        left, right = by_arithmetic(stack, column, width)
        assert box == Box(top, left, bottom, right)


def test_a_branch_sees_what_its_widest_side_sees() -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow, self.wide = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 5, padding=2)
            self.last = nn.ReLU()

        def forward(self, x: cl.Tensor) -> cl.Tensor:
            y: cl.Tensor = self.last(self.narrow(x) + self.wide(x))
            return y

    assert receptive_boxes(Branch(), (1, 9, 9), [Unit(2, 4, 4)]) == [Box(2, 2, 7, 7)]


def test_whatever_joins_all_pixels_sees_them_all() -> None:
    model = models.lenet5(seed=0)
    calls = ["conv1", "relu", "pool", "conv2", "relu", "pool", "flatten", "fc1"]
    boxes = receptive_boxes(model, (1, 28, 28), [Unit(5, 2, 2), Unit(calls.index("fc1"), 0, 0)])
    assert boxes == [Box(6, 6, 22, 22), Box(0, 0, 28, 28)]


def test_exactness_is_left_as_it_was() -> None:
    receptive_boxes(nn.Conv2d(1, 1, 3), (1, 5, 5), [Unit(0, 0, 0)])
    assert not cl.show_config(mode="dicts")["exact_conv"]
