"""VOC's rules one by one, and against a plain walk through pictures and detections."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy
import pytest
import torch

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import DataError
from handful.evaluate.voc import VOC_2007, VOC_2012, VocRules, voc_evaluation
from handful.evaluate.voc_matching import (
    FoundBoxes,
    KnownBoxes,
    as_written,
    found_boxes,
    known_boxes,
)
from handful.structures import Detections

EXACT = VocRules(score_digits=None, pixel_digits=None)


def known(rows):
    """(picture, class, x1, y1, x2, y2, difficult), pixels counted from 1."""
    table = numpy.array(rows, dtype=float).reshape(-1, 7)
    return KnownBoxes(
        table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:6], table[:, 6] > 0
    )


def found(rows):
    """(picture, class, x1, y1, x2, y2, score), pixels counted from 0."""
    table = numpy.array(rows, dtype=float).reshape(-1, 7)
    return FoundBoxes(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:6], table[:, 6])


def ap50(objects, detections, rules=VOC_2012, classes=1):
    names = [f"class {number}" for number in range(classes)]
    return voc_evaluation(known(objects), found(detections), names, rules=rules).figures()["AP50"]


OBJECT = (0, 0, 1, 1, 10, 10, 0)
HIT = (0, 0, 0, 0, 10, 10, 0.9)


@pytest.mark.parametrize(
    ("objects", "detections", "expected"),
    [
        ([OBJECT], [HIT], 1.0),
        ([OBJECT], [], 0.0),
        ([OBJECT], [(1, *HIT[1:])], 0.0),
        ([OBJECT], [HIT, HIT], 1.0),
        ([OBJECT], [(0, 0, 50, 50, 60, 60, 0.95), HIT], 0.5),
        ([OBJECT, (1, *OBJECT[1:])], [HIT], 0.5),
        ([OBJECT, (0, 0, 1, 1, 10, 10, 1)], [HIT], 1.0),
        ([OBJECT, (0, 0, 31, 31, 40, 40, 1)], [(0, 0, 30, 30, 40, 40, 0.95), HIT], 1.0),
        ([OBJECT, (0, 0, 2, 1, 10, 10, 0)], [HIT, (*HIT[:6], 0.8)], 0.5),
    ],
    ids=[
        "same box, counted from one",
        "nothing found",
        "found on another picture",
        "a second hit is wrong, but comes too late to matter",
        "a stronger wrong one halves the precision",
        "one of two",
        "of equal overlaps the earlier object is taken",
        "a detection on a difficult object is ignored",
        "a taken object is not passed on to the next best",
    ],
)
def test_single_rules(objects, detections, expected):
    assert ap50(objects, detections) == pytest.approx(expected)


def test_an_overlap_must_exceed_the_threshold_unless_touching():
    # Ten of twenty pixels: exactly a half.
    objects, detections = [(0, 0, 1, 1, 20, 1, 0)], [(0, 0, 0, 0, 10, 1, 0.9)]
    assert ap50(objects, detections) == 0.0
    touching = dataclasses.replace(VOC_2012, touching=True)
    assert ap50(objects, detections, touching) == 1.0


def test_boxes_and_scores_count_as_they_would_be_written():
    # Half of the object, and a bit more: it depends on what is left of it after rounding.
    objects, detections = [(0, 0, 1, 1, 100, 1, 0)], [(0, 0, 0, 0, 50.06, 1, 0.9)]
    assert ap50(objects, detections) == 1.0
    assert ap50(objects, [(0, 0, 0, 0, 50.04, 1, 0.9)]) == 0.0
    assert ap50(objects, [(0, 0, 0, 0, 50.04, 1, 0.9)], EXACT) == 1.0
    # Scores that differ in the fourth decimal are equal, so the first one comes first.
    wrong, right = (0, 0, 500, 500, 510, 510, 0.9001), (*HIT[:6], 0.9004)
    assert ap50([OBJECT], [wrong, right]) == 0.5
    assert ap50([OBJECT], [wrong, right], dataclasses.replace(EXACT, interpolation="area")) == 1.0


@pytest.mark.parametrize("digits", [1, 3])
@pytest.mark.parametrize("kind", [numpy.float32, numpy.float64])
def test_rounding_is_that_of_formatted_text(digits, kind):
    random = numpy.random.default_rng(0)
    values = numpy.concatenate(
        [
            random.uniform(-2, 900, 2000),
            numpy.arange(400) / 16,
            random.integers(0, 20000, 2000) / 20,
            random.integers(0, 20000, 2000) / 2000,
        ]
    ).astype(kind)
    expected = [float(f"{value:.{digits}f}") for value in values]
    assert as_written(values, digits).tolist() == expected


def test_interpolation_at_eleven_recalls_and_by_area():
    objects = [(picture, 0, 1, 1, 10, 10, 0) for picture in range(4)]
    detections = [
        (0, 0, 0, 0, 10, 10, 0.9),
        (0, 0, 50, 50, 60, 60, 0.8),
        (1, 0, 0, 0, 10, 10, 0.7),
    ]
    # Precision 1 up to recall 1/4, 2/3 up to 1/2, then 0: 3 and 3 of 11 recalls.
    assert ap50(objects, detections, VOC_2007) == pytest.approx((3 + 3 * 2 / 3) / 11)
    assert ap50(objects, detections, VOC_2012) == pytest.approx(1 / 4 + 2 / 3 / 4)


def test_classes_without_objects_are_left_out_unless_as_the_original():
    objects = [OBJECT, (0, 2, 50, 50, 60, 60, 1)]
    detections = [HIT, (0, 1, 0, 0, 10, 10, 0.9)]
    measured = voc_evaluation(known(objects), found(detections), ["a", "b", "c"], rules=VOC_2012)
    assert measured.without_objects() == ("b", "c")
    assert measured.figures()["AP50"] == 1.0
    assert measured.figures([1]) == {"AP": None, "AP50": None, "AP75": None}
    assert math.isnan(measured.figures(as_original=True)["AP50"])
    measured = voc_evaluation(known(objects), found(detections), ["a", "b", "c"])
    assert measured.figures(as_original=True)["AP50"] == pytest.approx(1 / 3)


def test_figures_by_iou():
    objects, detections = [(0, 0, 1, 1, 100, 1, 0)], [(0, 0, 0, 0, 72, 1, 0.9)]
    by_iou = voc_evaluation(known(objects), found(detections), ["a"]).by_iou()
    reached = {name for name, value in by_iou.items() if value}
    assert reached == {"AP50", "AP55", "AP60", "AP65", "AP70"} and len(by_iou) == 10


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("interpolation", ["11-point", "area"])
def test_equals_a_plain_walk(seed, interpolation):
    objects, detections = random_case(seed)
    rules = VocRules(interpolation=interpolation, touching=bool(seed % 2))
    measured = voc_evaluation(known(objects), found(detections), list("abcd"), rules=rules)
    for label in range(4):
        for column, percent in enumerate(range(50, 100, 5)):
            expected = plain_ap(objects, detections, label, percent / 100, rules)
            assert measured.ap[label, column] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def random_case(seed, pictures=8, classes=4, objects=40, detections=160):
    """Boxes on a coarse grid: many equal overlaps, equal scores; the last class is rare."""
    random = numpy.random.default_rng(seed)

    def boxes(count):
        corner = random.integers(0, 6, (count, 2)) * 10
        return numpy.concatenate([corner, corner + random.integers(1, 5, (count, 2)) * 10], axis=1)

    def places(count):
        label = numpy.minimum(random.integers(0, classes * 5, count) // 5, classes - 1)
        return numpy.stack([random.integers(0, pictures, count), label], axis=1)

    truth = [places(objects), boxes(objects) + [1, 1, 0, 0], random.random((objects, 1)) < 0.2]
    moved = boxes(detections) + random.normal(0, 1.5, (detections, 4)).round(2)
    given = [places(detections), moved, random.integers(0, 40, (detections, 1)) / 40]
    return numpy.concatenate(truth, axis=1).tolist(), numpy.concatenate(given, axis=1).tolist()


def plain_ap(objects, detections, label, iou, rules):
    own = [row for row in objects if row[1] == label]
    positives = sum(not row[6] for row in own)
    taken: set[int] = set()
    outcomes = []
    written = [
        (
            row[0],
            float(f"{row[6]:.3f}"),
            [float(f"{v + d:.1f}") for v, d in zip(row[2:6], (1, 1, 0, 0), strict=True)],
        )
        for row in detections
        if row[1] == label
    ]
    for picture, _, box in sorted(written, key=lambda row: -row[1]):
        best, chosen = -1.0, None
        for number, other in enumerate(own):
            if other[0] == picture and (overlap := plain_iou(box, other[2:6])) > best:
                best, chosen = overlap, number
        if chosen is None or not (best >= iou if rules.touching else best > iou):
            outcomes.append(0)
        elif not own[chosen][6]:
            outcomes.append(int(chosen not in taken))
            taken.add(chosen)
    if not positives:
        return math.nan if written and rules.interpolation == "area" else 0.0
    hits = numpy.cumsum(outcomes)
    precision = hits / numpy.arange(1, len(hits) + 1)
    recall = hits / positives
    if rules.interpolation == "11-point":
        grid = numpy.arange(0, 1.1, 0.1)
        return sum(max(precision[recall >= t], default=0.0) for t in grid) / 11
    steps = numpy.diff(recall, prepend=0.0)
    return sum(step * precision[place:].max() for place, step in enumerate(steps) if step)


def plain_iou(box, other):
    width = min(box[2], other[2]) - max(box[0], other[0]) + 1
    height = min(box[3], other[3]) - max(box[1], other[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other)]
    return width * height / (sum(areas) - width * height)


def test_foreign_labels_are_refused():
    with pytest.raises(DataError, match="a label of the detections is not a class.*0 to 1"):
        voc_evaluation(known([OBJECT]), found([HIT, (0, 2, *HIT[2:])]), ["a", "b"])


def test_columns_of_a_data_set_count_pixels_from_one():
    pictures = tuple(
        Picture(number, f"{number}.png", 100, 80, f"{number}.png") for number in (7, 4)
    )
    table = BoxTable.of([1, 0], [[0, 0, 10, 10], [5, 5, 25, 35]], [0, 1], crowd=[False, True])
    dataset = Dataset("set", pictures, table, ("tea", "milk"))
    columns = known_boxes(dataset)
    assert columns.boxes.tolist() == [[1, 1, 10, 10], [6, 6, 25, 35]]
    assert columns.difficult.tolist() == [False, True]
    boxes = torch.tensor([[0.0, 0, 10, 10]])
    one = Detections(boxes, torch.tensor([0.5]), torch.tensor([1]), (80, 100), ("milk", "tea"))
    given = found_boxes(dataset, [Detections.empty((80, 100)), one])
    assert (given.picture.tolist(), given.label.tolist()) == ([1], [0])
    assert given.boxes.dtype == numpy.float32
    assert voc_evaluation(columns, given, dataset.class_names).figures()["AP"] == 1.0
    with pytest.raises(DataError, match="differ in number"):
        found_boxes(dataset, [one])


@pytest.mark.integration
def test_a_published_test_set_takes_seconds():
    random = numpy.random.default_rng(0)
    count = 5000 * 40
    corner = random.uniform(0, 400, (count, 2))
    boxes = numpy.concatenate([corner, corner + random.uniform(10, 100, (count, 2))], axis=1)
    picture, label = random.integers(0, 5000, count), random.integers(0, 20, count)
    every = slice(None, None, 13)
    truth = KnownBoxes(
        picture[every], label[every], boxes[every].round(), random.random(len(label[every])) < 0.1
    )
    given = FoundBoxes(picture, label, boxes.astype(numpy.float32), random.random(count))
    started = time.process_time()
    voc_evaluation(truth, given, [str(number) for number in range(20)])
    assert time.process_time() - started < 10
