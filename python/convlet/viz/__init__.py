"""Pictures of networks and of what they do; each function returns a matplotlib figure.

matplotlib is imported when the first picture is drawn: pip install "convlet[plot]".
"""

from __future__ import annotations

from convlet.viz.batch import batch
from convlet.viz.confusion import confusion_matrix
from convlet.viz.curves import curves
from convlet.viz.feature_maps import feature_maps
from convlet.viz.kernels import kernels
from convlet.viz.mistakes import mistakes

__all__ = ["batch", "confusion_matrix", "curves", "feature_maps", "kernels", "mistakes"]
