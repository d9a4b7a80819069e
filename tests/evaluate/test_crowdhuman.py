"""CrowdHuman's rules one by one, and against a plain walk through pictures and detections."""

from __future__ import annotations

import time

import numpy
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import DataError
from handful.evaluate.crowdhuman import FIGURES, MISS_RATES, crowdhuman_evaluation
from handful.structures import Detections

WIDTH, HEIGHT = 200, 100
PERSON = [10.0, 10, 30, 50]
OTHER = [100.0, 10, 120, 50]
AWAY = [150.0, 60, 170, 90]


def crowd_set(*pictures, classes=("person",)) -> Dataset:
    """Each picture a list of (box, ignored) or (box, ignored, label)."""
    image = Image.new("L", (WIDTH, HEIGHT))
    rows = [(place, *row, 0) for place, people in enumerate(pictures) for row in people]
    return Dataset(
        "crowd",
        tuple(Picture(n + 1, f"{n}.jpg", WIDTH, HEIGHT, image) for n in range(len(pictures))),
        BoxTable.of(
            [place for place, *_ in rows],
            [list(box) for _, box, *_ in rows],
            [int(label) for _, _, _, label, *_ in rows],
            crowd=[bool(ignored) for _, _, ignored, *_ in rows],
        ),
        classes,
    )


def found(*pictures, labels=None) -> list[Detections]:
    """Each picture a list of (box, score)."""
    return [
        Detections(
            torch.tensor([box for box, _ in rows]).reshape(-1, 4),
            torch.tensor([score for _, score in rows], dtype=torch.float64),
            torch.zeros(len(rows), dtype=torch.long),
            (HEIGHT, WIDTH),
        )
        for rows in pictures
    ]


def figures(people, detections):
    return crowdhuman_evaluation(crowd_set(*people), found(*detections)).figures()


@pytest.mark.parametrize(
    ("detections", "hits"),
    [
        ([(PERSON, 0.9)], [True]),
        ([(PERSON, 0.9), (PERSON, 0.8)], [True, False]),
        ([(PERSON, 0.8), (AWAY, 0.9)], [False, True]),
        ([(OTHER, 0.9)], []),
        ([([100.0, 10, 120, 60], 0.9)], []),
        ([([100.0, 10, 120, 90], 0.9)], [False]),
        ([([10.0, 10, 30, 30], 0.9)], [False]),
    ],
    ids=[
        "found",
        "found twice",
        "wrong before right",
        "in an ignored region",
        "mostly in an ignored region",
        "half in an ignored region",
        "an IoU of a half is too little",
    ],
)
def test_what_becomes_of_a_detection(detections, hits) -> None:
    people = [[(PERSON, False), (OTHER, True)]]
    measured = crowdhuman_evaluation(crowd_set(*people), found(detections))
    assert measured.curves[0].hit.tolist() == hits
    assert measured.curves[0].objects == 1


def test_boxes_count_as_far_as_they_lie_in_their_picture() -> None:
    wide = [-400.0, 10, 30, 50]
    measured = figures([[(wide, False)]], [[([0.0, 10, 30, 50], 0.9)]])
    assert measured["recall"] == 1.0


def test_a_perfect_detector_misses_nobody() -> None:
    measured = figures([[(PERSON, False), (OTHER, False)]], [[(PERSON, 0.9), (OTHER, 0.8)]])
    assert measured["AP"] == pytest.approx(0.5)  # the part before the first detection is left out
    assert (measured["MR-2"], measured["recall"]) == (0.0, 1.0)
    assert measured["JI"] == pytest.approx(1.0, abs=1e-6)


def test_nothing_found_is_all_missed() -> None:
    assert figures([[(PERSON, False)]], [[]]) == {
        "AP": 0.0,
        "MR-2": 1.0,
        "MR-4": 1.0,
        "recall": 0.0,
        "JI": 0.0,
    }


def test_pictures_without_anybody_count() -> None:
    """The original stops here; ours takes what is found there for wrong."""
    measured = crowdhuman_evaluation(
        crowd_set([(PERSON, False)], [], []), found([(PERSON, 0.9)], [(AWAY, 0.95)], [])
    )
    assert measured.curves[0].pictures == 3
    assert measured.curves[0].hit.tolist() == [False, True]
    assert measured.figures()["JI"] == pytest.approx(0.5, abs=1e-6)


def test_a_set_without_anybody_has_no_figures() -> None:
    measured = crowdhuman_evaluation(crowd_set([(OTHER, True)]), found([(AWAY, 0.5)]))
    assert measured.figures() == dict.fromkeys(FIGURES)
    assert measured.without_objects() == ("person",)
    assert measured.per_class()["person"]["JI"] == 0.0


def test_classes_are_measured_apart() -> None:
    people = crowd_set([(PERSON, False, 0), (OTHER, False, 1)], classes=("person", "dog"))
    measured = crowdhuman_evaluation(people, found([(PERSON, 0.9), (OTHER, 0.8)]))
    assert [measured.per_class()[name]["recall"] for name in ("person", "dog")] == [1.0, 0.0]
    assert measured.figures()["recall"] == 0.5


def test_unequal_numbers_of_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="differ in number.*got 2.*expected 1"):
        crowdhuman_evaluation(crowd_set([]), found([], []))


def drawn(seed: int, *, pictures: int, people: int, detections: int):
    """Return a crowd and what was found of it, with many boxes that compete."""
    rng = numpy.random.default_rng(seed)

    def boxes(count: int) -> numpy.ndarray:
        centres = rng.uniform((-10, -10), (WIDTH + 10, HEIGHT + 10), (count, 2))
        sides = rng.uniform(15, 70, (count, 2))
        return numpy.concatenate([centres - sides / 2, centres + sides / 2], axis=1).round()

    known, answers = [], []
    for _ in range(pictures):
        own = boxes(int(rng.integers(0, people + 1)))
        known.append([(box.tolist(), bool(rng.random() < 0.25)) for box in own])
        near = own[rng.integers(0, len(own), detections)] if len(own) else boxes(detections)
        moved = (near + rng.normal(0, 6, near.shape)).round()
        answers.append([(box.tolist(), round(rng.random(), 2)) for box in moved])
    return crowd_set(*known), found(*answers)


@pytest.mark.parametrize("seed", range(6))
def test_all_pictures_at_once_equal_a_plain_walk(seed: int) -> None:
    dataset, predictions = drawn(seed, pictures=12, people=9, detections=25)
    measured = crowdhuman_evaluation(dataset, predictions)
    curve = measured.curves[0]
    expected = [
        row
        for index, answers in enumerate(predictions)
        for row in plain_matches(dataset, index, answers)
    ]
    expected.sort(key=lambda row: -row[0])
    assert list(zip(curve.scores.tolist(), curve.hit.tolist(), strict=True)) == expected
    wrong = numpy.cumsum([not hit for _, hit in expected]) / len(dataset)
    missed = 1 - numpy.cumsum([hit for _, hit in expected]) / curve.objects
    for name, references in MISS_RATES.items():
        read = [
            missed[next((k for k, rate in enumerate(wrong) if rate >= least), -1)]
            for least in references
        ]
        rate = numpy.exp(numpy.log(read).mean()) if min(read) > 0 else 0.0
        assert measured.figures()[name] == pytest.approx(rate)
    best = max(plain_jaccard(dataset, predictions, step / 10) for step in range(10))
    assert measured.figures()["JI"] == pytest.approx(best)


def clipped(boxes: torch.Tensor) -> numpy.ndarray:
    limits = (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)
    return numpy.minimum(numpy.maximum(boxes.double().numpy(), 0), limits)


def shared(box, other) -> float:
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    return max(across, 0) * max(down, 0)


def area(box) -> float:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def sides(dataset: Dataset, index: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    targets = dataset.targets(index)
    boxes, crowd = clipped(targets.boxes), targets.crowd.numpy()
    return boxes[~crowd], boxes[crowd]


def plain_matches(dataset: Dataset, index: int, answers: Detections) -> list[tuple[float, bool]]:
    people, regions = sides(dataset, index)
    taken, verdicts = set(), []
    rows = zip(clipped(answers.boxes), answers.scores.tolist(), strict=True)
    for box, score in sorted(rows, key=lambda row: -row[1]):
        best, most = None, 0.5
        for number, person in enumerate(people):
            inter = shared(box, person)
            iou = inter / (area(box) + area(person) - inter + 1e-6)
            if number not in taken and iou > most:
                best, most = number, iou
        if best is not None:
            taken.add(best)
            verdicts.append((score, True))
        elif not any(shared(box, region) > 0.5 * area(box) for region in regions):
            verdicts.append((score, False))
    return verdicts


def plain_jaccard(dataset: Dataset, predictions: list[Detections], threshold: float) -> float:
    ratios, counted = [], 0
    for index, answers in enumerate(predictions):
        people, regions = sides(dataset, index)
        boxes = clipped(answers.boxes)[answers.scores.numpy() > threshold]
        overlap = numpy.zeros((len(boxes), len(people)))
        for row, box in enumerate(boxes):
            for column, person in enumerate(people):
                inter = shared(box, person)
                iou = inter / max(area(box) + area(person) - inter, 1e-6)
                overlap[row, column] = iou if iou >= 0.5 else 0.0
        partner = numpy.full(len(boxes), -1)
        if overlap.size:
            partner = maximum_bipartite_matching(csr_matrix(overlap), perm_type="column")
        paired = int((partner >= 0).sum())
        lonely = [box for box, other in zip(boxes, partner, strict=True) if other < 0]
        unseen = [person for number, person in enumerate(people) if number not in partner]
        sizes = [
            total - sum(excused(box, regions) for box in alone)
            for total, alone in ((len(boxes), lonely), (len(people), unseen))
        ]
        ratios.append(paired / (sum(sizes) - paired + 1e-6))
        counted += any(sizes)
    return sum(ratios) / counted


def excused(box, regions) -> bool:
    return any(shared(box, region) > 0.5 * area(box) for region in regions)


@pytest.mark.integration
def test_a_tenth_of_the_published_set_takes_a_second_or_so() -> None:
    dataset, predictions = drawn(0, pictures=437, people=30, detections=500)
    started = time.perf_counter()
    crowdhuman_evaluation(dataset, predictions)
    assert time.perf_counter() - started < 15
