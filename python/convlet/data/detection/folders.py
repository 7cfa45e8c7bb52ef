"""Files and folders of pictures with boxes, found by how they are laid out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from convlet.data.detection.formats import BoxFiles, read_coco, read_voc, read_yolo
from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["find"]

TEST_NAMES = ("test", "val", "valid", "validation")
_VOC_PICTURES = ("JPEGImages", "images")
_YOLO_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")

Parts = tuple[BoxFiles, BoxFiles | None]


def find(path: Path) -> Parts:
    """The pictures to train on and to test on, or None where the test part has to be cut off.

    Read are a JSON file of COCO, and folders of the layouts in `convlet.data.detection.load`.

    Raises:
        FormatError: a file is damaged, or the parts have other classes.
        ValueError: nothing of this is there.
        OSError: a file cannot be read.
    """
    if path.is_file():
        if path.suffix != ".json":
            raise ValueError(f"{path} must be a .json file as COCO has them, or a folder")
        return _coco(path), None
    if not path.is_dir():
        raise ValueError(f"there is no file or folder {path}")
    names = _yolo_names(path)
    if names is not None:
        return _yolo_folder(path, names)
    for read in (_voc_folder, _coco_folder):
        parts = read(path)
        if parts is not None:
            return parts
    raise ValueError(
        f"{path}: found no .json file of COCO, no .xml files of Pascal VOC, and none of YOLO's "
        f"lists of classes ({', '.join(_YOLO_NAMES)})"
    )


def _split(folder: Path, holds: Callable[[Path], bool]) -> tuple[Path, Path | None] | None:
    """The folders `train` and perhaps `test` of a folder, if they hold what is looked for."""
    if not holds(folder / "train"):
        return None
    return folder / "train", next(
        (folder / name for name in TEST_NAMES if holds(folder / name)), None
    )


def _coco_folder(folder: Path) -> Parts | None:
    split = _split(folder, lambda part: bool(sorted(part.glob("*.json"))))
    if split is not None:
        files = [_only(part) for part in split if part is not None]
        return _same_classes([_coco(file) for file in files], files)
    place = folder / "annotations" if (folder / "annotations").is_dir() else folder
    found = sorted(place.glob("*.json"))
    found = [file for file in found if file.name.startswith("instances")] or found
    if len(found) < 2:
        return (_coco(found[0]), None) if found else None
    train = [file for file in found if "train" in file.stem]
    tests = [
        file for name in TEST_NAMES for file in found if name in file.stem and file not in train
    ]
    if len(train) != 1:
        raise ValueError(f"{place}: one .json file must have train in its name, {len(train)} have")
    files = [*train, *tests[:1]]
    return _same_classes([_coco(file) for file in files], files)


def _only(folder: Path) -> Path:
    files = sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise ValueError(f"{folder}: must have one .json file, has {len(files)}")
    return files[0]


def _coco(file: Path) -> BoxFiles:
    """Read a JSON file; its pictures are in a folder about it that has the first of them."""
    part = file.stem.removeprefix("instances_")
    above = file.parent.parent if file.parent.name == "annotations" else file.parent
    places = [above / "images" / part, above / part, above / "images", file.parent, above]
    found = read_coco(file, places[-2])
    if not found.paths:
        raise FormatError(f"{file}: there is no picture in it")
    for place in places:
        first = place / found.paths[0].relative_to(places[-2])
        if first.is_file():
            return found if place == places[-2] else read_coco(file, place)
    looked = ", ".join(str(place) for place in dict.fromkeys(places) if place.is_dir())
    raise FormatError(f"{file}: its picture {found.paths[0].name} is not in {looked}")


def _same_classes(parts: Sequence[BoxFiles], files: Sequence[Path]) -> Parts:
    if len(parts) == 1:
        return parts[0], None
    if parts[0].class_names != parts[1].class_names:
        raise FormatError(f"{files[1]}: its classes are not those of {files[0]}")
    return parts[0], parts[1]


def _voc_folder(folder: Path) -> Parts | None:
    split = _split(folder, lambda part: _xml_folder(part) is not None)
    if split is not None:
        train = _voc(split[0])
        return train, None if split[1] is None else _voc(split[1], train.class_names)
    if _xml_folder(folder) is None:
        return None
    whole, sets = _voc(folder), folder / "ImageSets" / "Main"
    lists = [sets / f"{name}.txt" for name in ("train", "trainval", *TEST_NAMES)]
    lists = [file for file in lists if file.is_file()]
    train_list = next((file for file in lists if file.stem.startswith("train")), None)
    test_list = next((file for file in lists if not file.stem.startswith("train")), None)
    if train_list is None:
        return whole, None
    return _listed(whole, train_list), None if test_list is None else _listed(whole, test_list)


def _xml_folder(folder: Path) -> Path | None:
    places = (folder / "Annotations", folder)
    return next((place for place in places if next(place.glob("*.xml"), None)), None)


def _voc(folder: Path, names: Sequence[str] | None = None) -> BoxFiles:
    files = _xml_folder(folder)
    assert files is not None
    pictures = next((folder / n for n in _VOC_PICTURES if (folder / n).is_dir()), folder)
    return read_voc(files, pictures, names)


def _listed(whole: BoxFiles, file: Path) -> BoxFiles:
    """The pictures that a list of Pascal VOC names, one a line."""
    numbers = {path.stem: number for number, path in enumerate(whole.paths)}
    chosen = [line.split()[0] for line in _text(file).splitlines() if line.strip()]
    missing = next((name for name in chosen if name not in numbers), None)
    if missing is not None:
        raise FormatError(f"{file}: there is no .xml file of {missing}")
    places = [numbers[name] for name in chosen]
    return BoxFiles(
        [whole.paths[place] for place in places],
        [whole.annotations[place] for place in places],
        whole.class_names,
    )


def _yolo_folder(folder: Path, names: Sequence[str]) -> Parts:
    """`images/train` beside `labels/train`, or `train/images` beside `train/labels`, or no parts."""
    images = folder / "images"
    inside = _split(images, Path.is_dir)
    if inside is not None:
        pairs = [(part, folder / "labels" / part.name) for part in inside if part is not None]
    else:
        beside = _split(folder, Path.is_dir) or (folder, None)
        pairs = [_yolo_pair(part) for part in beside if part is not None]
    parts = [read_yolo(labels, pictures, names) for pictures, labels in pairs]
    return parts[0], parts[1] if len(parts) > 1 else None


def _yolo_pair(folder: Path) -> tuple[Path, Path]:
    if (folder / "images").is_dir():
        return folder / "images", folder / "labels"
    return folder, folder


def _yolo_names(folder: Path) -> tuple[str, ...] | None:
    """The names of classes in a file of YOLO's, if there is one."""
    file = next((folder / name for name in _YOLO_NAMES if (folder / name).is_file()), None)
    if file is None:
        return None
    text = _text(file)
    names = _yaml_names(text, file) if file.suffix in (".yaml", ".yml") else text.splitlines()
    names = [name.strip() for name in names if name.strip()]
    if not names or len(set(names)) != len(names):
        raise FormatError(f"{file}: must name the classes, each once, got {names[:9]}")
    return tuple(names)


def _yaml_names(text: str, file: Path) -> list[str]:
    """What `names:` of YOLO's YAML lists: [a, b], or lines "- a", or lines "0: a"."""
    lines = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines()]
    start = next((row for row, line in enumerate(lines) if line.startswith("names:")), None)
    if start is None:
        return []
    rest = lines[start].removeprefix("names:").strip()
    if rest.startswith("["):
        inline = " ".join([rest, *lines[start + 1 :]])[1:].partition("]")[0]
        return [_bare(word) for word in inline.split(",")]
    names: dict[int, str] = {}
    for line in lines[start + 1 :]:
        entry = re.fullmatch(r"\s*(?:-|(\d{1,9}):)\s+(.+)", line)
        if entry is not None:
            names[len(names) if entry[1] is None else int(entry[1])] = _bare(entry[2])
        elif line:
            break
    if sorted(names) != list(range(len(names))):
        raise FormatError(f"{file}: must number the classes from 0 on, got {sorted(names)[:9]}")
    return [names[number] for number in range(len(names))]


def _bare(word: str) -> str:
    return word.strip().strip("'\"")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{file}: not text ({error})") from error
