"""Box geometry: pure functions on tensors of xyxy boxes."""

from handful.boxes.coding import decode_boxes, encode_boxes
from handful.boxes.geometry import box_area, clip_boxes, covered_fraction, from_xywh, to_xywh
from handful.boxes.iou import box_iou
from handful.boxes.nms import chunked_nms, nms

__all__ = [
    "box_area",
    "box_iou",
    "chunked_nms",
    "clip_boxes",
    "covered_fraction",
    "decode_boxes",
    "encode_boxes",
    "from_xywh",
    "nms",
    "to_xywh",
]
