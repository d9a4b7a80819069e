"""What COCO's metrics cost, beside pycocotools on the same boxes, and whether both agree."""

from __future__ import annotations

import contextlib
import copy
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from handful.bench.machine import machine
from handful.bench.oneshot import seconds_of, spread
from handful.errors import ConfigError, NotSupported
from handful.evaluate.coco import CocoEvaluation, coco_evaluation
from handful.reporter import Reporter, SilentReporter, track

PICTURE = numpy.array([640.0, 480.0])
SHORTEST, LONGEST = 8.0, 240.0
"""Of the sides of boxes, in pixels, evenly spread over their logarithm."""

CROWDS = 0.02
NEAR_AN_OBJECT = 0.5
"""Part of the detections that lie on an object of their class, more or less."""

DISPLACEMENT = 0.08
"""Of those, in sides of the object."""

SCORE_DIGITS = 3
"""So few that there are ties."""

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
NAMES += ("AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
"""In the order in which pycocotools gives them."""

COLUMNS = ("evaluator", "seconds", "AP", "times as fast")


@dataclass(frozen=True)
class EvaluationTask:
    """What is measured: so many pictures, boxes a picture (known and found each), classes."""

    pictures: int = 2000
    boxes: int = 60
    classes: int = 80
    repeats: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pictures", "boxes", "classes", "repeats"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    "nothing to measure", field=name, got=getattr(self, name), expected="1 or more"
                )


def bench_evaluation(
    task: EvaluationTask = EvaluationTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure both evaluators on random boxes, taking turns, as a JSON-able dict.

    Both go from lists in memory to the figures, checks and indexing included. Raises
    ``NotSupported`` without pycocotools.
    """
    truth, results = random_boxes(task)
    seconds: dict[str, list[float]] = {"handful": [], "pycocotools": []}
    done: dict[str, Any] = {}

    def ours() -> None:
        done["handful"] = coco_evaluation(truth, results)
        done["figures"] = done["handful"].figures()

    for _ in track(range(task.repeats), reporter or SilentReporter(), "both evaluators"):
        # It writes into the lists that it is given.
        known, found = copy.deepcopy((truth, results))

        def theirs(known: Any = known, found: Any = found) -> None:
            done["pycocotools"] = _pycocotools(known, found)

        seconds["handful"].append(seconds_of(ours))
        seconds["pycocotools"].append(seconds_of(theirs))
    ratios = [b / a for a, b in zip(seconds["handful"], seconds["pycocotools"], strict=True)]
    return {
        "benchmark": "evaluation",
        **{
            name: getattr(task, name)
            for name in ("pictures", "boxes", "classes", "repeats", "seed")
        },
        "machine": machine(),
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "times_as_fast": spread(ratios),
        "largest_difference": largest_difference(done["handful"], done["pycocotools"]),
        "figures": done["figures"],
    }


def largest_difference(ours: CocoEvaluation, theirs: Any) -> float:
    """Return by how much any figure, precision or recall of the two differs."""
    figures = ours.figures()
    twelve = numpy.array([-1.0 if figures[name] is None else figures[name] for name in NAMES])
    pairs = (
        (twelve, theirs.stats),
        (ours.curves.precision, theirs.eval["precision"][..., -1]),
        (ours.curves.recall, theirs.eval["recall"]),
    )
    return max(float(numpy.abs(one - other).max()) for one, other in pairs)


def random_boxes(task: EvaluationTask) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a COCO data set and a results list; a few crowds, many ties, an empty class."""
    random = numpy.random.default_rng(task.seed)
    count = task.pictures * task.boxes
    picture = numpy.repeat(numpy.arange(task.pictures), task.boxes)
    known = _scattered(random, count)
    label = random.integers(max(1, task.classes - 1), size=count)
    crowd = random.random(count) < CROWDS
    found, found_label = _scattered(random, count), random.integers(task.classes, size=count)
    near = random.random(count) < NEAR_AN_OBJECT
    model = (picture * task.boxes + random.integers(task.boxes, size=count))[near]
    sides = numpy.tile(known[model, 2:], 2)
    found[near] = known[model] + random.normal(0, DISPLACEMENT, (len(model), 4)) * sides
    found_label[near] = label[model]
    scores = random.random(count).round(SCORE_DIGITS)
    columns = (picture.tolist(), label.tolist(), known.round(2).tolist(), crowd.tolist())
    annotations = [
        {
            "id": 1 + row,
            "image_id": one,
            "category_id": 1 + number,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": int(group),
        }
        for row, (one, number, box, group) in enumerate(zip(*columns, strict=True))
    ]
    columns = (picture.tolist(), found_label.tolist(), found.round(2).tolist(), scores.tolist())
    results = [
        {"image_id": one, "category_id": 1 + number, "bbox": box, "score": score}
        for one, number, box, score in zip(*columns, strict=True)
    ]
    images = [{"id": one, "width": 640, "height": 480} for one in range(task.pictures)]
    categories = [{"id": 1 + number, "name": f"class {number}"} for number in range(task.classes)]
    return {"images": images, "categories": categories, "annotations": annotations}, results


def _scattered(random: numpy.random.Generator, count: int) -> NDArray[numpy.float64]:
    """Return boxes ``[N, 4]``, corner and size, inside the picture."""
    sides = numpy.exp(random.uniform(math.log(SHORTEST), math.log(LONGEST), (count, 2)))
    return numpy.concatenate([random.random((count, 2)) * (PICTURE - sides), sides], axis=1)


def _pycocotools(truth: dict[str, Any], results: list[dict[str, Any]]) -> Any:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise NotSupported(
            "the comparison needs pycocotools", remedy="pip install pycocotools"
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):
        known: Any = COCO()
        known.dataset = truth
        known.createIndex()
        run = COCOeval(known, known.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def evaluation_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row under ``COLUMNS`` for each evaluator."""
    fast = result["times_as_fast"]
    gain = f"{fast['median']:.0f} ({fast['low']:.0f}–{fast['high']:.0f})"
    return [
        (
            name,
            f"{seconds['median']:.2f} ({seconds['low']:.2f}–{seconds['high']:.2f})",
            f"{100 * result['figures']['AP']:.4f}" if result["figures"]["AP"] is not None else "–",
            gain if name == "handful" else "1",
        )
        for name, seconds in result["seconds"].items()
    ]


def evaluation_facts(result: Mapping[str, Any]) -> str:
    """Return in a few sentences what was measured, on what, and how far the two differ."""
    made_on = result["machine"]
    return (
        f"{result['pictures']} pictures with {result['boxes']} known and as many found boxes of "
        f"{result['classes']} classes; from lists in memory to all twelve figures, taking turns "
        f"on {made_on['processor']}; medians of {result['repeats']}, in brackets the extremes. "
        "Ours runs in one thread. No figure, precision or recall differs by more than "
        f"{result['largest_difference']:.1g}."
    )


def evaluation_command(result: Mapping[str, Any]) -> str:
    """Return the command that measures what ``result`` holds."""
    options = ("pictures", "boxes", "classes", "repeats", "seed")
    words = [word for name in options for word in (f"--{name}", str(result[name]))]
    return " ".join(["handful", "bench", "evaluate", *words])


def evaluation_markdown(result: Mapping[str, Any]) -> str:
    """Return ``result`` as a Markdown page, with the command that made it."""
    rule = ["---"] + ["---:"] * (len(COLUMNS) - 1)
    rows = [COLUMNS, rule, *evaluation_rows(result)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parts = ["# COCO metrics: time", f"`{evaluation_command(result)}`"]
    return "\n\n".join([*parts, evaluation_facts(result), table]) + "\n"
