"""Pictures as networks with published weights want them."""

from __future__ import annotations

import numpy as np

from convlet import ops
from convlet.data import LabelledImages

_CHUNK = 64


def fitted(part: LabelledImages, side: int) -> LabelledImages:
    """Pictures as bytes of three channels and `side` pixels, as a published network wants them."""
    images = part.images
    n, channels, height, width = images.shape
    white = 255.0 if images.dtype == np.uint8 else max(1.0, float(images.max()))
    made = np.empty((n, 3, side, side), np.uint8)
    for start in range(0, n, _CHUNK):
        chunk = np.asarray(images[start : start + _CHUNK], np.float32) * np.float32(255 / white)
        chunk = chunk[:, :3] if channels >= 3 else np.repeat(chunk[:, :1], 3, axis=1)
        if (height, width) != (side, side):
            chunk = ops.resize2d(np.ascontiguousarray(chunk), (side, side), "bilinear")
        made[start : start + _CHUNK] = np.rint(chunk.clip(0, 255))
    return LabelledImages(made, part.labels)
