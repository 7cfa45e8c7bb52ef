"""Augmentation with the names of torchvision.transforms, done natively to a whole batch.

>>> import numpy as np
>>> from convlet.data import ArrayDataset, transforms
>>> augment = transforms.Compose([
...     transforms.RandomCrop(32, padding=4),
...     transforms.RandomHorizontalFlip(),
...     transforms.ColorJitter(brightness=0.2, hue=0.05),
...     transforms.Normalize(0.5, 0.25),
... ])
>>> dataset = ArrayDataset(np.zeros((8, 3, 32, 32), np.uint8), np.arange(8), transform=augment)
>>> images, labels = dataset.batch(np.array([3, 1]), seed=7, epoch=2)
>>> images.shape, float(images[0, 0, 0, 0])
((2, 3, 32, 32), -2.0)
"""

from convlet.data.transforms.affine import RandomAffine, RandomRotation
from convlet.data.transforms.base import Compose, ToTensor, Transform
from convlet.data.transforms.colour import (
    ColorJitter,
    Grayscale,
    Normalize,
    RandomErasing,
    RandomGrayscale,
)
from convlet.data.transforms.geometry import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from convlet.data.transforms.mixing import CutMix, Mixing, MixUp
from convlet.data.transforms.resizing import InterpolationMode, RandomResizedCrop, Resize

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Grayscale",
    "InterpolationMode",
    "MixUp",
    "Mixing",
    "Normalize",
    "Pad",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToTensor",
    "Transform",
]
