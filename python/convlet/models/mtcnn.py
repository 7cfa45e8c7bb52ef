"""MTCNN: three small networks in a row that find faces and five points on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet import nn
from convlet.io import load
from convlet.io.installed import find
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.tensor import Tensor

__all__ = ["MTCNN", "ONet", "PNet", "RNet", "mtcnn"]


class PNet(nn.Module):
    """Proposes: for each window of 12x12 pixels, 2 apart, how probable a face is, and its box.

    (N, 3, H, W) -> (N, 2, I, J) and (N, 4, I, J).
    """

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (no face, face) and corrections of the window."""
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return F.softmax(self.conv4_1(x), 1), self.conv4_2(x)


class RNet(nn.Module):
    """Refines windows, resized to 24x24.  (N, 3, 24, 24) -> (N, 2) and (N, 4)."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (no face, face) and corrections of the window."""
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu4(self.dense4(_flat(self.prelu3(self.conv3(x)))))
        return F.softmax(self.dense5_1(x), 1), self.dense5_2(x)


class ONet(nn.Module):
    """The last word, on 48x48.  (N, 3, 48, 48) -> (N, 2), (N, 4) and (N, 10)."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities, corrections, and the x then the y of five points, as shares of the window."""
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu5(self.dense5(_flat(self.prelu4(self.conv4(x)))))
        return F.softmax(self.dense6_1(x), 1), self.dense6_2(x), self.dense6_3(x)


class MTCNN(nn.Module):
    """The three networks (Zhang et al. 2016, arXiv:1604.02878); `detection.find_faces` runs them."""

    def __init__(self) -> None:
        """Make the networks."""
        super().__init__()
        self.pnet, self.rnet, self.onet = PNet(), RNet(), ONet()

    def forward(self, x: Tensor) -> Any:
        """What the first network proposes."""
        return self.pnet(x)


def mtcnn(weights: Mapping[str, Any] | str | None = "facenet-pytorch") -> MTCNN:
    """The face detector MTCNN, in evaluation mode.

    Args:
        weights: "facenet-pytorch" for those that this package (MIT) carries, which is not imported
            for it; a mapping with the names of `state_dict`; or None for first weights.

    Raises:
        ImportError: facenet-pytorch is not installed.
        ValueError: weights do not fit, or the word is another.

    Example:
        >>> mtcnn(weights=None).onet.dense6_3
        Linear(in_features=256, out_features=10, bias=True)
    """
    model = MTCNN()
    if isinstance(weights, str):
        if weights != "facenet-pytorch":
            raise ValueError(f'mtcnn: weights must be "facenet-pytorch", got {weights!r}')
        for name in ("pnet", "rnet", "onet"):
            path = find("facenet_pytorch", f"data/{name}.pt")
            if path is None:
                raise ImportError(
                    "mtcnn: its weights come with the package facenet-pytorch: "
                    "pip install --no-deps facenet-pytorch"
                )
            getattr(model, name).load_state_dict(load(path))
    elif weights is not None:
        model.load_state_dict(weights)
    return model.eval()


def _flat(x: Tensor) -> Tensor:
    """In the order of the published weights: by column, by row, by channel."""
    return x.permute(0, 3, 2, 1).reshape(x.shape[0], -1)
