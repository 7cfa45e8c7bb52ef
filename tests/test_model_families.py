"""VGG, ResNet, MobileNetV2 and U-Net: names, sizes, scores, training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn, optim
from convlet.nn import functional as F
from convlet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Iterator

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

# What each makes of small images, quickly.
SMALL: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("resnet18", {"num_classes": 3, "width": 0.5, "stem": "cifar"}, (4, 3, 8, 8)),
    ("resnet18", {"num_classes": 3, "width": 0.5}, (4, 3, 40, 33)),
    ("resnet50", {"num_classes": 3, "width": 0.25}, (4, 3, 65, 48)),
    ("mobilenet_v2", {"num_classes": 3, "width": 0.5, "dropout": 0.0}, (4, 3, 65, 48)),
    (
        "vgg11_bn",
        {"num_classes": 3, "width": 0.125, "dropout": 0.0, "stem": "cifar"},
        (4, 3, 28, 28),
    ),
    ("unet", {"num_classes": 3, "base_channels": 4}, (2, 3, 16, 32)),
]
small = pytest.mark.parametrize(
    ("name", "arguments", "shape"), SMALL, ids=[f"{name}-{shape[-1]}" for name, _, shape in SMALL]
)


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """First weights of 0: drawing the 140 million of a VGG takes seconds."""
    for name in ("uniform", "normal"):
        monkeypatch.setattr(Generator, name, lambda *_: np.float32(0))


def norm(prefix: str) -> list[str]:
    return [f"{prefix}.{name}" for name in NORM]


def vgg_names(stages: tuple[int, ...], batch_norm: bool) -> Iterator[str]:
    index = 0
    for count in stages:
        for _ in range(count):
            yield from (f"features.{index}.weight", f"features.{index}.bias")
            if batch_norm:
                yield from norm(f"features.{index + 1}")
            index += 3 if batch_norm else 2
        index += 1
    for linear in (0, 3, 6):
        yield from (f"classifier.{linear}.weight", f"classifier.{linear}.bias")


def resnet_names(blocks: tuple[int, ...], convolutions: int) -> Iterator[str]:
    yield from ("conv1.weight", *norm("bn1"))
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            start = f"layer{stage}.{block}"
            for i in range(1, convolutions + 1):
                yield from (f"{start}.conv{i}.weight", *norm(f"{start}.bn{i}"))
            if block == 0 and (stage > 1 or convolutions == 3):
                yield from (f"{start}.downsample.0.weight", *norm(f"{start}.downsample.1"))
    yield from ("fc.weight", "fc.bias")


def mobilenet_names() -> Iterator[str]:
    yield from ("features.0.0.weight", *norm("features.0.1"))
    for i in range(1, 18):
        last = 1 if i == 1 else 2  # the first block does not widen
        for j in range(last):
            start = f"features.{i}.conv.{j}"
            yield from (f"{start}.0.weight", *norm(f"{start}.1"))
        yield f"features.{i}.conv.{last}.weight"
        yield from norm(f"features.{i}.conv.{last + 1}")
    yield from ("features.18.0.weight", *norm("features.18.1"))
    yield from ("classifier.1.weight", "classifier.1.bias")


def unet_names() -> Iterator[str]:
    def double(module: str, short: str) -> Iterator[str]:
        for i in (1, 2):
            yield f"{module}.{short}conv{i}.weight"
            yield from norm(f"{module}.{short}norm{i}")

    for i in (1, 2, 3, 4):
        yield from double(f"encoder{i}", f"enc{i}")
    yield from double("bottleneck", "bottleneck")
    for i in (4, 3, 2, 1):
        yield from (f"upconv{i}.weight", f"upconv{i}.bias")
        yield from double(f"decoder{i}", f"dec{i}")
    yield from ("conv.weight", "conv.bias")


STATES = {
    "vgg11": list(vgg_names((1, 1, 2, 2, 2), False)),
    "vgg13_bn": list(vgg_names((2, 2, 2, 2, 2), True)),
    "vgg16": list(vgg_names((2, 2, 3, 3, 3), False)),
    "vgg19_bn": list(vgg_names((2, 2, 4, 4, 4), True)),
    "resnet18": list(resnet_names((2, 2, 2, 2), 2)),
    "resnet34": list(resnet_names((3, 4, 6, 3), 2)),
    "resnet50": list(resnet_names((3, 4, 6, 3), 3)),
    "resnet101": list(resnet_names((3, 4, 23, 3), 3)),
    "mobilenet_v2": list(mobilenet_names()),
    "unet": list(unet_names()),
}


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", STATES)
def test_state_names_follow_the_published_rule(name: str) -> None:
    assert list(models.create(name).state_dict()) == STATES[name]


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", [name for name in STATES if name != "unet"])
def test_states_are_torchvisions(name: str) -> None:
    theirs = pytest.importorskip("torchvision").models.get_model(name, weights=None).state_dict()
    ours = models.create(name).state_dict()
    assert list(ours) == list(theirs)
    assert [value.shape for value in ours.values()] == [tuple(v.shape) for v in theirs.values()]


@small
def test_training_lowers_the_loss(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    model = models.create(name, **arguments, seed=0)
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    labels = np.arange(shape[0]) % 3
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        scores = model(Tensor(x))
        if scores.ndim == 4:
            scores = scores.mean((2, 3))
        loss = F.cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.usefixtures("_undrawn")
def test_vgg_reads_images_of_any_size_from_32_on() -> None:
    model = models.vgg11_bn(num_classes=3, in_channels=1, seed=0).eval()
    with cl.no_grad():
        for size in ((32, 32), (47, 64)):
            assert model(Tensor(np.zeros((1, 1, *size)))).shape == (1, 3)
        with pytest.raises(ValueError, match="at least 32 x 32 pixels, got"):
            model(Tensor(np.zeros((1, 1, 64, 31))))


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (33, 48), (50, 35)], ids=str)
def test_unet_keeps_the_size_of_the_image(size: tuple[int, int]) -> None:
    model = models.unet(1, 2, 2, seed=0)
    x = Tensor(np.random.default_rng(0).standard_normal((2, 1, *size)), requires_grad=True)
    y = model(x)
    assert y.shape == (2, 2, *size)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


@pytest.mark.usefixtures("_undrawn")
def test_unet_has_as_many_parameters_as_that_of_pytorch_hub() -> None:
    assert sum(parameter.numel() for parameter in models.unet().parameters()) == 7_763_041


def test_unet_names_the_least_size() -> None:
    with pytest.raises(ValueError, match="at least 16 x 16 pixels, got"):
        models.unet(1, 2, 2)(Tensor(np.zeros((1, 1, 15, 64))))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "unet"])
def test_no_images_give_no_scores_and_gradients_of_zero(name: str) -> None:
    model = models.create(name, num_classes=3, seed=0).eval()
    y = model(Tensor(np.zeros((0, 3, 32, 32))))
    assert y.shape[:2] == (0, 3)
    y.sum().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and not gradient.data.any() for gradient in gradients)


@pytest.mark.parametrize("name", ["vgg11", "resnet18", "mobilenet_v2", "unet"])
@pytest.mark.usefixtures("_undrawn")
def test_images_of_other_channels_are_refused_by_name(name: str) -> None:
    model = models.create(name, in_channels=2)
    for shape in ((1, 3, 64, 64), (2, 64, 64)):
        with pytest.raises(ValueError, match=r"images must be \(N, 2, H, W\), got"):
            model(Tensor(np.zeros(shape)))


def test_the_small_stem_keeps_the_size_and_changes_one_shape() -> None:
    usual, small_stem = models.resnet18(seed=0), models.resnet18(stem="cifar", seed=0)
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (usual, small_stem)]
    assert shapes[0].pop("conv1.weight") == (64, 3, 7, 7)
    assert shapes[1].pop("conv1.weight") == (64, 3, 3, 3)
    assert shapes[0] == shapes[1]
    seen = []
    with small_stem.layer1.register_forward_hook(lambda module, x, y: seen.append(y.shape)):
        small_stem.eval()(Tensor(np.zeros((1, 3, 32, 32))))
    assert seen == [(1, 64, 32, 32)]


def test_stages_may_dilate_instead_of_striding() -> None:
    model = models.resnet50(replace_stride_with_dilation=(False, True, True), seed=0).eval()
    assert [model.layer3[0].conv2.dilation, model.layer3[1].conv2.dilation] == [(1, 1), (2, 2)]
    assert [model.layer4[0].conv2.dilation, model.layer4[1].conv2.dilation] == [(2, 2), (4, 4)]
    seen = []
    with model.layer4.register_forward_hook(lambda module, x, y: seen.append(y.shape)):
        model(Tensor(np.zeros((1, 3, 32, 32))))
    assert seen == [(1, 2048, 4, 4)]


@pytest.mark.usefixtures("_undrawn")
def test_resnext_and_wide_networks_are_resnet50_with_other_widths() -> None:
    for count, groups, width in ((25_028_904, 32, 4), (68_883_240, 1, 128)):
        model = models.resnet50(groups=groups, width_per_group=width)
        assert sum(p.numel() for p in model.parameters()) == count


def test_blocks_may_start_as_the_identity() -> None:
    model = models.resnet18(num_classes=2, zero_init_residual=True, seed=0)
    assert not model.layer1[0].bn2.weight.data.any()
    assert model.layer1[0].bn1.weight.data.all()
    x = np.abs(np.random.default_rng(0).standard_normal((1, 64, 5, 5))).astype(np.float32)
    np.testing.assert_array_equal(model.layer1.eval()(Tensor(x)).data, x)
    assert not models.resnet50(zero_init_residual=True).layer4[2].bn3.weight.data.any()


@pytest.mark.parametrize("family", [models.resnet18, models.mobilenet_v2, models.unet])
def test_a_seed_makes_the_same_network_whatever_was_drawn_before(family: Any) -> None:
    nets = [family(num_classes=2, seed=seed) for seed in (4, 4, 5)]
    states = [{k: v.copy() for k, v in net.state_dict().items()} for net in nets]
    for key, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][key], err_msg=key)
    assert any((value != states[2][key]).any() for key, value in states[0].items())


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("vgg11", {"num_classes": 0}, ValueError),
        ("resnet18", {"num_classes": 0}, ValueError),
        ("resnet18", {"stem": "large"}, ValueError),
        ("resnet18", {"in_channels": 1.5}, TypeError),
        ("resnet50", {"groups": 0}, ValueError),
        ("resnet50", {"width_per_group": "64"}, TypeError),
        ("resnet50", {"replace_stride_with_dilation": (True,)}, ValueError),
        ("resnet50", {"replace_stride_with_dilation": 5}, ValueError),
        ("resnet50", {"replace_stride_with_dilation": (0, 1, 2)}, ValueError),
        ("mobilenet_v2", {"width_mult": 0}, ValueError),
        ("mobilenet_v2", {"width_mult": float("nan")}, ValueError),
        ("mobilenet_v2", {"width_mult": float("inf")}, ValueError),
        ("mobilenet_v2", {"width_mult": "1"}, ValueError),
        ("mobilenet_v2", {"round_nearest": 0}, ValueError),
        ("mobilenet_v2", {"round_nearest": 1.5}, TypeError),
        ("mobilenet_v2", {"inverted_residual_setting": [(1, 16, 1)]}, ValueError),
        ("mobilenet_v2", {"inverted_residual_setting": [(1, 0, 1, 1)]}, ValueError),
        ("mobilenet_v2", {"inverted_residual_setting": 5}, ValueError),
        ("mobilenet_v2", {"inverted_residual_setting": []}, ValueError),
        ("mobilenet_v2", {"dropout": 2}, ValueError),
        ("unet", {"base_channels": 0}, ValueError),
        ("unet", {"in_channels": 1.5}, TypeError),
        ("unet", {"num_classes": -1}, ValueError),
        ("unet", {"seed": -1}, ValueError),
    ],
    ids=str,
)
def test_numbers_are_checked_by_name(
    name: str, arguments: dict[str, Any], error: type[Exception]
) -> None:
    (argument,) = arguments
    with pytest.raises(error, match=rf": ({argument}|p) must be"):  # p is Dropout's word
        models.create(name, **arguments)


def test_a_sequential_gives_relu_the_pass_of_the_normalisation() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3), nn.Flatten())
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    fused = Tensor(x, requires_grad=True)
    y = model(fused)
    assert fused.requires_grad
    seen: list[Any] = []
    apart = Tensor(x, requires_grad=True)
    for index in (0, 1):  # watched, each is computed alone
        with model[index].register_forward_hook(lambda module, x, y: seen.append(y.data)):
            z = model(apart)
        np.testing.assert_array_equal(y.data, z.data)
        for tensor, out in ((fused, y), (apart, z)):
            tensor.zero_grad()
            out.backward(np.ones(out.shape, np.float32), retain_graph=True)
        assert fused.grad is not None
        assert apart.grad is not None
        np.testing.assert_array_equal(fused.grad.data, apart.grad.data)
    assert (seen[0] < 0).any()
    assert not (seen[1] < 0).any()


def test_a_sequential_may_end_in_a_normalisation() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    layer = nn.BatchNorm2d(3)
    np.testing.assert_array_equal(nn.Sequential(layer)(Tensor(x)).data, layer(Tensor(x)).data)
