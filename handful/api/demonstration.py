"""A demonstration without any data: drawn shelves, searched for classes never trained on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from PIL import Image

from handful.api.models import DEFAULT_MODEL, load_oneshot
from handful.boxes import nms
from handful.data.dataset import Dataset
from handful.data.images import read_image
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.evaluate.oneshot import oneshot_metrics
from handful.files import require_writable, write_json
from handful.predict.oneshot import OneShotDetector
from handful.predict.search import search_levels
from handful.report.draw import draw_detections, save_picture
from handful.report.html import Figure, Table, write_page
from handful.report.sheet import contact_sheet
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections

DEMO_SCENES = ShelfRecipe(
    seed=7,
    scenes=6,
    classes=12,
    part="novel",
    look_alike=3,
    objects=(8, 12),
    distractors=4,
    side=95,
)
"""Small enough for two cores; twelve classes in families of look-alikes."""

DEMO_ZOOM = 1.6
"""Things on drawn shelves are small: all sizes a model searches are enlarged by this."""

SAME_PLACE = 0.5
"""Of boxes that overlap more than this the pictures show the strongest, whatever its class."""

LEAD = (
    "Every class was shown once, by the picture below, and was never trained on. "
    "Solid boxes are what was found, dashed ones what is there."
)


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration measured, and the page that shows it.

    ap50: OS2D's mean average precision at IoU 0.5. seconds_a_picture: for all classes.
    seconds_for_features: the part of it that does not depend on the classes.
    seconds_a_class: what one more class costs on one picture. score: of the boxes drawn.
    """

    page: Path
    pictures: int
    classes: int
    objects: int
    ap50: float
    seconds_a_picture: float
    seconds_for_features: float
    seconds_a_class: float
    score: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {**asdict(self), "page": str(self.page)}


@dataclass(frozen=True)
class _Searched:
    detections: Detections
    feature_seconds: float
    match_seconds: float


def demo(
    out: Path | str = "out/demo",
    *,
    model: str | Path | OneShotDetector = DEFAULT_MODEL,
    scenes: ShelfRecipe = DEMO_SCENES,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Demonstration:
    """Draw scenes, search them from one example a class, and write pictures and a page.

    ``out`` receives ``index.html``, ``scene-N.png``, ``examples.png`` and ``result.json``;
    raises ``DataError`` before any work if it cannot be written.
    """
    reporter = reporter or SilentReporter()
    folder = Path(out)
    require_writable(folder / "index.html")
    detector = (
        model
        if isinstance(model, OneShotDetector)
        else load_oneshot(model, device=device, reporter=reporter)
    )
    dataset = draw_shelves(scenes, polygons=False)
    shown = OneShotDetector(
        detector.model,
        replace(
            detector.settings,
            score=-float("inf"),
            max_detections=None,
            max_per_class=100,
            scales=tuple(scale * DEMO_ZOOM for scale in detector.settings.scales),
        ),
        reporter=reporter,
    )
    shown.remember({example.name: example for example in dataset.examples})
    searched = []
    for index in track(range(len(dataset)), reporter, "searching drawn shelves"):
        picture, targets = dataset[index]
        searched.append(_search(shown, picture))
        likely = searched[-1].detections.above(detector.settings.score)
        likely = likely[nms(likely.boxes, likely.scores, iou=SAME_PLACE)]
        drawn = draw_detections(picture, likely, targets=targets)
        save_picture(drawn, folder / scene_file(index))
    result = _measure(folder, dataset, searched, score=detector.settings.score)
    _write_page(result, dataset, searched)
    write_json(folder / "result.json", result.to_json())
    return result


def _search(detector: OneShotDetector, picture: Image.Image) -> _Searched:
    start = time.perf_counter()
    with torch.inference_mode():
        features, sizes = detector.levels(picture)
        _wait(features[0].device)
        halfway = time.perf_counter()
        found = search_levels(
            detector.model,
            features,
            sizes,
            memory=detector.memory,
            image_size=(picture.height, picture.width),
            settings=detector.settings,
        ).to("cpu")
    return _Searched(found, halfway - start, time.perf_counter() - halfway)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def scene_file(index: int) -> str:
    """Return the name of the picture of a scene."""
    return f"scene-{index + 1}.png"


def _measure(
    folder: Path, dataset: Dataset, searched: Sequence[_Searched], *, score: float
) -> Demonstration:
    targets = [dataset.targets(index) for index in range(len(dataset))]
    classes = len(dataset.class_names)
    metrics = oneshot_metrics([one.detections for one in searched], targets, class_count=classes)
    features = fmean(one.feature_seconds for one in searched)
    matching = fmean(one.match_seconds for one in searched)
    return Demonstration(
        page=folder / "index.html",
        pictures=len(dataset),
        classes=classes,
        objects=len(dataset.table),
        ap50=metrics.map,
        seconds_a_picture=features + matching,
        seconds_for_features=features,
        seconds_a_class=matching / classes,
        score=score,
    )


def _write_page(result: Demonstration, dataset: Dataset, searched: Sequence[_Searched]) -> None:
    folder = result.page.parent
    examples = [read_image(example.image) for example in dataset.examples]
    sheet = contact_sheet(examples, captions=dataset.class_names, columns=6, cell=(150, 120))
    save_picture(sheet, folder / "examples.png")
    figures = Table(
        columns=("figure", "value"),
        rows=[(name, value) for name, value in result_rows(result)],
    )
    scenes = [
        Figure(
            folder / scene_file(index),
            f"{len(one.detections.above(result.score))} boxes above {result.score:.2f}; "
            f"{len(dataset.targets(index))} objects of the classes shown",
        )
        for index, one in enumerate(searched)
    ]
    write_page(
        result.page,
        "handful: one example in, every instance out",
        [figures, Figure(folder / "examples.png", "The examples"), *scenes],
        lead=LEAD,
    )


def result_rows(result: Demonstration) -> list[tuple[str, str]]:
    """Return the figures as they are shown, on the page and on the terminal."""
    return [
        ("pictures", f"{result.pictures} drawn scenes with {result.objects} objects"),
        ("classes", f"{result.classes}, each shown once"),
        ("AP50", f"{100 * result.ap50:.1f}"),
        ("seconds a picture", f"{result.seconds_a_picture:.2f} for all classes"),
        ("… of which features", f"{result.seconds_for_features:.2f}"),
        ("seconds a class", f"{result.seconds_a_class:.3f} on one picture"),
    ]
