"""Boxes and regions, with the names and arguments of torchvision.ops; masks of large images."""

from convlet.vision.boxes import (
    batched_nms,
    box_area,
    box_convert,
    box_iou,
    clip_boxes_to_image,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    nms,
    remove_small_boxes,
    soft_nms,
)
from convlet.vision.losses import (
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
)
from convlet.vision.regions import roi_align
from convlet.vision.segment import segment

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "complete_box_iou_loss",
    "distance_box_iou",
    "distance_box_iou_loss",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "nms",
    "remove_small_boxes",
    "roi_align",
    "segment",
    "soft_nms",
]
