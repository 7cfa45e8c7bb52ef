"""Labelled pictures drawn from a seed: one figure to classify, or many to find and outline.

Circles, squares, triangles, pentagons, stars, crosses, rings, hearts, crescents and arrows, of any
size, colour and rotation, on plain or patterned backgrounds, partly hidden, with noise.
"""

from __future__ import annotations

from convlet.data.shapes.classification import classification
from convlet.data.shapes.difficulty import DIFFICULTIES
from convlet.data.shapes.figures import CLASS_NAMES
from convlet.data.shapes.scene import Objects, Scene, Scenes
from convlet.data.shapes.scenes import scenes

__all__ = [
    "CLASS_NAMES",
    "DIFFICULTIES",
    "Objects",
    "Scene",
    "Scenes",
    "classification",
    "scenes",
]
