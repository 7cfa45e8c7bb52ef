"""What the steps of a transform mean, picture by picture in plain NumPy and Python numbers."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from convlet import _pipeline

Picture = npt.NDArray[Any]  # (C, H, W)
LOW = 2**32 - 1


class Draws:
    """The random numbers of one step for one sample."""

    def __init__(self, seed: int, epoch: int, index: int, step: int) -> None:
        words = _pipeline.philox(
            (index & LOW, index >> 32, epoch, 0x73746570), (seed & LOW, seed >> 32)
        )
        self.key = words[:2]
        self.step = step
        self.taken = 0

    def word(self) -> int:
        block, place = divmod(self.taken, 4)
        self.taken += 1
        return _pipeline.philox((block, self.step, 0, 0), self.key)[place]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * self.word() / 2**32

    def below(self, count: int) -> int:
        return self.word() * count >> 32

    def normal(self) -> float:
        u = (self.word() + 1) / 2**32
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * self.uniform())


def padded(x: Picture, sides: tuple[int, int, int, int], fill: Any, mode: str) -> Picture:
    """More pixels at the left, top, right and bottom."""
    left, top, right, bottom = sides
    widths = ((top, bottom), (left, right))
    if mode != "constant":
        return np.stack([np.pad(plane, widths, mode=mode) for plane in x])  # type: ignore[call-overload]
    values = np.broadcast_to(fill, len(x))
    return np.stack([np.pad(p, widths, constant_values=v) for p, v in zip(x, values, strict=True)])


def affine(
    x: Picture,
    *,
    angle: float,
    move: tuple[float, float] = (0, 0),
    scale: float = 1.0,
    shear: tuple[float, float] = (0, 0),
    centre: tuple[float, float] | None = None,
    bilinear: bool = False,
    fill: Any = 0.0,
) -> Picture:
    """Clockwise on the screen: the matrix is inverted numerically, each pixel looked up alone."""
    channels, height, width = x.shape
    middle = np.array(centre or (width / 2, height / 2))
    turn, sx, sy = (math.radians(a) for a in (angle, *shear))
    rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    along_y = np.array([[1, 0], [-math.tan(sy), 1]])
    along_x = np.array([[1, -math.tan(sx)], [0, 1]])
    back = np.linalg.inv(scale * rotate @ along_y @ along_x)
    values = np.broadcast_to(np.asarray(fill, float), channels)
    y = np.empty(x.shape)
    for i in range(height):
        for j in range(width):
            place = back @ (np.array([j + 0.5, i + 0.5]) - middle - move) + middle - 0.5
            y[:, i, j] = looked_up(x, place[0], place[1], bilinear, values)
    return y


def looked_up(x: Picture, column: float, row: float, bilinear: bool, fill: Picture) -> Picture:
    def pixel(i: int, j: int) -> Picture:
        inside = 0 <= i < x.shape[1] and 0 <= j < x.shape[2]
        return x[:, i, j] if inside else fill

    if not bilinear:
        return pixel(round(row), round(column))
    i, j = math.floor(row), math.floor(column)
    down, right = row - i, column - j
    top = (1 - right) * pixel(i, j) + right * pixel(i, j + 1)
    bottom = (1 - right) * pixel(i + 1, j) + right * pixel(i + 1, j + 1)
    return (1 - down) * top + down * bottom


def tap(x: float, kind: str) -> float:
    x = abs(x)
    if kind == "bilinear":
        return max(1 - x, 0.0)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resize_matrix(size: int, wanted: int, kind: str, antialias: bool) -> Picture:
    """(wanted, size): row i says what new pixel i is made of."""
    ratio = size / wanted
    if kind == "nearest":
        return np.eye(size)[[i * size // wanted for i in range(wanted)]]
    wide = max(ratio, 1.0) if antialias else 1.0
    rows = np.array(
        [
            [tap((k + 0.5 - (i + 0.5) * ratio) / wide, kind) for k in range(size)]
            for i in range(wanted)
        ]
    )
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


def resized(
    x: Picture, size: tuple[int, int], kind: str = "bilinear", antialias: bool = True
) -> Picture:
    down = resize_matrix(x.shape[1], size[0], kind, antialias)
    right = resize_matrix(x.shape[2], size[1], kind, antialias)
    return np.asarray(down @ x @ right.T)


def grey(x: Picture) -> Picture:
    weights = [1.0] if len(x) == 1 else [0.2989, 0.587, 0.114]
    return np.asarray(np.tensordot(weights, x, 1))


def jittered(x: Picture, kind: str, factor: float) -> Picture:
    if kind == "brightness":
        return np.asarray(np.clip(x * factor, 0, 1))
    if kind == "contrast":
        return np.asarray(np.clip(factor * x + (1 - factor) * grey(x).mean(), 0, 1))
    if len(x) == 1:
        return x
    if kind == "saturation":
        return np.asarray(np.clip(factor * x + (1 - factor) * grey(x), 0, 1))
    y = np.empty_like(x)
    for i, j in np.ndindex(x.shape[1:]):
        hue, saturation, value = colorsys.rgb_to_hsv(*x[:, i, j])
        y[:, i, j] = colorsys.hsv_to_rgb((hue + factor) % 1, saturation, value)
    return y
