"""What a classifier accepts: rows of flattened images, or images; always brought to images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.sklearn._network import Shape

_LEAST_SIDE = 4  # of rows that are taken for square images


def images_and_labels(
    estimator: Any, X: Any, y: Any, reset: bool
) -> tuple[npt.NDArray[np.float64], Any, Shape]:
    """Check X, and y unless it is None; give images (N, C, H, W), the labels, and (C, H, W).

    With `reset` the number of features and the shape are learnt from X, else X has to agree.
    """
    given: Shape | None = None
    if getattr(X, "ndim", 2) == 4:
        array = check_array(np.asarray(X), allow_nd=True, input_name="X", estimator=estimator)
        given = array.shape[1:]
        X = array.reshape(len(array), -1)
    if y is None:
        X = validate_data(estimator, X, reset=reset, dtype=np.float64)
    else:
        X, y = validate_data(estimator, X, y, reset=reset, dtype=np.float64)
    shape = _shape(estimator.image_shape, X.shape[1], given) if reset else estimator.image_shape_
    if given is not None and given != shape:
        raise ValueError(
            f"CNNClassifier: images must be (N, {_listed(shape)}), got (N, {_listed(given)})"
        )
    return X.reshape(-1, *shape), y, shape


def _shape(wanted: Any, features: int, given: Shape | None) -> Shape:
    """The shape (C, H, W) of an image: as asked for, as given, or guessed."""
    if wanted is not None:
        try:
            shape = tuple(int(extent) for extent in wanted)
            whole = all(a == b for a, b in zip(shape, wanted, strict=True))
        except (TypeError, ValueError):
            shape, whole = (), False
        shape = (1, *shape) if len(shape) == 2 else shape
        if not whole or len(shape) != 3 or min(shape) < 1:
            raise ValueError(
                f"CNNClassifier: image_shape must be (C, H, W) or (H, W) of whole numbers, got {wanted!r}"
            )
        if math.prod(shape) != features:
            raise ValueError(
                f"CNNClassifier: image_shape {shape} has {math.prod(shape)} pixels, X has {features} "
                "features"
            )
        return shape[0], shape[1], shape[2]
    if given is not None:
        return given
    side = math.isqrt(features)
    return (1, side, side) if side * side == features and side >= _LEAST_SIDE else (1, 1, features)


def _listed(shape: Shape) -> str:
    return ", ".join(map(str, shape))
