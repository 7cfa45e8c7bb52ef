"""What easy, medium and hard mean, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["DIFFICULTIES", "Difficulty", "difficulty_named"]

Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Difficulty:
    """How pictures vary. Lengths are shares of the picture's side, colours go from 0 to 1."""

    radius: Range  # of the one object of a picture
    turn: float  # largest rotation to either side, in degrees
    contrast: float  # least distance of an object's colour from all that surrounds it
    texture: float  # how far the two colours of a background may be apart
    patterns: int  # how many of the backgrounds' kinds are used
    lines: tuple[int, int]  # how many stray lines
    noise: Range  # standard deviation
    shading: float  # how much brighter and darker the ends of an object may be
    bar: float  # how many pictures of one object have a bar across it
    hidden: Range  # share of the object that a bar hides, roughly
    scene_radius: Range  # of each of many objects
    objects: tuple[int, int]  # how many in a scene that is not empty
    empty: float  # how many scenes have no object
    overlap: float  # share of an object that those in front may hide
    outside: float  # share of an object that may lie outside the scene


DIFFICULTIES = {
    "easy": Difficulty(
        radius=(0.30, 0.44),
        turn=15.0,
        contrast=0.42,
        texture=0.15,
        patterns=2,
        lines=(0, 0),
        noise=(0.0, 0.01),
        shading=0.0,
        bar=0.0,
        hidden=(0.0, 0.0),
        scene_radius=(0.10, 0.20),
        objects=(1, 4),
        empty=0.0,
        overlap=0.0,
        outside=0.0,
    ),
    "medium": Difficulty(
        radius=(0.28, 0.45),
        turn=30.0,
        contrast=0.32,
        texture=0.25,
        patterns=5,
        lines=(0, 3),
        noise=(0.01, 0.04),
        shading=0.12,
        bar=0.3,
        hidden=(0.04, 0.18),
        scene_radius=(0.07, 0.20),
        objects=(1, 7),
        empty=0.05,
        overlap=0.35,
        outside=0.0,
    ),
    "hard": Difficulty(
        radius=(0.22, 0.40),
        turn=180.0,
        contrast=0.25,
        texture=0.35,
        patterns=6,
        lines=(2, 6),
        noise=(0.03, 0.08),
        shading=0.2,
        bar=0.6,
        hidden=(0.08, 0.28),
        scene_radius=(0.055, 0.20),
        objects=(2, 12),
        empty=0.08,
        overlap=0.6,
        outside=0.3,
    ),
}


def difficulty_named(name: str, function: str) -> Difficulty:
    """The difficulty of that name, or a ValueError that lists the names."""
    if name not in DIFFICULTIES:
        raise ValueError(
            f"{function}: difficulty must be one of {list(DIFFICULTIES)}, got {name!r}"
        )
    return DIFFICULTIES[name]
