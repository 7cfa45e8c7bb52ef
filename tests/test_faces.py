"""The face detector MTCNN, with published weights."""

from __future__ import annotations

import numpy as np
import pytest

from convlet import detection, models
from convlet.io.installed import find


def test_the_face_of_a_photograph_is_found() -> None:
    pytest.importorskip("PIL")
    path = find("skimage", "data/astronaut.png")
    if path is None or find("facenet_pytorch", "data/pnet.pt") is None:
        pytest.skip("needs scikit-image and facenet-pytorch")
    from convlet.data.decoding import read_image

    found = detection.find_faces(models.mtcnn(), read_image(path))
    # The package itself, in PyTorch, gives these numbers.
    np.testing.assert_allclose(found.boxes, [[181.0514, 62.1561, 267.7473, 172.0502]], atol=0.01)
    np.testing.assert_allclose(found.points[0, 0], [205.0109, 101.7274], atol=0.01)
    assert found.scores[0] > 0.999
    left_eye, right_eye, nose, *mouth = found.points[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < min(corner[1] for corner in mouth)


def test_an_image_without_a_face_has_none() -> None:
    found = detection.find_faces(models.mtcnn(weights=None), np.zeros((3, 10, 10), np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.points.shape == (0, 5, 2)


def test_bad_input_is_named() -> None:
    model = models.mtcnn(weights=None)
    with pytest.raises(TypeError, match="image must be uint8, got float64"):
        detection.find_faces(model, np.zeros((3, 9, 9)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"image must be \(3, H, W\), got \(9, 9, 3\)"):
        detection.find_faces(model, np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match="smallest must be at least 1"):
        detection.find_faces(model, np.zeros((3, 9, 9), np.uint8), smallest=0)
    with pytest.raises(ValueError, match='weights must be "facenet-pytorch"'):
        models.mtcnn("other")
