"""Pictures named in a CSV file of paths and labels."""

from __future__ import annotations

import csv
import io
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from convlet.data.image_files import ImageFiles
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    from convlet.data.transforms import Transform

__all__ = ["ImageTable"]

MOST_BYTES = 1 << 28
PATH_NAMES = ("path", "file", "filename", "file_name", "image", "image_path", "filepath")
LABEL_NAMES = ("label", "class", "target", "category", "class_name", "y")


class ImageTable(ImageFiles):
    r"""Pictures whose paths and labels stand in a CSV file.

    The first line may name the columns: one of path, file, filename, image …, and one of label,
    class, target, category …. Without such names the first two columns are taken. Labels may be
    any text; their classes are numbered in alphabetic order, whole numbers in theirs.

    Args:
        table: The CSV file, UTF-8.
        transform: What to do to each picture.
        root: The folder that paths begin at; the table's own unless given. They never leave it.
        path_column: The name of the column of paths, if it is another one.
        label_column: The name of the column of labels, if it is another one.
        channels: 3 for colour, 1 for grey.
        on_error: "raise" or "skip", see `ImageFiles`.
        least_side: How small JPEG files may be decoded, see `ImageFiles`.

    Raises:
        FormatError: The table is damaged, or a path leads out of its folder; names the line.
        ValueError: A column is missing, or there is no line.
        OSError: The table cannot be opened.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "1.ppm").write_bytes(b"P6 2 2 255 " + bytes(12))
        >>> _ = (folder / "table.csv").write_text("path,label\n1.ppm,cat\n1.ppm,dog\n")
        >>> table = ImageTable(folder / "table.csv")
        >>> table.classes, table.targets.tolist()
        (['cat', 'dog'], [0, 1])
    """

    def __init__(
        self,
        table: str | os.PathLike[str],
        transform: Transform | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        path_column: str | None = None,
        label_column: str | None = None,
        channels: int = 3,
        on_error: str = "raise",
        least_side: int | None = None,
    ) -> None:
        """Read the table; the pictures are read when batches want them."""
        self.table = Path(table)
        self.root = self.table.parent if root is None else Path(root)
        rows = _rows(self.table)
        path_at, label_at, named = _columns(rows[0][1], path_column, label_column, self.table)
        rows = rows[1:] if named else rows
        if not rows:
            raise ValueError(f"ImageTable: {self.table} names no picture")
        inside = self.root.resolve()
        paths, texts = [], []
        for line, row in rows:
            if len(row) <= max(path_at, label_at):
                raise FormatError(f"{self.table}, line {line}: too few columns, {row!r:.60}")
            paths.append(_inside(row[path_at].strip(), inside, f"{self.table}, line {line}"))
            texts.append(row[label_at].strip())
        classes = _in_order(set(texts))
        numbers = {text: number for number, text in enumerate(classes)}
        super().__init__(
            paths,
            [numbers[text] for text in texts],
            classes=classes,
            transform=transform,
            channels=channels,
            on_error=on_error,
            least_side=least_side,
        )


def _rows(table: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    size = table.stat().st_size
    if size > MOST_BYTES:
        raise FormatError(f"{table}: {size} bytes are more than {MOST_BYTES}")
    try:
        text = table.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{table}: not a CSV file in UTF-8 ({error})") from error
    if not rows:
        raise ValueError(f"ImageTable: {table} is empty")
    return rows


def _columns(
    first: list[str], path_column: str | None, label_column: str | None, table: Path
) -> tuple[int, int, bool]:
    """Where paths and labels stand, and whether the first line names the columns."""
    names = [name.strip().lower() for name in first]
    found = []
    for wanted, known in ((path_column, PATH_NAMES), (label_column, LABEL_NAMES)):
        if wanted is not None and wanted.lower() not in names:
            raise ValueError(f"ImageTable: {table} has no column {wanted!r}, it has {first!r:.100}")
        candidates = known if wanted is None else (wanted.lower(),)
        found.append(next((names.index(name) for name in candidates if name in names), None))
    path_at, label_at = found
    if path_at is None and label_at is None:
        return 0, 1, False
    if path_at is None or label_at is None or path_at == label_at:
        raise ValueError(
            f"ImageTable: {table} must name a column of paths and one of labels, it has "
            f"{first!r:.100}; give path_column and label_column"
        )
    return path_at, label_at, True


def _inside(text: str, root: Path, where: str) -> Path:
    parts = PureWindowsPath(text).parts if "\\" in text else PurePosixPath(text).parts
    absolute = PurePosixPath(text).is_absolute() or bool(PureWindowsPath(text).drive)
    if not text or "\0" in text or absolute or ".." in parts:
        raise FormatError(f"{where}: paths must stay in their folder, got {text!r:.80}")
    path = root.joinpath(*parts)
    if not path.resolve().is_relative_to(root):
        raise FormatError(f"{where}: {text!r:.80} leads out of its folder")
    return path


def _in_order(texts: set[str]) -> list[str]:
    if all(text.removeprefix("-").isdecimal() for text in texts):
        return sorted(texts, key=lambda text: (int(text), text))
    return sorted(texts)
