"""`convlet.onnx`: what other libraries compute of exported networks equals ours."""

from __future__ import annotations

import builtins
import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from commands import inside, one_line_error, trained
from convlet import Tensor, io, models, nn, onnx
from convlet.nn import functional as F
from convlet.onnx.operators import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def exported(model: nn.Module, path: Path, shape: tuple[int, int, int]) -> Any:
    """A session of onnxruntime on a file that onnx has checked."""
    library, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    onnx.export(model, path, shape)
    library.checker.check_model(str(path), full_check=True)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def lively(model: nn.Module, images: NDArray[np.float32]) -> None:
    """Give batch normalisations the statistics of some images, that outputs differ from each other."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.train()
    with cl.no_grad():
        model(Tensor(images))


def assert_equal_outputs(
    model: nn.Module, path: Path, images: NDArray[np.float32], tolerance: float = 1e-4
) -> None:
    session = exported(model, path, images.shape[1:])
    for count in (1, len(images)):
        found = session.run(None, {"images": images[:count]})
        with cl.evaluating(model), cl.no_grad():
            outputs = model(Tensor(images[:count]))
        wanted = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        assert len(found) == len(wanted)
        for got, tensor in zip(found, wanted, strict=True):
            assert got.shape == tensor.shape
            assert np.abs(got - tensor.numpy()).max() <= tolerance * np.ptp(tensor.numpy())


def images_of(count: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((count, *shape), np.float32)


# Fifty layers and more of random weights: what our own folded and unfolded passes differ by there,
# under one instruction set or another.
TOLERANCES = {"resnext50_32x4d": 3e-4, "resnet101": 1e-3, "resnet152": 1e-3}
LARGE = {"resnet101", "resnet152", "densenet121", "deeplabv3"}
LARGE |= {"vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name in [*models.names(), *models.detectors()]
    ],
)
def test_onnxruntime_computes_what_the_network_does(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    width = {} if name in models.detectors() else {"width": 0.25}
    model: nn.Module
    if name == "lenet5":
        model, images = models.lenet5(seed=0), images_of(3, 1, 28, 28)
    else:
        model, images = models.create(name, classes=5, seed=0, **width), images_of(12, 3, 64, 64)
    lively(model, images)
    tolerance = TOLERANCES.get(name, 1e-4)
    assert_equal_outputs(model, tmp_path / "network.onnx", images[:3], tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50", "vgg11", "googlenet"])
def test_networks_of_full_size_do_too(name: str, tmp_path: Path) -> None:
    model, images = models.create(name, seed=0), images_of(2, 3, 224, 224)
    lively(model, images)
    assert_equal_outputs(model, tmp_path / "network.onnx", images)


class Applied(nn.Module):
    """A function of the images."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "arithmetic": lambda x: (1 - x - 2.5) * 2 / (x * x + 1) - x / 3 - (-x + 0.5),
    "powers": lambda x: (x.abs() + 1) ** 1.5 + (x * x) ** (x.abs() + 1).sqrt(),
    "functions": lambda x: x.exp() + (x.square() + 1).log() + x.clamp(-0.5, 1.0) + x.clamp(min=0),
    "matrices": lambda x: x @ x.transpose(2, 3) + (x.T.T @ x.mT),
    "mean": lambda x: x.mean((2, 3)) + x.sum(3).mean(2) + x.mean((2, 3), keepdim=True).flatten(1),
    "reductions": lambda x: x.prod(1) + x.logsumexp(1),
    "shapes": lambda x: x.reshape(x.shape[0], 8, -1).unsqueeze(1).squeeze(1).permute(0, 2, 1),
    "rows": lambda x: x.permute(0, 2, 3, 1).reshape(-1, 4) @ np.ones((4, 3), np.float32),
    "expanded": lambda x: x[:, :1].expand(-1, 4, -1, -1) + x,
    "parts": lambda x: (x[:, 1:3, ::2, -2:], x[..., 1], x[:, -1], x[:, :, :, None, 0], x[:, ::-1]),
    "joined": lambda x: cl.cat([x, x * 2], 1) + cl.stack([x, x], 1).flatten(1, 2),
    "constants": lambda x: x * np.arange(4, dtype=np.float32).reshape(4, 1, 1) + 1,
    "grid": lambda x: cl.cat([Tensor(np.ones((x.shape[0], 2, 6, 6), np.float32)), x], 1),
    "relu6": lambda x: F.relu6(4 * x) + F.relu(x) + F.leaky_relu(x, 0.3) + F.elu(x, 0.7),
    "smooth": lambda x: F.silu(x) + F.gelu(x) + F.gelu(x, "tanh") + F.mish(x) + F.tanh(x),
    "hard": lambda x: F.hardswish(2 * x) + F.hardsigmoid(2 * x) + F.sigmoid(x),
    "softplus": lambda x: F.softplus(x, 2.0) + F.softmax(x, 1) + F.log_softmax(x, 3),
    "pools": lambda x: (
        F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
        F.max_pool2d(x, 2, 2, dilation=2),
        F.avg_pool2d(x, 3, 2, 1),
        F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        F.avg_pool2d(x, 2, 2),
    ),
    "adaptive": lambda x: (
        F.adaptive_avg_pool2d(x, 1),
        F.adaptive_avg_pool2d(x, (3, 2)),
        F.adaptive_avg_pool2d(x, (4, 7)),
        F.adaptive_max_pool2d(x, 3),
    ),
    "sizes": lambda x: (
        F.interpolate(x, (9, 4)),
        F.interpolate(x, scale_factor=2.5),
        F.interpolate(x, (11, 5), mode="bilinear", align_corners=False),
        F.interpolate(x, (11, 5), mode="bilinear", align_corners=True),
        F.interpolate(x, scale_factor=1.7, mode="bilinear"),
    ),
    "borders": lambda x: (
        F.pad(x, (1, 2, 0, 3), value=0.5),
        F.pad(x, (2, 1), "reflect"),
        F.pad(x, (1, 1, 2, 2), "replicate"),
    ),
    "shuffle": lambda x: F.pixel_shuffle(x, 2),
    "response": lambda x: F.local_response_norm(x, 3, 0.2, 0.6, 2.0),
    "instance": F.instance_norm,
}
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "conv2d": lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2),
    "same": lambda: nn.Conv2d(4, 6, (4, 3), padding="same", padding_mode="reflect", bias=False),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2),
    "batch_norm": lambda: nn.Sequential(nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4)),
    "group_norm": lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.GroupNorm(4, 4, affine=False)),
    "layer_norm": lambda: nn.Sequential(nn.LayerNorm((6, 6)), nn.LayerNorm(6, bias=False)),
    "prelu": lambda: nn.Sequential(nn.PReLU(4), nn.PReLU()),
    "linear": lambda: nn.Sequential(nn.Linear(6, 5), nn.SiLU(), nn.Linear(5, 3, bias=False)),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Identity()),
    "fused": lambda: nn.Sequential(
        nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Hardswish(), nn.Conv2d(4, 4, 1), nn.ReLU6()
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, tmp_path: Path) -> None:
    images = images_of(4, 4, 6, 6)
    assert_equal_outputs(Applied(FUNCTIONS[name]), tmp_path / "f.onnx", images, 1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, tmp_path: Path) -> None:
    cl.seed(0)
    model, images = LAYERS[name](), images_of(4, 4, 6, 6)
    for parameter in model.parameters():  # factors of 1 and terms of 0 would hide mistakes
        parameter.data += np.random.default_rng(2).uniform(0.1, 0.5, parameter.shape)
    lively(model, images)
    assert_equal_outputs(model, tmp_path / "layer.onnx", images, 1e-5)


def test_every_operator_of_the_table_is_among_those_compared() -> None:
    from convlet.onnx.trace import trace

    seen: set[str] = set()
    images = images_of(2, 4, 6, 6)
    for model in [*map(Applied, FUNCTIONS.values()), *(make() for make in LAYERS.values())]:
        seen |= {step.name for step in trace(model.eval(), images).steps}
    others = {"_alternate", "as_image", "as_line", "as_shape", "clone"}  # networks, lines, copies
    assert set(OPERATORS) - seen <= others
    lines = nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 3, 3), nn.BatchNorm1d(3)).eval()
    assert {"as_image", "as_line", "as_shape"} <= {s.name for s in trace(lines, images).steps}


def test_lines(tmp_path: Path) -> None:
    model, images = (
        nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 3, 3), nn.BatchNorm1d(3)),
        images_of(4, 4, 6, 6),
    )
    assert_equal_outputs(model, tmp_path / "lines.onnx", images, 1e-5)


def test_weights_have_their_names_and_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    library = pytest.importorskip("onnx")
    model = models.create("resnet18", classes=3, width=0.25, seed=0)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    vars(model)["classes"] = ["a", "b", "c"]
    onnx.export(model.train(), tmp_path / "network.onnx", (3, 32, 32), {"note": "ours"})
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    made = library.load(tmp_path / "network.onnx")
    arrays = {a.name: library.numpy_helper.to_array(a) for a in made.graph.initializer}
    for name, array in before.items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    assert {p.key: p.value for p in made.metadata_props} == {
        "classes": '["a", "b", "c"]',
        "note": "ours",
    }
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert made.opset_import[0].version == 18


def test_what_cannot_be_exported_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "network.onnx"
    bad: dict[str, Callable[[Tensor], Any]] = {
        "the operator flip cannot be written as ONNX": lambda x: x.flip(3),
        "an operand of add depends on the images": lambda x: x + np.sort(x.numpy(), 3),
        "an operand of multiply depends on the images": lambda x: x * Tensor(x.numpy().mean()),
        "an output was not computed": lambda x: Tensor(x.numpy() * 2),
        "not do the same for 2 and for 3": lambda x: x + 1 if len(x) == 2 else x,
        "reshape gives": lambda x: (
            x.reshape(len(x), 1, *x.shape[1:])
            .expand(-1, len(x), -1, -1, -1)
            .reshape(len(x), len(x), -1)
        ),
        "indexing by arrays": lambda x: x[:, np.array([0, 2])],
        "only for odd": lambda x: F.local_response_norm(x, 2),
        "windows are equal": lambda x: F.adaptive_max_pool2d(x, 4),
        '"circular"': lambda x: F.pad(x, (1, 1), "circular"),
    }
    for message, function in bad.items():
        with pytest.raises(ValueError, match="export: "):
            onnx.export(Applied(function), path, (4, 6, 6))
        with pytest.raises(ValueError, match=message.replace("only for odd", "for odd")):
            onnx.export(Applied(function), path, (4, 6, 6))
    for model, name in ((None, "NoneType"), (nn.ReLU, "type")):
        with pytest.raises(TypeError, match=f"export: model must be an nn.Module, got {name}"):
            onnx.export(model, path, (4, 6, 6))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none to"):
        onnx.export(nn.ReLU(), tmp_path / "none" / "network.onnx", (4, 6, 6))
    with pytest.raises(TypeError, match="must give tensors, got int"):
        onnx.export(Applied(len), path, (4, 6, 6))
    with pytest.raises(TypeError, match="metadata must be text by name, got 'a': 1"):
        onnx.export(nn.ReLU(), path, (4, 6, 6), {"a": 1})  # type: ignore[dict-item]
    for shape in ((4, 6), (0, 6, 6), (1, 4, 6, 6)):
        with pytest.raises(ValueError, match=r"input_shape must be \(C, H, W\)"):
            onnx.export(nn.ReLU(), path, shape)
    assert not path.exists()


def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(
        importlib,
        "import_module",
        lambda name: refuse(name) if name == "onnx" else sys.modules[name],
    )


def test_without_the_library_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_onnx(monkeypatch)
    with pytest.raises(ImportError, match=r'ONNX files need onnx: pip install "convlet\[onnx\]"'):
        onnx.export(nn.ReLU(), tmp_path / "network.onnx", (1, 4, 4))


# --- convlet export ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export")
    trained(path)
    return path


RUN = "runs/lenet5-corners-001"


def test_a_run_becomes_an_onnx_file_that_predicts_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    done = inside("export", RUN, cwd=folder, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote lenet5 with 3 classes to lenet5-corners-001.onnx" in done.stdout
    path = folder / "lenet5-corners-001.onnx"
    texts = {p.key: p.value for p in library.load(path).metadata_props}
    classes = json.loads(texts["classes"])
    with np.load(folder / "corners.npz") as file:
        images, labels = file["images"][:60, None], file["labels"][:60]
    mean, std = (np.array(json.loads(texts[name]), np.float32) for name in ("mean", "std"))
    pixels = (images / np.float32(255) * json.loads(texts["largest_value"]) - mean) / std
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    scores = session.run(["output"], {"images": pixels.astype(np.float32)})[0]
    assert (
        np.mean([classes[i] == str(n) for i, n in zip(scores.argmax(1), labels, strict=True)])
        > 0.95
    )
    np.save(folder / "one.npy", images[0])
    done = inside("predict", RUN, "one.npy", "--json", cwd=folder, capsys=capsys)
    best = json.loads(done.stdout)["images"][0]["predictions"][0]
    shares = np.exp(scores[0] - scores[0].max())
    assert best["class"] == classes[scores[0].argmax()]
    assert best["probability"] == pytest.approx((shares / shares.sum()).max(), abs=1e-4)
    assert "exists" in one_line_error(inside("export", RUN, cwd=folder, capsys=capsys), 2)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_a_run_becomes_a_file_of_weights(
    ending: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    out = folder / f"weights.{ending}"
    done = inside("export", RUN, "--out", out, "--json", cwd=folder, capsys=capsys)
    assert json.loads(done.stdout)["format"] == ending
    state, texts = io.read(out)
    assert json.loads(texts["classes"]) == ["0", "1", "2"]
    own = io.load(next(path for path in (folder / RUN).iterdir() if path.stem == "model"))
    assert state.keys() == own.keys()
    for name, array in own.items():
        np.testing.assert_array_equal(state[name], array)


def test_bad_exports_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def error(code: int, *words: str) -> str:
        return one_line_error(inside("export", *words, cwd=folder, capsys=capsys), code)

    assert "there is no run folder" in error(2, "nowhere")
    assert "must end in .onnx or .safetensors or .npz, got a.pth" in error(2, RUN, "--out", "a.pth")
    assert "must end in .npz, got a.onnx" in error(2, RUN, "--format", "npz", "--out", "a.onnx")
    assert "exists" in error(2, RUN, "--format", "npz", "--out", "corners.npz")
    assert "cannot write" in error(1, RUN, "--out", "corners.npz/a.npz")
    without_onnx(monkeypatch)
    assert 'pip install "convlet[onnx]"' in error(1, RUN, "--out", "b.onnx")
