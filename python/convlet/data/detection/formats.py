"""Boxes in files of three kinds: COCO's JSON, Pascal VOC's XML, YOLO's text."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import TreeBuilder, XMLParser

import numpy as np

from convlet.data.coco_files import (
    by_id,
    class_names,
    coco_lists,
    picture_inside,
    whole_number,
)
from convlet.data.decoding import describe
from convlet.data.detection.annotation import Annotation, annotation
from convlet.data.image_files import SUFFIXES
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

__all__ = ["BoxFiles", "read_coco", "read_voc", "read_yolo"]

MOST_BYTES_OF_ONE = 1 << 22  # of a file about one picture


class BoxFiles(NamedTuple):
    """Pictures in files, with their objects.

    Attributes:
        paths: of N pictures.
        annotations: N of them.
        class_names: by number.
    """

    paths: list[Path]
    annotations: list[Annotation]
    class_names: tuple[str, ...]


def read_coco(path: str | os.PathLike[str], images: str | os.PathLike[str]) -> BoxFiles:
    """Read a JSON file of boxes as COCO has them.

    Classes are numbered from 0 in the order of their ids. Crowds (`iscrowd`) are kept; pictures
    without objects are.

    Args:
        path: the JSON file, with "images", "annotations" and "categories".
        images: the folder that its file names are in; they may not lead out of it.

    Raises:
        FormatError: the file is not as it has to be; the message names it and the picture.
        OSError: a file cannot be read.

    Example:
        >>> import json, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "boxes.json"
        >>> image, box = {"id": 7, "file_name": "a.png"}, {"image_id": 7, "category_id": 3}
        >>> lists = {"images": [image], "annotations": [{**box, "bbox": [1, 2, 10, 20]}]}
        >>> _ = path.write_text(json.dumps({**lists, "categories": [{"id": 3, "name": "dog"}]}))
        >>> found = read_coco(path, path.parent)
        >>> found.annotations[0].boxes.tolist(), found.class_names
        ([[1.0, 2.0, 11.0, 22.0]], ('dog',))
    """
    source, folder = Path(path), Path(images)
    pictures, boxes, categories = coco_lists(source)
    names = class_names(by_id(categories, source), source)
    numbers = {identity: number for number, identity in enumerate(names)}
    known = by_id(pictures, source)
    objects: dict[int, list[dict[str, Any]]] = {image: [] for image in known}
    for one in boxes:
        owner = whole_number(one, "image_id", source)
        if owner not in known:
            raise FormatError(f"{source}: a box is of image {owner}, which is not there")
        objects[owner].append(one)
    paths, found = [], []
    for number, image in known.items():
        place = picture_inside(folder, image.get("file_name"), source)
        paths.append(place)
        found.append(_coco_objects(objects[number], image, numbers, f"{source}: {place.name}"))
    return BoxFiles(paths, found, tuple(names.values()))


def read_voc(
    folder: str | os.PathLike[str],
    images: str | os.PathLike[str],
    class_names: Sequence[str] | None = None,
) -> BoxFiles:
    """Read a folder of XML files as Pascal VOC has them, one for each picture.

    VOC counts pixels from 1 and includes the last, so 1 is taken from xmin and ymin. Objects that are
    "difficult" are to be ignored. A file that declares a document type or an entity is refused,
    nothing is expanded.

    Args:
        folder: of the XML files.
        images: of the pictures; names may not lead out of it.
        class_names: in the order of their numbers; those that occur, sorted, unless given.

    Raises:
        FormatError: a file is not as it has to be; the message names it.
        OSError: a file cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> corners = "<xmin>2</xmin><ymin>3</ymin><xmax>11</xmax><ymax>22</ymax>"
        >>> dog = f"<object><name>dog</name><bndbox>{corners}</bndbox></object>"
        >>> text = f"<annotation><filename>a.png</filename>{dog}</annotation>"
        >>> _ = (folder / "a.xml").write_text(text)
        >>> read_voc(folder, folder).annotations[0].boxes.tolist()
        [[1.0, 2.0, 11.0, 22.0]]
    """
    files = sorted(Path(folder).glob("*.xml"))
    if not files:
        raise FormatError(f"{folder}: there is no .xml file in it")
    trees = [_xml(path) for path in files]
    seen = sorted({_text(one, "name", p) for p, t in zip(files, trees, strict=True)
                   for one in t.findall("object")})  # fmt: skip
    names = tuple(seen if class_names is None else class_names)
    paths, found = [], []
    for path, tree in zip(files, trees, strict=True):
        size = tree.find("size")
        shape = None
        if size is not None:
            shape = (int(_number(size, "height", path)), int(_number(size, "width", path)))
        boxes, labels, ignored = [], [], []
        for one in tree.findall("object"):
            name, box = _text(one, "name", path), one.find("bndbox")
            if name not in names:
                raise FormatError(f"{path}: there is no class {name!r}")
            if box is None:
                raise FormatError(f"{path}: an object has no bndbox")
            x1, y1, x2, y2 = (_number(box, key, path) for key in ("xmin", "ymin", "xmax", "ymax"))
            boxes.append([x1 - 1, y1 - 1, x2, y2])
            labels.append(names.index(name))
            ignored.append((one.findtext("difficult") or "0").strip() == "1")
        paths.append(picture_inside(Path(images), _text(tree, "filename", path), path))
        found.append(_checked(boxes, labels, str(path), ignored=ignored, size=shape))
    return BoxFiles(paths, found, names)


def read_yolo(
    folder: str | os.PathLike[str],
    images: str | os.PathLike[str],
    class_names: Sequence[str],
) -> BoxFiles:
    """Read a folder of text files as YOLO has them, one for each picture in `images`.

    A line is a class, then x and y of the middle, width and height, as shares of the picture. A
    picture without a text file has no objects.

    Args:
        folder: of the text files, called as the pictures.
        images: of the pictures.
        class_names: in the order of their numbers.

    Raises:
        FormatError: a file is not as it has to be; the message names it and the line.
        OSError: a file cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.ppm").write_bytes(b"P6 4 2 255 " + bytes(24))  # 4 pixels wide, 2 high
        >>> _ = (folder / "a.txt").write_text("1 0.5 0.5 0.5 1")
        >>> read_yolo(folder, folder, ["cat", "dog"]).annotations[0].boxes.tolist()
        [[1.0, 0.0, 3.0, 2.0]]
    """
    paths = sorted(p for p in Path(images).iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise FormatError(f"{images}: there is no picture in it")
    found = []
    for path in paths:
        (height, width), _ = describe(path)
        text = Path(folder) / f"{path.stem}.txt"
        boxes, labels = [], []
        lines = _read(text).splitlines() if text.exists() else []
        for row, line in enumerate(lines, 1):
            words = line.split()
            if not words:
                continue
            try:
                label, (x, y, w, h) = int(words[0]), (float(word) for word in words[1:])
            except ValueError:
                raise FormatError(
                    f"{text}: line {row} must be a class and four numbers, got {line[:60]!r}"
                ) from None
            boxes.append([(x - w / 2) * width, (y - h / 2) * height,
                          (x + w / 2) * width, (y + h / 2) * height])  # fmt: skip
            labels.append(label)
        size = (height, width)
        found.append(_checked(boxes, labels, str(text), size=size, classes=len(class_names)))
    return BoxFiles(paths, found, tuple(class_names))


def _coco_objects(
    objects: list[dict[str, Any]], image: dict[str, Any], numbers: dict[int, int], name: str
) -> Annotation:
    boxes, labels, crowd, areas = [], [], [], []
    for one in objects:
        try:
            if not isinstance(one["bbox"], list):
                raise TypeError("a bbox must be a list")
            x, y, width, height = (float(number) for number in one["bbox"])
            label = operator.index(one["category_id"])
            areas.append(float(one.get("area", width * height)))
            crowd.append(bool(int(one.get("iscrowd", 0))))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError(
                f"{name}: an object lacks a bbox of four numbers or a class"
            ) from error
        if label not in numbers:
            raise FormatError(f"{name}: there is no category {label}")
        boxes.append([x, y, x + width, y + height])
        labels.append(numbers[label])
    size = None
    if isinstance(image.get("height"), int) and isinstance(image.get("width"), int):
        size = (image["height"], image["width"])
    return _checked(boxes, labels, name, crowd=crowd, areas=areas, size=size)


def _checked(boxes: Any, labels: Any, image: str, **others: Any) -> Annotation:
    try:
        return annotation(boxes, labels, image=image, **others)
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError(str(error)) from error


def _xml(path: Path) -> Element:
    parser = XMLParser(target=_NoTypes())
    try:
        parser.feed(_read(path))
        tree: Element = parser.close()
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except (SyntaxError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not XML ({error})") from error
    return tree


class _NoTypes(TreeBuilder):
    """Builds a tree of a file without a document type: entities cannot be declared elsewhere."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it."""
        raise FormatError("it declares a document type, which is not read")


def _text(entry: Element, key: str, path: Path) -> str:
    text = (entry.findtext(key) or "").strip()
    if not text:
        raise FormatError(f"{path}: <{entry.tag}> must have a <{key}>")
    return text


def _number(entry: Element, key: str, path: Path) -> float:
    text = _text(entry, key, path)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise FormatError(f"{path}: <{key}> must be a number, got {text[:40]!r}")
    return number


def _read(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES_OF_ONE:
        raise FormatError(f"{path}: larger than {MOST_BYTES_OF_ONE:,} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not text ({error})") from error
