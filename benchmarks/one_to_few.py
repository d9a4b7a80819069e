"""Doubles without suppression: O2F's assignment beside a one-to-many one of the same network.

    python benchmarks/one_to_few.py --work FOLDER [--steps N]

Two ``o2f-lite`` are trained by the recipe of that name on the same drawn shelves; in the second,
all points that learn an object are objects for certain. Both are measured on other shelves, each
with and without suppression. FOLDER keeps the runs, which go on where they were stopped; the
figures are ``benchmarks/one_to_few.json``, the table and a picture ``one_to_few.md`` and
``one_to_few.png``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from cells import keep, kept
from PIL import Image

from handful import api
from handful.api.trained import read_detector
from handful.data.dataset import Dataset
from handful.data.synthetic import BASE_SHELVES, draw_shelves
from handful.evaluate.detector import measure_detector
from handful.files import replacing, write_text
from handful.predict.trained import TrainedDetector
from handful.recipes.tree import override
from handful.report.draw import draw_detections

HERE = Path(__file__).parent
RESULTS, TABLE, PICTURE = (HERE / f"one_to_few.{kind}" for kind in ("json", "md", "png"))
TEST = replace(BASE_SHELVES, seed=77, scenes=120)
SHOWN_SCENE, SHOWN_SCORE = 3, 0.3
NMS_IOU = 0.6
MOST = 7
WAYS = {
    "few": ("one-to-few (O2F)", {}),
    "many": ("one-to-many", {"model.certain_points": MOST}),
}
ENDS = {"without": None, "with": NMS_IOU}

HEAD = """# Doubles without suppression

Made by `benchmarks/one_to_few.py`: `o2f-lite`, {steps} steps of four drawn shelves, measured on
{scenes} others (COCO's AP and AP50). One-to-many: the same network, pictures and schedule, but all
of the {most} points that learn an object are objects for certain, as in detectors that suppress
doubles afterwards (overlap {nms}). CPU minutes of training on one core.

| assignment | suppression | AP50 | AP | found a picture | minutes |
|---|---|---|---|---|---|
"""


def trained(way: str, options: argparse.Namespace) -> Path:
    """Return the weights of one way, trained now if they are not yet."""
    changes: dict[str, Any] = dict(WAYS[way][1])
    if options.steps:
        changes["train.steps"] = options.steps
    recipe: Any = override(api.recipe("o2f-lite"), changes)
    folder = options.work / "one_to_few" / way
    begun = time.process_time()
    run = api.train("o2f-lite", recipe, out=folder, device="cpu")
    if f"{way} minutes" not in kept(RESULTS):
        keep(RESULTS, {f"{way} minutes": (time.process_time() - begun) / 60})
        keep(RESULTS, {"steps": recipe.train.steps})
    return run.weights


def detector(weights: Path, nms_iou: float | None) -> TrainedDetector:
    """Return the detector with or without suppression."""
    network: Any = read_detector(weights)
    network.config = replace(network.config, nms_iou=nms_iou, score_threshold=1e-3)
    return TrainedDetector(network, score=None)


def figures(weights: Path, nms_iou: float | None, tested: Dataset) -> dict[str, float]:
    """Return AP50 and AP, 0 to 100, and how much is found above a score on each picture."""
    found = detector(weights, nms_iou)
    measured = measure_detector(found, tested)
    shown = [len(found.detect(one.read(), score=SHOWN_SCORE)) for one in tested.pictures[:20]]
    return {
        "AP50": 100 * measured["AP50"],
        "AP": 100 * measured["AP"],
        "found": sum(shown) / len(shown),
    }


def draw(weights: dict[str, Path], tested: Dataset) -> None:
    """Draw what both find on one scene without suppression, side by side."""
    image = tested.pictures[SHOWN_SCENE].read()
    drawn = [
        draw_detections(image, detector(weights[way], None).detect(image, score=SHOWN_SCORE))
        for way in WAYS
    ]
    both = Image.new("RGB", (sum(one.width for one in drawn), image.height))
    for place, one in enumerate(drawn):
        both.paste(one, (place * image.width, 0))
    with replacing(PICTURE) as temporary:
        both.save(temporary, format="PNG")


def write_table(scenes: int) -> None:
    """Write what is measured."""
    cells = kept(RESULTS)
    text = HEAD.format(steps=cells["steps"], scenes=scenes, most=MOST, nms=NMS_IOU)
    for way, (title, _) in WAYS.items():
        for end in ENDS:
            one = cells[f"{way} {end}"]
            text += f"| {title} | {end} | {one['AP50']:.1f} | {one['AP']:.1f} | {one['found']:.1f} "
            text += f"| {cells[f'{way} minutes']:.0f} |\n"
    text += "\nObjects above a score of 0.3, left one-to-few, right one-to-many, both without "
    text += f"suppression:\n\n![detections]({PICTURE.name})\n"
    write_text(TABLE, text)


def main() -> None:
    """Train both, measure them with and without suppression, write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    tested = draw_shelves(TEST)
    weights = {way: trained(way, options) for way in options.ways}
    for way, file in weights.items():
        for end, nms_iou in ENDS.items():
            keep(RESULTS, {f"{way} {end}": figures(file, nms_iou, tested)})
    if len(weights) == len(WAYS):
        draw(weights, tested)
        write_table(len(tested))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
