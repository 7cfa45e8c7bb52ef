"""Where things are: places, losses, boxes and measures of detectors."""

from __future__ import annotations

from convlet.detection.assignment import Assignment, assign_points
from convlet.detection.average_precision import CocoScores, coco_scores
from convlet.detection.decoding import Detections, decode_fcos, keep_best, keep_one_class
from convlet.detection.error_types import KINDS, ErrorTypes, error_types
from convlet.detection.faces import Faces, find_faces
from convlet.detection.grids import anchor_grid, point_grid
from convlet.detection.loss import FCOSLoss
from convlet.detection.ssd import SSDLoss, decode_ssd, match_boxes
from convlet.models.ssdlite import default_boxes

__all__ = [
    "KINDS",
    "Assignment",
    "CocoScores",
    "Detections",
    "ErrorTypes",
    "FCOSLoss",
    "Faces",
    "SSDLoss",
    "anchor_grid",
    "assign_points",
    "coco_scores",
    "decode_fcos",
    "decode_ssd",
    "default_boxes",
    "error_types",
    "find_faces",
    "keep_best",
    "keep_one_class",
    "match_boxes",
    "point_grid",
]
