"""Find the face on a photograph by MTCNN, and draw its box and five landmarks.

    pip install "convlet[image,plot]" scikit-image && pip install --no-deps facenet-pytorch
    python examples/faces.py [PHOTO] [--out faces.png]

By itself it takes scikit-image's astronaut (NASA, public domain). The weights are those that the package
facenet-pytorch (MIT) carries; it is not imported, convlet reads its files.
"""

from __future__ import annotations

import argparse
import time

from convlet import detection, models, viz
from convlet.data.decoding import read_image
from convlet.io.installed import find


def main() -> None:
    """Find, tell, draw."""
    parser = argparse.ArgumentParser(description="Find faces on a photograph.")
    parser.add_argument("photo", nargs="?", help="a picture (default: scikit-image's astronaut)")
    parser.add_argument("--out", default="faces.png", help="the picture to write")
    arguments = parser.parse_args()
    path = arguments.photo or find("skimage", "data/astronaut.png")
    if path is None:
        parser.error("name a photograph, or: pip install scikit-image")
    image, model = read_image(path), models.mtcnn()
    start = time.perf_counter()
    found = detection.find_faces(model, image)
    milliseconds = 1000 * (time.perf_counter() - start)
    for box, score in zip(found.boxes, found.scores, strict=True):
        x1, y1, x2, y2 = (round(float(edge)) for edge in box)
        print(f"a face from ({x1}, {y1}) to ({x2}, {y2}), score {score:.4f}")
    title = f"MTCNN finds {len(found.scores)} face{'' if len(found.scores) == 1 else 's'}"
    print(f"{title} in {milliseconds:.0f} ms")
    note = "Box, score, and five landmarks: eyes, nose, corners of the mouth."
    figure = viz.boxes(image, found, ["face"], points=found.points, title=title, note=note)
    figure.savefig(arguments.out)


if __name__ == "__main__":
    main()
