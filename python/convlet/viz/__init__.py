"""Pictures of networks and of what they do; each function returns a matplotlib figure.

matplotlib is imported when the first picture is drawn: pip install "convlet[plot]".
"""

from __future__ import annotations

from convlet.viz import attribution, field
from convlet.viz._classes import class_colours, overlay
from convlet.viz.batch import batch
from convlet.viz.confusion import confusion_matrix
from convlet.viz.curves import curves
from convlet.viz.detection import boxes, detections, error_kinds, precision_recall
from convlet.viz.feature_maps import feature_maps
from convlet.viz.grad_cam import grad_cam
from convlet.viz.kernels import kernels
from convlet.viz.learning_rate import learning_rates
from convlet.viz.mistakes import mistakes
from convlet.viz.occlusion import occlusion
from convlet.viz.patches import top_patches
from convlet.viz.receptive_field import receptive_field
from convlet.viz.saliency import saliency
from convlet.viz.segmentation import class_bars, mask_overlay, segmentations

__all__ = [
    "attribution",
    "batch",
    "boxes",
    "class_bars",
    "class_colours",
    "confusion_matrix",
    "curves",
    "detections",
    "error_kinds",
    "feature_maps",
    "field",
    "grad_cam",
    "kernels",
    "learning_rates",
    "mask_overlay",
    "mistakes",
    "occlusion",
    "overlay",
    "precision_recall",
    "receptive_field",
    "saliency",
    "segmentations",
    "top_patches",
]
