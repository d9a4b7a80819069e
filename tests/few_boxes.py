"""A support set that can be learnt in seconds: coloured discs and bars on grey."""

from __future__ import annotations

from pathlib import Path

import numpy
from PIL import Image, ImageDraw

from handful.files import write_json

SIDE = 96
CLASSES = ("disc", "bar")
QUICK = {
    "train.steps": "3",
    "train.batch": "2",
    "train.warmup": "0",
    "model.train_short_sides": "96",
    "model.test_short_side": "96",
    "model.roi_batch": "8",
    "model.proposals_after_nms": "16,16",
    "calibrate": "false",
}
"""What makes learning a matter of seconds; as typed on a command line."""


def write_support(folder: Path, *, pictures: int = 4, seed: int = 0) -> Path:
    """Write pictures with a disc and a bar each, and their boxes; return the COCO file."""
    random = numpy.random.default_rng(seed)
    images, boxes = [], []
    for number in range(1, pictures + 1):
        picture = Image.new("RGB", (SIDE, SIDE), (120, 120, 120))
        draw = ImageDraw.Draw(picture)
        x, y = (int(v) for v in random.integers(4, 20, 2))
        draw.ellipse((x, y, x + 30, y + 30), fill=(220, 30, 30))
        draw.rectangle((x + 36, y + 40, x + 68, y + 56), fill=(30, 60, 220))
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
        for label, box in enumerate(((x, y, 30, 30), (x + 36, y + 40, 32, 16)), start=1):
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": number,
                    "category_id": label,
                    "bbox": list(box),
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": label, "name": name} for label, name in enumerate(CLASSES, start=1)]
    write_json(
        folder / "support.json",
        {"images": images, "annotations": boxes, "categories": categories},
    )
    return folder / "support.json"
