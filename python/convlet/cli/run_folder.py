"""Run folders: `runs/lenet5-digits-001` and what is written there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import as_json
from convlet.errors import FormatError

CONFIG = "config.json"
METRICS = "metrics.json"  # written last: a run that has it is finished
_LARGEST_CONFIG = 1_000_000  # bytes
_LARGEST_SIDE = 2**20
LARGEST_IMAGE = 2**20  # values; bounds the network that a file can make us build
_LARGEST_CLASSES = 100_000
# Arguments beside those that follow from the data.
_ARGUMENTS = {"kernel_size", "dropout", "seed", "stem", "base_channels", "backbone"}


@dataclass(frozen=True)
class RunConfig:
    """All that `evaluate` and `predict` need to rebuild a trained network and its data."""

    version: str
    task: str
    model: str
    arguments: dict[str, int | float | str | list[int]]
    data: str
    seed: int
    classes: list[str]
    channels: int
    height: int
    width: int
    mean: list[float]
    std: list[float]
    white: float
    centred: bool
    training: dict[str, int | float | str]


def create(out: str | None, parent: Path, name: str) -> Path:
    """Make a new folder: the one that the user named, or the next free `<parent>/<name>-NNN`."""
    try:
        if out is not None:
            folder = Path(out)
            if folder.exists() and not folder.is_dir():
                raise CommandError(f"--out: {folder} is a file, not a folder", WRONG_USE)
            if folder.is_dir() and any(folder.iterdir()):
                raise CommandError(
                    f"--out: {folder} is not empty, and nothing is overwritten", WRONG_USE
                )
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        parent.mkdir(exist_ok=True)
        number = 1
        while True:
            folder = parent / f"{name}-{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        raise CommandError(f"cannot make a folder: {error}", WRONG_USE) from error


def discard_if_empty(folder: Path) -> None:
    """Remove a run folder that holds nothing which was learnt."""
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {CONFIG}:
        (folder / CONFIG).unlink(missing_ok=True)
        folder.rmdir()


def write_config(folder: Path, config: RunConfig) -> None:
    """Write `config.json`."""
    (folder / CONFIG).write_text(as_json(asdict(config)) + "\n", encoding="utf-8")


def read_config(folder: Path) -> RunConfig:
    """Read and check `config.json` of a run; every fault is one sentence that names the file."""
    if not folder.is_dir():
        raise CommandError(f"there is no run folder {folder}", WRONG_USE)
    path = folder / CONFIG
    if not path.is_file():
        raise CommandError(f"{folder} is not a run folder: it has no {CONFIG}", WRONG_USE)
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise FormatError(f"it is larger than {_LARGEST_CONFIG:,} bytes")
        raw = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        return _checked(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"cannot use {path}: {error}") from error


def kept_epoch(folder: Path) -> int | None:
    """The number of the epoch whose weights a finished run has, None where no one says."""
    try:
        number = json.loads((folder / METRICS).read_text(encoding="utf-8"))["best_epoch"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return number if _is_int(number) and number > 0 else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FormatError("a key occurs twice")
    return result


def _checked(raw: Any) -> RunConfig:
    if not isinstance(raw, dict):
        raise FormatError("it must hold an object")
    raw.setdefault("task", "classify")  # as runs of earlier versions, which knew no other
    wanted = set(RunConfig.__dataclass_fields__)
    if set(raw) != wanted:
        missing, extra = sorted(wanted - set(raw)), sorted(set(raw) - wanted)
        raise FormatError(f"missing keys {missing}, unknown keys {extra}")
    for key in ("version", "task", "model", "data"):
        _need(isinstance(raw[key], str), key, "text", raw[key])
    for key, high in (
        ("channels", _LARGEST_SIDE),
        ("height", _LARGEST_SIDE),
        ("width", _LARGEST_SIDE),
        ("seed", 2**63 - 1),
    ):
        low = 0 if key == "seed" else 1
        good = _is_int(raw[key]) and low <= raw[key] <= high
        _need(good, key, f"a whole number from {low} to {high}", raw[key])
    size = raw["channels"] * raw["height"] * raw["width"]
    _need(size <= LARGEST_IMAGE, "an image", f"of at most {LARGEST_IMAGE:,} values", size)
    names = raw["classes"]
    good = isinstance(names, list) and 0 < len(names) <= _LARGEST_CLASSES
    _need(
        good and all(isinstance(name, str) for name in names), "classes", "a list of names", names
    )
    for key in ("mean", "std"):
        values = raw[key]
        good = isinstance(values, list) and len(values) == raw["channels"]
        good = good and all(_is_number(value) for value in values)
        good = good and (key == "mean" or all(value > 0 for value in values))
        _need(good, key, "one finite number per channel (std above 0)", values)
    _need(_is_number(raw["white"]) and raw["white"] > 0, "white", "a number above 0", raw["white"])
    _need(isinstance(raw["centred"], bool), "centred", "true or false", raw["centred"])
    for key in ("arguments", "training"):
        _need(isinstance(raw[key], dict), key, "an object", raw[key])
    _check_arguments(raw["arguments"], len(names), raw["channels"], [raw["height"], raw["width"]])
    return RunConfig(**raw)


def _check_arguments(arguments: dict[str, Any], classes: int, channels: int, size: Any) -> None:
    """Refuse arguments of a network that training would not have written for these images."""
    count = "num_classes" if "num_classes" in arguments else "classes"
    wanted = {count: classes, "in_channels": channels}
    if "image_size" in arguments:
        wanted["image_size"] = size
    for key, value in wanted.items():
        _need(arguments.get(key) == value, f"arguments.{key}", str(value), arguments.get(key))
    unknown = sorted(set(arguments) - set(wanted) - _ARGUMENTS)
    if unknown:
        raise FormatError(f"arguments has the unknown key {unknown[0]}")


def _need(good: bool, key: str, wanted: str, got: Any) -> None:
    if not good:
        raise FormatError(f"{key} must be {wanted}, got {str(got)[:60]}")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    finite = isinstance(value, int | float) and not isinstance(value, bool)
    return finite and abs(value) < 1e30
