"""A convolutional network as a scikit-learn estimator: pip install "convlet[sklearn]"."""

from __future__ import annotations

try:
    import sklearn as _sklearn
except ImportError:
    raise ImportError(
        'convlet.sklearn needs scikit-learn: pip install "convlet[sklearn]"'
    ) from None

del _sklearn

from convlet.sklearn.classifier import CNNClassifier

__all__ = ["CNNClassifier"]
