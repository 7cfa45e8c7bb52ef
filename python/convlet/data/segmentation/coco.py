"""Masks from COCO's JSON: polygons and run-length codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet.data.coco_files import (
    by_id,
    class_names,
    coco_lists,
    picture_inside,
    whole_number,
)
from convlet.data.segmentation.dataset import IGNORED
from convlet.data.segmentation.rle import checked_size, decode_rle, polygon_mask
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["MaskFiles", "read_coco_masks"]


class MaskFiles(NamedTuple):
    """Pictures in files, with the class of each of their pixels.

    Attributes:
        paths: of N pictures.
        masks: uint8 (H, W) of each: classes from 0, the background, and 255 where none is known.
        class_names: by number; the first is "background".
    """

    paths: list[Path]
    masks: list[npt.NDArray[np.uint8]]
    class_names: tuple[str, ...]


def read_coco_masks(path: str | os.PathLike[str], images: str | os.PathLike[str]) -> MaskFiles:
    """Read a JSON file of areas as COCO has them, as a class for each pixel.

    Areas are polygons or run-length codes. Classes are numbered from 1 in the order of their ids;
    pixels that areas of two classes claim are 255, which counts for nothing.

    Args:
        path: the JSON file, with "images", "annotations" and "categories".
        images: the folder that its file names are in; they may not lead out of it.

    Raises:
        FormatError: the file is not as it has to be; the message names it and the picture.
        OSError: the file cannot be read.

    Example:
        >>> import json, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "areas.json"
        >>> image = {"id": 7, "file_name": "a.png", "height": 2, "width": 4}
        >>> area = {"image_id": 7, "category_id": 3, "segmentation": [[1, 0, 3, 0, 3, 2, 1, 2]]}
        >>> dog = {"id": 3, "name": "dog"}
        >>> _ = path.write_text(json.dumps({"images": [image], "annotations": [area], "categories": [dog]}))
        >>> read_coco_masks(path, path.parent).masks[0].tolist()
        [[0, 1, 1, 0], [0, 1, 1, 0]]
    """
    source, folder = Path(path), Path(images)
    pictures, areas, kinds = coco_lists(source)
    names = class_names(by_id(kinds, source), source)
    if len(names) > IGNORED - 1:
        raise FormatError(f"{source}: has {len(names)} classes, the most are {IGNORED - 1}")
    numbers = {identity: number for number, identity in enumerate(names, 1)}
    known = by_id(pictures, source)
    claims: dict[int, list[dict[str, Any]]] = {identity: [] for identity in known}
    for area in areas:
        owner = whole_number(area, "image_id", source)
        if owner not in claims:
            raise FormatError(f"{source}: an area is of image {owner}, which is not there")
        claims[owner].append(area)
    paths, masks = [], []
    for identity, picture in known.items():
        paths.append(picture_inside(folder, picture.get("file_name"), source))
        size = (whole_number(picture, "height", source), whole_number(picture, "width", source))
        try:
            masks.append(_mask(claims[identity], numbers, size))
        except FormatError as error:
            raise FormatError(f"{source}: {paths[-1].name}: {error}") from error
    return MaskFiles(paths, masks, ("background", *names.values()))


def _mask(
    areas: list[dict[str, Any]], numbers: dict[int, int], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    mask = np.zeros(checked_size(*size), np.uint8)
    for area in areas:
        kind = area.get("category_id")
        if not isinstance(kind, int) or kind not in numbers:
            raise FormatError(f"there is no class {kind!r}")
        inside = _inside(area.get("segmentation"), size)
        label = numbers[kind]
        other = inside & (mask != 0) & (mask != label)
        mask[inside] = label
        mask[other] = IGNORED
    return mask


def _inside(area: Any, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    if isinstance(area, dict):
        if area.get("size") != list(size):
            raise FormatError(f"a mask's size must be {list(size)}, got {area.get('size')!r}")
        return decode_rle(area)
    if not isinstance(area, list) or not area:
        raise FormatError("an area must be polygons or a run-length code")
    return polygon_mask(area, *size)
