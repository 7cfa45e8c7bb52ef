"""Data sets that everyone knows, by name: where they lie, and how their files are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.data import cifar, idx
from convlet.data.labelled import ImageData
from convlet.errors import FormatError
from convlet.io.download import RemoteFile, cache_folder, fetch

if TYPE_CHECKING:
    from convlet.data.labelled import LabelledImages

__all__ = ["FILES", "NAMES", "load"]

_MNIST = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_FASHION = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def _at(places: tuple[str, ...], name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(name, size, sha256, tuple(place + name for place in places))


FILES = {
    "mnist": (
        _at(
            _MNIST,
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        _at(
            _MNIST,
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        _at(
            _MNIST,
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        _at(
            _MNIST,
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": (
        _at(
            _FASHION,
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        _at(
            _FASHION,
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        _at(
            _FASHION,
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        _at(
            _FASHION,
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "cifar10": (
        _at(
            (_TORONTO, _KERAS),
            "cifar-10-python.tar.gz",
            170_498_071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
    "cifar100": (
        _at(
            (_TORONTO,),
            "cifar-100-python.tar.gz",
            169_001_437,
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        ),
    ),
}

NAMES = tuple(FILES)

CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
}


def load(name: str) -> ImageData:
    """A published data set, fetched into the cache at the first call.

    Args:
        name: "mnist", "fashion-mnist", "cifar10" or "cifar100".

    Raises:
        OSError: A file is not in the cache and cannot be fetched.
        FormatError: A file does not have its checksum.
    """
    folder = cache_folder() / name
    paths = [fetch(file, folder) for file in FILES[name]]
    if name.startswith("cifar"):
        train, test, class_names = cifar.load_archive(paths[0])
        return ImageData(name, train, test, class_names)
    train, held_out = idx.load_folder(folder)
    return ImageData(name, train, _there(held_out, name), CLASS_NAMES[name])


def _there(part: LabelledImages | None, name: str) -> LabelledImages:
    if part is None:
        raise FormatError(f"{name}: found no part to test on")
    return part
