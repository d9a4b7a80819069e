"""COCO's metrics for masks, beside pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy
import pytest

from handful.errors import DataError
from handful.evaluate.coco import BACKENDS, coco_evaluation
from handful.masks import RunLengths, polygon_runs
from handful.masks.segmentation import written

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl"]
NAMES += ["AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
SIZES = [(60, 80), (120, 200), (90, 90)]


def star(random, size, *, middle=None, reach=None):
    """Return a polygon around a point, in and out."""
    height, width = size
    middle = random.uniform(0, [width, height]) if middle is None else middle
    reach = random.uniform(3, 60) if reach is None else reach
    angles = numpy.sort(random.uniform(0, 2 * numpy.pi, int(random.integers(3, 12))))
    lengths = reach * random.uniform(0.3, 1, len(angles))
    points = middle + lengths[:, None] * numpy.stack([numpy.cos(angles), numpy.sin(angles)], 1)
    return points.round(2).reshape(-1).tolist(), middle, reach


def random_case(seed, *, objects=50, found=150, levels=0, classes=3, tiny=False):
    """Return polygons, crowds in run lengths, results near them or anywhere, ties among them."""
    random = numpy.random.default_rng(seed)
    images = [
        {"id": 7 + one, "height": size[0], "width": size[1]} for one, size in enumerate(SIZES * 3)
    ]
    annotations, shapes = [], []
    for number in range(1, objects + 1):
        place = int(random.integers(len(images)))
        size = (images[place]["height"], images[place]["width"])
        outline, middle, reach = star(random, size, reach=0.4 if tiny else None)
        parts = [outline, star(random, size)[0]] if random.random() < 0.2 else [outline]
        crowd = random.random() < 0.2
        runs = polygon_runs(parts, size)
        counts = {"size": list(size), "counts": runs.counts().tolist()}
        label = int(random.integers(1, classes + 1))
        annotations.append(
            {
                "id": number,
                "image_id": images[place]["id"],
                "category_id": label,
                "bbox": [1, 1, 5, 5],
                "area": float(runs.area() * random.uniform(0.9, 1.1)),
                "iscrowd": int(crowd),
                "segmentation": counts if crowd else parts,
            }
        )
        shapes.append((place, size, middle, reach, label))
    results = []
    for _ in range(found):
        if shapes and random.random() < 0.7:
            place, size, middle, reach, label = shapes[int(random.integers(len(shapes)))]
            outline = star(random, size, middle=middle + random.normal(0, 2, 2), reach=reach)[0]
        else:
            place = int(random.integers(len(images)))
            size = (images[place]["height"], images[place]["width"])
            label = int(random.integers(1, classes + 1))
            outline = star(random, size)[0]
        score = float(random.random())
        results.append(
            {
                "image_id": images[place]["id"],
                "category_id": label,
                "bbox": [0, 0, 1, 1],
                "score": round(score * levels) / levels if levels else score,
                "segmentation": written(polygon_runs([outline], size)),
            }
        )
    categories = [{"id": one, "name": f"class {one}"} for one in range(1, classes + 1)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def oracle(truth, results):
    """Return pycocotools' figures, precision and recall."""
    from pycocotools import mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    area_of = getattr(mask, "area")  # noqa: B009 - typed for single masks only
    rows = [
        {**row, "id": number, "iscrowd": 0, "area": float(area_of(row["segmentation"]))}
        for number, row in enumerate(results, start=1)
    ]
    tables = []
    with contextlib.redirect_stdout(io.StringIO()):
        for content in (truth, {**truth, "annotations": rows}):
            table: Any = COCO()
            table.dataset = copy.deepcopy(content)
            table.createIndex()
            tables.append(table)
        run = COCOeval(tables[0], tables[1], "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


CASES = {
    "many objects": random_case(0),
    "another seed": random_case(1, objects=90, found=400),
    "equal scores": random_case(2, levels=3),
    "no detections": random_case(3, found=0),
    "no ground truth": random_case(4, objects=0),
    "masks without a pixel": random_case(5, tiny=True),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_figures_equal_pycocotools(name, backend):
    truth, results = copy.deepcopy(CASES[name])
    ours = coco_evaluation(truth, results, masks=True, backend=backend)
    theirs = oracle(*CASES[name])
    figures = ours.figures()
    twelve = [-1.0 if figures[key] is None else figures[key] for key in NAMES]
    assert numpy.abs(numpy.array(twelve) - theirs.stats).max() <= 1e-6
    if backend == "handful":
        assert numpy.abs(ours.curves.precision - theirs.eval["precision"][..., -1]).max() <= 1e-6
        assert numpy.abs(ours.curves.recall - theirs.eval["recall"]).max() <= 1e-6


def test_masks_are_compared_and_not_boxes():
    truth, results = random_case(0)
    perfect = [
        {
            "image_id": row["image_id"],
            "category_id": row["category_id"],
            "bbox": [50, 50, 1, 1],
            "score": 0.5,
            "segmentation": row["segmentation"],
        }
        for row in truth["annotations"]
        if not row["iscrowd"]
    ]
    assert coco_evaluation(truth, perfect, masks=True).figures()["AP"] == pytest.approx(1.0)
    assert coco_evaluation(truth, perfect).figures()["AP"] == 0.0


def small_case():
    runs = RunLengths.of(numpy.eye(4, 5, dtype=bool))
    truth = {
        "images": [{"id": 1, "height": 4, "width": 5}],
        "categories": [{"id": 1, "name": "one"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "segmentation": written(runs)}
        ],
    }
    row = {**truth["annotations"][0], "score": 0.5}
    return truth, [row, copy.deepcopy(row)]


FAULTS = {
    "no mask": (None, "wrong form.*got None"),
    "two points": ([[1, 2, 3, 4]], "polygon that is none.*got 4 numbers.*three points"),
    "no number": ([[1, 2, 3, 4, 5, "6"]], "wrong form"),
    "endless corner": ([[1, 2, 3, 4, 5, float("inf")]], "wrong form"),
    "another size": ({"size": [5, 4], "counts": "5"}, r"another size.*\[5, 4\].*\[4, 5\]"),
    "no size": ({"counts": "5"}, "another size"),
    "too few pixels": ({"size": [4, 5], "counts": [3, 4]}, "another size.*got 7 pixels.*20"),
    "too few pixels in characters": ({"size": [4, 5], "counts": "34"}, "got 7 pixels"),
    "other characters": ({"size": [4, 5], "counts": "é~"}, "cannot be decoded"),
    "counts of another kind": ({"size": [4, 5], "counts": 20}, "wrong form.*counts"),
    "half a count": ({"size": [4, 5], "counts": [1.5, 18.5]}, "wrong form"),
    "a count below nothing": ({"size": [4, 5], "counts": [-1, 21]}, "got -1, expected 0 or more"),
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("place", ["annotations", "results"])
def test_faulty_masks_are_named(kind, place):
    value, words = FAULTS[kind]
    truth, results = small_case()
    rows = results if place == "results" else truth["annotations"]
    rows[-1]["segmentation"] = value
    with pytest.raises(DataError, match=words) as caught:
        coco_evaluation(truth, results, masks=True)
    assert caught.value.field == f"{place}[{len(rows) - 1}].segmentation"


def test_pictures_without_a_size_are_named():
    truth, results = small_case()
    del truth["images"][0]["width"]
    with pytest.raises(DataError, match=r"size of their picture \[field 'images\[0\]'\]"):
        coco_evaluation(truth, results, masks=True)
