"""All networks: parameters and operations as published, arguments, small images."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn, optim
from convlet.nn import functional as F
from convlet.random import Generator

# Parameters by name, and billions of multiplications of an image of 224 x 224, as torchvision
# publishes them with its weights (`num_params` and `_ops` of each entry of its `models`). Of EfficientNet-Lite0 its authors publish 0.407, by a
# count of their own; 0.385 is what convolutions and the linear layer make, as for the others.
PUBLISHED = {
    "alexnet": (61_100_840, 0.714), "densenet121": (7_978_856, 2.834),
    "efficientnet_lite0": (4_652_008, 0.385), "googlenet": (6_624_904, 1.498),
    "mobilenet_v2": (3_504_872, 0.301), "mobilenet_v3_large": (5_483_032, 0.217),
    "mobilenet_v3_small": (2_542_856, 0.057), "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664), "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801), "resnet152": (60_192_808, 11.514),
    "resnext50_32x4d": (25_028_904, 4.230), "shufflenet_v2_x0_5": (1_366_792, 0.040),
    "shufflenet_v2_x1_0": (2_278_604, 0.145), "squeezenet1_1": (1_235_496, 0.349),
    "vgg11": (132_863_336, 7.609), "vgg11_bn": (132_868_840, 7.609),
    "vgg13": (133_047_848, 11.308), "vgg13_bn": (133_053_736, 11.308),
    "vgg16": (138_357_544, 15.470), "vgg16_bn": (138_365_992, 15.470),
    "vgg19": (143_667_240, 19.632), "vgg19_bn": (143_678_248, 19.632),
}  # fmt: skip

# Keys of the published files, where a name could go wrong.
KEYS = {
    "alexnet": "features.0.weight features.10.bias classifier.1.weight classifier.6.bias",
    "densenet121": """features.conv0.weight features.norm0.running_mean classifier.weight
        features.denseblock1.denselayer1.norm1.weight features.denseblock4.denselayer16.conv2.weight
        features.transition3.norm.bias features.transition1.conv.weight features.norm5.bias""",
    "efficientnet_lite0": """conv_stem.weight bn1.weight blocks.0.0.conv_dw.weight
        blocks.0.0.conv_pw.weight blocks.0.0.bn2.bias blocks.1.0.conv_pw.weight blocks.6.0.bn3.weight
        blocks.5.3.conv_pwl.weight conv_head.weight bn2.running_var classifier.bias""",
    "googlenet": """conv1.conv.weight conv3.bn.running_var inception3a.branch1.conv.weight
        inception5b.branch2.1.bn.weight inception4e.branch4.1.conv.weight fc.bias""",
    "mobilenet_v3_large": """features.0.0.weight features.1.block.0.0.weight
        features.1.block.1.1.bias features.4.block.2.fc1.bias features.15.block.3.0.weight
        features.16.0.weight classifier.0.weight classifier.3.bias""",
    "mobilenet_v3_small": """features.1.block.1.fc2.weight features.1.block.2.1.running_mean
        features.4.block.2.fc1.weight features.12.1.weight classifier.3.weight""",
    "resnext50_32x4d": "layer1.0.conv2.weight layer4.2.bn3.bias layer1.0.downsample.0.weight",
    "shufflenet_v2_x1_0": """conv1.0.weight stage2.0.branch1.0.weight stage2.0.branch1.3.bias
        stage2.1.branch2.6.weight stage4.3.branch2.5.weight conv5.1.running_mean fc.weight""",
    "squeezenet1_1": """features.0.weight features.3.squeeze.weight features.12.expand3x3.bias
        features.4.expand1x1.weight features.6.squeeze.bias classifier.1.weight""",
}

# Number of entries of the published state, num_batches_tracked included.
ENTRIES = {"densenet121": 727, "resnet50": 320, "resnet152": 932, "mobilenet_v2": 314,
           "squeezenet1_1": 52, "alexnet": 16, "vgg16": 32}  # fmt: skip

NEW = [*KEYS, "shufflenet_v2_x0_5", "resnet152"]
LARGE = {"resnet152", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "resnet101"}


def slow(names: Any, which: set[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow if name in which else ()) for name in names]


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """First weights of 0: drawing millions of them takes seconds."""
    for name in ("uniform", "normal"):
        monkeypatch.setattr(Generator, name, lambda *_: np.float32(0))
    monkeypatch.setattr(nn.init, "trunc_normal_", lambda tensor, *_, **__: tensor)


def quiet(name: str) -> dict[str, float]:
    """Arguments that turn dropout off."""
    if name.startswith(("resn", "shufflenet", "densenet")):
        return {}
    return {"dropout": 0.0}


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", slow(PUBLISHED, LARGE))
def test_as_many_parameters_and_operations_as_published(name: str) -> None:
    parameters, billions = PUBLISHED[name]
    model = models.create(name).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    counts: list[int] = []

    def count(weight: int, _: nn.Module, inputs: Any, y: Tensor) -> None:
        counts.append(weight * y.numel() // y.shape[1])

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight.numel()
            module.register_forward_hook(partial(count, weight))
    with cl.no_grad():
        model(Tensor(np.zeros((1, 3, 224, 224))))
    assert sum(counts) / 1e9 == pytest.approx(billions, abs=6e-4)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", KEYS)
def test_states_have_the_keys_of_the_published_files(name: str) -> None:
    assert set(KEYS[name].split()) <= set(models.create(name).state_dict())


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", ENTRIES)
def test_states_have_as_many_entries_as_the_published_files(name: str) -> None:
    assert len(models.create(name).state_dict()) == ENTRIES[name]


@pytest.mark.parametrize(
    "name", slow(NEW, {"resnet152", "resnext50_32x4d", "densenet121", "alexnet", "googlenet"})
)
def test_training_lowers_the_loss(name: str) -> None:
    model = models.create(name, classes=3, stem="cifar", **quiet(name), seed=0)
    x = np.random.default_rng(0).standard_normal((6, 3, 28, 28), np.float32)
    labels = np.arange(6) % 3
    optimizer = optim.Adam(
        model.parameters(), lr=3e-4
    )  # networks without normalisation leap at more
    losses: list[float] = []
    while len(losses) < 16 and (not losses or losses[-1] > 0.95 * losses[0]):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(Tensor(x)), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] <= 0.95 * losses[0]


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", [*KEYS, "mobilenet_v2", "vgg11", "resnet18"])
def test_images_of_28_to_64_pixels_fit_the_small_stem(name: str) -> None:
    model = models.create(name, classes=4, in_channels=1, stem="cifar").eval()
    with cl.no_grad():
        for size in ((28, 28), (32, 64)):
            assert model(Tensor(np.zeros((1, 1, *size)))).shape == (1, 4)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", models.names())
def test_every_network_takes_classes_channels_width_and_dropout(name: str) -> None:
    usual, narrow = (
        models.create(name, classes=3, in_channels=2, width=width, dropout=0.5, seed=0)
        for width in (1, 0.25)
    )
    a, b = usual.state_dict(), narrow.state_dict()
    assert list(a) == list(b)
    assert all(b[key].size <= a[key].size for key in a)
    sizes = [sum(p.numel() for p in model.parameters()) for model in (usual, narrow)]
    assert sizes[1] < 0.6 * sizes[0]  # where the last layers stay wide; else a sixteenth
    drops = [module for module in narrow.modules() if isinstance(module, nn.Dropout)]
    assert drops
    assert all(module.p == 0.5 for module in drops)
    side = 28 if name == "lenet5" else 64
    with cl.no_grad():
        assert narrow.eval()(Tensor(np.zeros((1, 2, side, side)))).shape[:2] == (1, 3)
    for wrong in ({"width": 0}, {"width": float("nan")}, {"width": "1"}, {"dropout": 2}):
        word = "width_mult" if "width" in wrong else "(dropout|p|drop_rate)"
        with pytest.raises(ValueError, match=f": {word} must be"):
            models.create(name, **wrong)


def test_dropout_before_the_scores_is_that_of_training_only() -> None:
    for name in ("resnet18", "shufflenet_v2_x0_5", "unet"):
        model = models.create(name, classes=2, width=0.25, dropout=1.0, seed=0)
        x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 32, 32)))
        head = model.fc.bias.data if name != "unet" else None
        y = model(x).numpy()
        if head is not None:  # nothing is left but the bias
            np.testing.assert_array_equal(y, np.broadcast_to(head, y.shape))
        z = model.eval()(x).numpy()
        model.dropout.p = 0.0
        np.testing.assert_array_equal(model(x).numpy(), z)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", ["alexnet", "densenet121", "googlenet", "squeezenet1_1", "vgg11"])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_the_least_size_is_named_and_is_enough(name: str, stem: str) -> None:
    model = models.create(name, classes=2, stem=stem).eval()
    with cl.no_grad():
        side = model.least
        assert model(Tensor(np.zeros((1, 3, side, side)))).shape == (1, 2)
        with pytest.raises(ValueError, match=f"at least {side} x {side} pixels, got"):
            model(Tensor(np.zeros((1, 3, side, side - 1))))


def test_the_auxiliary_scores_come_in_training_only() -> None:
    model = models.googlenet(num_classes=3, aux_logits=True, dropout_aux=0.0, seed=0)
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 64, 64)))
    outputs = model(x)
    assert isinstance(outputs, models.GoogLeNetOutputs)
    assert [scores.shape for scores in outputs] == [(2, 3)] * 3
    sum((scores.sum() for scores in outputs), Tensor(0.0)).backward()
    assert model.aux1 is not None
    assert model.aux1.fc1.weight.grad is not None
    assert model.eval()(x).shape == (2, 3)
    names = [name for name in model.state_dict() if name.startswith("aux")]
    assert "aux1.conv.conv.weight" in names
    assert "aux2.fc2.bias" in names
    assert len(model.state_dict()) == len(models.googlenet(num_classes=3).state_dict()) + len(names)


# Parameters with 21 classes, as torchvision publishes them with its weights, which have the
# auxiliary classifier where there is one.
DENSE = {
    ("deeplabv3", "resnet50"): (42_004_074, 3),
    ("deeplabv3", "resnet101"): (60_996_202, 3),
    ("deeplabv3", "mobilenet_v3_large"): (11_029_328, 3),
    ("lraspp", ""): (3_221_538, 0),
}


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize(("name", "backbone"), DENSE)
def test_dense_networks_have_as_many_parameters_and_the_keys_published(
    name: str, backbone: str
) -> None:
    more = {"backbone": backbone, "aux_loss": True} if backbone else {}
    model = models.create(name, **more)
    parameters, aux = DENSE[name, backbone]
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    first = "backbone.conv1.weight backbone.layer4.2.bn3.bias"
    if backbone in ("", "mobilenet_v3_large"):
        first = "backbone.0.0.weight backbone.15.block.2.fc1.bias backbone.16.1.running_var"
    head = """classifier.cbr.0.weight classifier.cbr.1.bias classifier.scale.1.weight
        classifier.low_classifier.bias classifier.high_classifier.weight"""
    if aux:
        head = """classifier.0.convs.0.0.weight classifier.0.convs.3.1.bias classifier.4.bias
            classifier.0.convs.4.1.weight classifier.0.convs.4.2.running_mean classifier.1.weight
            classifier.0.project.0.weight classifier.0.project.1.bias classifier.2.weight
            aux_classifier.0.weight aux_classifier.1.running_var aux_classifier.4.bias"""
    assert {*first.split(), *head.split()} <= set(model.state_dict())


def test_the_auxiliary_scores_of_deeplab_come_in_training_only() -> None:
    model = models.deeplabv3(3, "mobilenet_v3_large", aux_loss=True, width_mult=0.25, seed=0)
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 40, 33)))
    outputs = model(x)
    assert isinstance(outputs, models.DeepLabV3Outputs)
    assert [scores.shape for scores in outputs] == [(2, 3, 40, 33)] * 2
    outputs.aux.sum().backward()
    last = list(model.aux_classifier or ())[-1]
    assert last.bias.grad is not None
    with cl.no_grad():
        assert model.eval()(x).shape == (2, 3, 40, 33)


def test_an_input_normalised_in_the_usual_way_is_brought_to_one() -> None:
    plain, turned = (
        models.googlenet(num_classes=2, transform_input=turn, seed=0).eval()
        for turn in (False, True)
    )
    pixels = np.random.default_rng(0).uniform(size=(1, 3, 32, 32)).astype(np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
    std = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
    np.testing.assert_allclose(
        turned(Tensor((pixels - mean) / std)).numpy(), plain(Tensor(2 * pixels - 1)).numpy(),
        rtol=1e-3, atol=1e-5,
    )  # fmt: skip


def test_models_are_listed_and_made_by_name_with_either_word_for_an_argument() -> None:
    assert models.list() == models.names()
    assert set(PUBLISHED) <= set(models.list())
    a = models.create("mobilenet_v3_small", classes=3, width=0.5, seed=1)
    b = models.mobilenet_v3_small(num_classes=3, width_mult=0.5, seed=1)
    np.testing.assert_array_equal(a.classifier[3].weight.data, b.classifier[3].weight.data)
    assert models.create("lenet5", num_classes=3).fc3.weight.shape == (3, 84)
    with pytest.raises(TypeError, match="create: resnet18 has no argument depth; it has drop"):
        models.create("resnet18", depth=3)
    with pytest.raises(TypeError, match="given twice"):
        models.create("resnet18", classes=3, num_classes=3)


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("alexnet", {"num_classes": 0}, ValueError),
        ("alexnet", {"stem": "large"}, ValueError),
        ("alexnet", {"dropout": 2}, ValueError),
        ("squeezenet1_1", {"in_channels": 0}, ValueError),
        ("squeezenet1_1", {"stem": None}, ValueError),
        ("mobilenet_v3_small", {"width_mult": 0}, ValueError),
        ("mobilenet_v3_small", {"width_mult": float("inf")}, ValueError),
        ("mobilenet_v3_large", {"stem": 3}, ValueError),
        ("mobilenet_v2", {"stem": "small"}, ValueError),
        ("efficientnet_lite0", {"num_classes": 1.5}, TypeError),
        ("efficientnet_lite0", {"width_mult": "1"}, ValueError),
        ("shufflenet_v2_x0_5", {"num_classes": -1}, ValueError),
        ("deeplabv3", {"backbone": "resnet18"}, ValueError),
        ("deeplabv3", {"num_classes": 0}, ValueError),
        ("lraspp", {"in_channels": 1.5}, TypeError),
        ("densenet121", {"drop_rate": 2}, ValueError),
        ("densenet121", {"stem": ""}, ValueError),
        ("googlenet", {"dropout_aux": -1, "aux_logits": True}, ValueError),
        ("googlenet", {"transform_input": True, "in_channels": 1}, ValueError),
    ],
    ids=str,
)
@pytest.mark.usefixtures("_undrawn")
def test_numbers_are_checked_by_name(
    name: str, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r": \w+ (must be|needs)"):
        models.create(name, **arguments)
