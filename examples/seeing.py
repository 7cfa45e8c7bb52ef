"""See into a network with published weights: where it looks, its first kernels, what is alike to it.

    pip install ".[pretrained,plot,image]" scikit-image
    python examples/seeing.py

Draws seeing_where.png, seeing_kernels.png and seeing_neighbours.png.
"""

import importlib.util
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from convlet import models, transfer, viz

spec = importlib.util.find_spec("skimage")
photographs = Path(spec.origin).parent / "data"
model = models.create("efficientnet_lite0", weights="imagenet")

# Where it looks: Grad-CAM of the likeliest class of each photograph.
names = ("chelsea.png", "coffee.png", "camera.png", "motorcycle_left.png")
pictures = [np.asarray(Image.open(photographs / name).convert("RGB")) for name in names]
batch = np.stack([model.preprocessing(picture) for picture in pictures])
viz.grad_cam(model, batch, names=model.classes).savefig("seeing_where.png", dpi=100)

# What the first layer looks for.
viz.kernels(model.conv_stem.weight).savefig("seeing_kernels.png", dpi=80)

# What is alike to it: the nearest of 200 faces and other pieces of photographs, 25 x 25 pixels each.
pieces = np.load(photographs / "lfw_subset.npy")
is_face = np.arange(200) < 100
grey = [Image.fromarray((255 * piece).astype(np.uint8)).resize((112, 112)) for piece in pieces]
colour = [np.asarray(piece.convert("RGB")) for piece in grey]
prepare = models.Preprocessing(112, 112, model.preprocessing.mean, model.preprocessing.std)
rows = transfer.features(model, colour, prepare)
order, cosines = transfer.neighbours(rows, rows, k=6)  # the nearest is the piece itself
right = (is_face[order[:, 1:]] == is_face[:, None]).mean()
print(f"{right:.1%} of the five nearest are of the same kind")
axes = (figure := Figure(figsize=(7, 6.2), layout="constrained")).subplots(5, 6)
for line, query in zip(axes, (0, 37, 71, 120, 163), strict=True):
    for cell, found, cosine in zip(line, order[query], cosines[query], strict=True):
        cell.imshow(pieces[found], cmap="gray", vmin=0, vmax=1)
        cell.set_title("query" if found == query else f"{cosine:.2f}", fontsize=9)
        cell.axis("off")
figure.savefig("seeing_neighbours.png", dpi=80)
