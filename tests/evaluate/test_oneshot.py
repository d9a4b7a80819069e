import json
import math

import pytest
import torch

from handful.errors import DataError
from handful.evaluate.oneshot import average_precision, oneshot_metrics
from handful.structures import Detections, Targets

SIZE = (200, 200)
A, B, FAR = [0, 0, 49, 49], [100, 100, 149, 149], [60, 0, 90, 40]


def found(*rows, size=SIZE):
    """Rows are (box, score, label)."""
    boxes = torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 4)
    scores = torch.tensor([row[1] for row in rows], dtype=torch.float32)
    labels = torch.tensor([row[2] for row in rows], dtype=torch.long)
    return Detections(boxes, scores, labels, size)


def known(*rows):
    """Rows are (box, label) or (box, label, difficult)."""
    boxes = torch.tensor([row[0] for row in rows], dtype=torch.float32)
    labels = torch.tensor([row[1] for row in rows], dtype=torch.long)
    difficult = torch.tensor([len(row) > 2 and row[2] for row in rows], dtype=torch.bool)
    return Targets.of(boxes, labels, SIZE, difficult=difficult)


def measure(predictions, targets, classes=1, iou=0.5):
    return oneshot_metrics(predictions, targets, class_count=classes, iou=iou)


@pytest.mark.parametrize(
    ("name", "rows", "boxes", "ap", "recall"),
    [
        ("exact hit", [(A, 0.9, 0)], [(A, 0)], 1.0, 1.0),
        ("nothing found", [], [(A, 0)], 0.0, 0.0),
        ("only a miss", [(FAR, 0.9, 0)], [(A, 0)], 0.0, 0.0),
        ("a miss before the hit", [(FAR, 0.9, 0), (A, 0.8, 0)], [(A, 0)], 0.5, 1.0),
        ("a miss after the hit", [(A, 0.9, 0), (FAR, 0.8, 0)], [(A, 0)], 1.0, 1.0),
        ("second hit of a box is wrong", [(A, 0.9, 0)] * 2 + [(B, 0.1, 0)], [(A, 0), (B, 0)],
         0.5 + 0.5 * 2 / 3, 1.0),
        ("one of two", [(A, 0.9, 0)], [(A, 0), (B, 0)], 0.5, 0.5),
        ("another class does not hit", [(A, 0.9, 1)], [(A, 0)], 0.0, 0.0),
        ("difficult box: ignored however often", [(A, 0.9, 0), (A, 0.8, 0), (B, 0.7, 0)],
         [(A, 0, True), (B, 0)], 1.0, 1.0),
    ],
)  # fmt: skip
def test_one_class_on_one_picture(name, rows, boxes, ap, recall):
    metrics = measure([found(*rows)], [known(*boxes)], classes=2)
    assert metrics.ap_per_class[0] == pytest.approx(ap)
    assert metrics.recall_per_class[0] == pytest.approx(recall)


def test_the_best_box_is_taken_even_if_it_is_taken_already():
    near_a = [2, 0, 51, 49]
    beside = [20, 0, 69, 49]
    targets = [known((A, 0), (beside, 0))]
    metrics = measure([found((A, 0.9, 0), (near_a, 0.8, 0))], targets, iou=0.3)
    # near_a overlaps both boxes, A more: it is a double, not a hit of the other box.
    assert metrics.recall == 0.5


@pytest.mark.parametrize(("side", "hit"), [(5, True), (4, False)])
def test_boxes_cover_their_last_pixel(side, hit):
    # With the extra pixel 6 of 11 columns overlap; without, 5 of 10 or fewer.
    metrics = measure([found(([0, 0, side, 10], 1.0, 0))], [known(([0, 0, 10, 10], 0))], iou=0.54)
    assert (metrics.map == 1.0) is hit


def test_every_class_is_searched_on_every_picture():
    predictions = [found((A, 0.5, 0)), found((A, 0.9, 0))]
    targets = [known((A, 0)), known((A, 1))]
    metrics = measure(predictions, targets, classes=2)
    assert metrics.ap_per_class == (0.5, 0.0)


def test_classes_without_plain_boxes_are_left_out_but_spoil_the_joint_figure():
    predictions = [found((A, 0.5, 0), (B, 0.9, 1))]
    targets = [known((A, 0), (FAR, 1, True))]
    metrics = measure(predictions, targets, classes=3)
    assert metrics.map == 1.0
    assert metrics.positives == (1, 0, 0)
    assert math.isnan(metrics.ap_per_class[1]) and math.isnan(metrics.recall_per_class[2])
    assert metrics.ap_joint == metrics.ap_pooled == 0.5


def test_weighted_mean_counts_objects():
    targets = [known((A, 0), (B, 0), (FAR, 0), (A, 1))]
    metrics = measure([found((A, 0.9, 1))], targets, classes=2)
    assert (metrics.map, metrics.map_weighted, metrics.recall) == (0.5, 0.25, 0.25)


def test_joint_figure_pairs_scores_and_outcomes_as_the_original_does():
    # Scores are lined up class 0, 1 (boxes count), outcomes class 1, 0 (detections only).
    predictions = [found((A, 0.3, 1)), found((A, 0.9, 0))]
    targets = [known((A, 0), (B, 1)), known((A, 0))]
    metrics = measure(predictions, targets, classes=2)
    assert metrics.ap_pooled == pytest.approx(1 / 3)
    assert metrics.ap_joint == pytest.approx(1 / 3 * 1 / 2)


def test_nothing_to_find_is_undefined_not_zero():
    metrics = measure([found((A, 0.5, 0))], [known((A, 0, True))])
    assert math.isnan(metrics.map) and math.isnan(metrics.recall) and math.isnan(metrics.ap_joint)
    assert metrics.map_weighted == 0.0
    assert json.loads(json.dumps(metrics.to_json(), allow_nan=False))["map"] is None


def test_no_pictures_at_all():
    metrics = measure([], [], classes=2)
    assert metrics.positives == (0, 0)
    assert math.isnan(metrics.map)


def test_crowd_regions_count_as_difficult():
    target = known((A, 0), (B, 0))
    crowd = Targets(
        target.boxes, target.labels, torch.tensor([True, False]), target.difficult, SIZE
    )
    assert measure([found((A, 0.9, 0), (B, 0.5, 0))], [crowd]).map == 1.0


def test_detections_on_a_resized_picture_are_scaled_back():
    doubled = found(([0, 0, 147, 98], 0.9, 0), size=(400, 600))
    assert measure([doubled], [known((A, 0))], iou=0.95).map == 1.0


def test_equal_scores_keep_their_order():
    targets = [known((A, 0))]
    assert measure([found((A, 0.5, 0), (FAR, 0.5, 0))], targets).map == 1.0
    assert measure([found((FAR, 0.5, 0), (A, 0.5, 0))], targets).map == 0.5


def test_area_under_the_interpolated_curve_by_hand():
    scores = torch.tensor([0.1, 0.9, 0.8, 0.7, 0.6])
    outcome = torch.tensor([1, 1, 0, -1, 1])
    # Falling scores: hit, miss, (ignored), hit, hit -> precision 1, 1/2, 2/3, 3/4.
    assert average_precision(scores, outcome, 4) == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([found()], [], "differ in number.*1 and 0"),
        ([found((A, 1.0, 5))], [known((A, 0))], "label of the detections.*picture 0.*5 to 5"),
        ([found()], [known((A, -1))], "label of the targets.*-1"),
    ],
)
def test_input_that_does_not_fit_is_refused(predictions, targets, message):
    with pytest.raises(DataError, match=message):
        measure(predictions, targets)
