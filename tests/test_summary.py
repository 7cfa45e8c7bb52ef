"""What `summary` says of a model: work, memory and receptive fields, counted by other means too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn
from convlet.nn import functional as F


def by_name(table: nn.Summary) -> dict[str, nn.LayerSummary]:
    return {layer.name: layer for layer in table.layers}


class Branches(nn.Module):
    """A residual block whose pooling is a function, and a head that sees all."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(1, 4, 1)
        self.far = nn.Conv2d(1, 4, 5, padding=2)
        self.act = nn.ReLU()
        self.last = nn.Conv2d(8, 2, 3, stride=2, bias=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        y = cl.cat([self.near(x), self.far(x)], 1)
        y = self.last(F.max_pool2d(self.act(y), 2))
        return self.head(y.flatten(1))


def test_work_memory_and_fields_of_branches_by_hand() -> None:
    table = nn.summary(Branches(), (1, 10, 10))
    layers = by_name(table)
    assert [layer.name for layer in table.layers] == ["near", "far", "act", "last", "head"]
    assert layers["far"].macs == 4 * 100 * 25
    assert layers["last"].macs == 2 * 2 * 2 * 8 * 9
    assert layers["head"].macs == 8 * 3
    assert layers["far"].parameters == 4 * 25 + 4
    assert layers["act"].memory == 4 * 8 * 100
    fields = {name: (layer.receptive_field, layer.stride) for name, layer in layers.items()}
    assert fields == {
        "near": ((1, 1), (1, 1)),
        "far": ((5, 5), (1, 1)),
        "act": ((5, 5), (1, 1)),
        "last": ((10, 10), (4, 4)),
        "head": ((10, 10), None),
    }
    assert table.parameters == sum(p.numel() for p in Branches().parameters())
    assert table.macs == sum(layer.macs for layer in table.layers)
    assert table.memory == sum(layer.memory for layer in table.layers)


def test_fields_of_known_networks() -> None:
    layers = by_name(nn.summary(models.resnet18(), (3, 64, 64)))
    assert layers["conv1"].receptive_field == (7, 7)
    assert layers["layer4.1.conv2"].receptive_field == (435, 435)
    assert layers["layer4.1.conv2"].stride == (32, 32)


@pytest.mark.parametrize("enlarging", [False, True])
def test_a_field_is_what_changes_the_output(enlarging: bool, rng: np.random.Generator) -> None:
    # Where images become larger, a field is as large as neighbours might see, a pixel more at most.
    model = nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), stride=(2, 1), dilation=(1, 3), bias=False),
        nn.AvgPool2d(2, 1),
        nn.ConvTranspose2d(2, 2, 3, stride=2) if enlarging else nn.ReLU6(),
        nn.Conv2d(2, 1, 2),
    )
    model[0].weight.data[...] = 0.25
    (field,) = [layer.receptive_field for layer in nn.summary(model, (1, 31, 30)).layers[-1:]]
    assert field is not None
    x = Tensor(rng.uniform(0.5, 1, (1, 1, 31, 30)), requires_grad=True)
    y = model(x)
    sizes: list[tuple[int, int]] = []
    for i, j in np.ndindex(2, 2):  # of pixels beside each other one sees the most
        x.zero_grad()
        y[0, 0, 5 + i, 9 + j].backward(retain_graph=True)
        assert x.grad is not None
        rows, columns = np.nonzero(x.grad.data[0, 0])
        sizes.append((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
    seen = (max(h for h, _ in sizes), max(w for _, w in sizes))
    assert all(0 <= a - b <= enlarging for a, b in zip(field, seen, strict=True))


def test_enlarging_divides_the_stride() -> None:
    model = nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=2))
    layers = nn.summary(model, (4, 16, 16)).layers
    assert [layer.stride for layer in layers] == [(4, 4), (2, 2)]
    assert layers[1].receptive_field == (4, 4)
    table = nn.summary(nn.AdaptiveAvgPool2d(1), (2, 6, 8))
    assert table.layers[0].receptive_field == (6, 8)


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.ReLU())
    model[1].eval()
    state = {name: value.copy() for name, value in model.state_dict().items()}
    random = cl.random.default_generator.get_state()
    nn.summary(model, (1, 5, 5))
    assert [module.training for module in model] == [True, False, True, True]
    assert not any(module.is_watched for module in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert random == cl.random.default_generator.get_state()
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    with pytest.raises(ValueError, match="conv2d"):
        nn.summary(model, (3, 5, 5))
    assert not any(module.is_watched for module in model.modules())


def test_layers_used_twice_count_their_parameters_once() -> None:
    layer = nn.Linear(4, 4)
    table = nn.summary(nn.Sequential(layer, nn.ReLU(), layer), (4,), batch_size=5)
    assert [each.parameters for each in table.layers] == [20, 0, 0]
    assert table.parameters == 20
    assert table.macs == 2 * 5 * 16
    assert table.layers[0].receptive_field is None


def test_several_inputs_and_volumes() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv3d(1, 2, 3)
            self.scale = nn.Parameter(np.ones(1))

        def forward(self, x: Any, y: Any) -> Any:
            return self.conv(x) * self.scale + y

    table = nn.summary(Both(), [(1, 4, 5, 6), (1, 1, 1)])
    assert table.layers[0].macs == 2 * 2 * 3 * 4 * 27
    assert table.layers[1].kind == "Both"
    assert table.layers[1].parameters == 1
    assert table.parameters == 2 * 27 + 2 + 1


def test_the_table_has_a_line_for_each_layer_and_the_totals() -> None:
    frozen = models.lenet5()
    next(iter(frozen.parameters())).requires_grad = False
    table = cl.summary(frozen, (1, 28, 28))
    lines = str(table).splitlines()
    assert len(lines) == len(table.layers) + 4
    assert lines[-1].startswith("LeNet5 on 1 x 28 x 28: 61,706 parameters (241 KiB), 61,556 of")
    assert "61,556" in repr(table)


ANY: Any = nn


@pytest.mark.parametrize(
    ("shape", "more", "error", "message"),
    [
        (28, {}, TypeError, "input_shape must be a tuple of ints, got int 28"),
        ((), {}, TypeError, "input_shape must be a tuple of ints"),
        ((1, 2.5), {}, TypeError, "input_shape must be an int, got float 2.5"),
        ((1, 0, 4), {}, ValueError, "input_shape must be at least 1 everywhere"),
        ((1, 4, 4), {"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    ],
)
def test_shapes_that_make_no_sense_are_refused(
    shape: Any, more: dict[str, int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ANY.summary(nn.ReLU(), shape, **more)
