"""Writes pictures for tests of folders and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def picture(number: int, height: int = 12, width: int = 16, channels: int = 3) -> npt.NDArray[Any]:
    """(H, W, C), or (H, W) for grey."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return pixels if channels > 1 else pixels[..., 0]


def write(path: Path, pixels: npt.NDArray[Any], **how: Any) -> Path:
    pillow = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(pixels).save(path, **how)
    return path


def write_classes(root: Path, counts: dict[str, int], **how: Any) -> None:
    number = 0
    for name, count in counts.items():
        for _ in range(count):
            write(root / name / f"{number:03}.png", picture(number, **how))
            number += 1
