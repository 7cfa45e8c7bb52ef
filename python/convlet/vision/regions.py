"""Regions of images, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.ops._arguments import ranked
from convlet.tensor import Tensor, as_tensor
from convlet.vision.boxes import boxes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["roi_align"]


def roi_align(
    input: Tensor | npt.ArrayLike,
    boxes: Tensor | npt.ArrayLike | Sequence[Any],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Bring regions of images to one size; see `ops.roi_align`.  -> (K, C, I, J).

    Args:
        input: images or features (N, C, H, W), which get a gradient.
        boxes: (K, 5), the number of an image before each box; or a list with the boxes (L, 4) of
            each image.
        output_size: (I, J), or an int for both.
        spatial_scale: what coordinates are multiplied by.
        sampling_ratio: points per bin and axis; by the size of a bin if it is not positive.
        aligned: whether pixels have their centres at a half.

    Raises:
        ValueError: a list has not one entry per image, or a box lies nowhere near.

    Example:
        >>> from convlet import Tensor
        >>> x = Tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> roi_align(x, [[[0, 0, 2, 2]]], 1, aligned=True).item()
        2.5
    """
    x = as_tensor(input)
    images = ranked(x.data, "roi_align", "input", 4)
    rows = _rows(boxes, len(images))
    y = ops.roi_align(images, rows, output_size, spatial_scale, sampling_ratio, aligned)

    def vjp(dy: Array) -> tuple[Array]:
        return (ops.roi_align_grad(dy, rows, images.shape, spatial_scale, sampling_ratio, aligned),)

    return record(y, (x,), vjp)


def _rows(boxes: Any, images: int) -> Array:
    if isinstance(boxes, (Tensor, np.ndarray)):
        array = as_tensor(boxes).data
        if array.ndim != 2 or array.shape[1] != 5:
            raise ValueError(f"roi_align: boxes must have shape (K, 5), got {array.shape}")
        return array
    if len(boxes) != images:
        raise ValueError(
            f"roi_align: boxes must be a list of one array per image, got {len(boxes)} "
            f"for {images} images"
        )
    parts = [boxes_of(part, "roi_align", "boxes") for part in boxes]
    numbers = np.repeat(np.arange(images, dtype=np.float32), [len(part) for part in parts])
    return np.concatenate([numbers[:, np.newaxis], np.concatenate(parts)], axis=1)
