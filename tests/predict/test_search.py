"""Searching a picture's levels: sizes, chunks, limits; the same answers whatever the chunks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny_detector import CONFIG, logo, scene, tiny_detector, tiny_model

from handful.boxes import box_iou
from handful.methods.os2d import decode_pyramid
from handful.predict.search import (
    class_groups,
    fitted,
    match_in_chunks,
    nothing_found,
    pyramid_sizes,
    rival_scores,
    search_levels,
    shrinkage,
    strongest_of_each,
)
from handful.predict.settings import SearchSettings


@pytest.mark.parametrize(
    ("counts", "views", "expected"),
    [
        ([], 4, []),
        ([1, 1, 1, 1, 1], 2, [(0, 2), (2, 4), (4, 5)]),
        ([3, 1, 2], 4, [(0, 4), (4, 6)]),
        ([8, 1], 4, [(0, 8), (8, 9)]),
        ([1, 8], 4, [(0, 1), (1, 9)]),
        ([2, 2], 100, [(0, 4)]),
    ],
)
def test_groups_hold_whole_classes(counts, views, expected) -> None:
    owner = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts).long())
    assert [(rows.start, rows.stop) for rows in class_groups(owner, views)] == expected


@pytest.mark.parametrize(
    ("size", "image_size", "expected"),
    [
        ((200, 100), None, (200, 100)),
        ((200, 100), 200, (200, 100)),
        ((200, 100), 100, (141, 70)),
        ((30, 30), 60, (60, 60)),
    ],
)
def test_pictures_are_fitted_to_an_area(size, image_size, expected) -> None:
    assert fitted(scene(size=size), image_size).size == expected


def test_levels_are_scaled_from_the_picture() -> None:
    settings = SearchSettings(scales=(0.5, 1.0, 1.6))
    assert pyramid_sizes((101, 203), settings) == [(50, 101), (101, 203), (161, 324)]


def test_huge_pictures_shrink_until_the_largest_level_fits() -> None:
    settings = SearchSettings(scales=(0.5, 2.0), max_level_pixels=4_000_000)
    sizes = pyramid_sizes((20_000, 20_000), settings)
    assert sizes == [(500, 500), (2000, 2000)]
    assert shrinkage((1000, 1000), settings) == 1.0


def searched(**changes):
    detector = tiny_detector(score=-math.inf, max_detections=None)
    detector.remember({f"class {n}": [logo(n), logo(n + 50)] for n in range(5)})
    picture = scene((1, 8, 32), (2, 128, 64), (3, 80, 0))
    with torch.inference_mode():
        features, sizes = detector.levels(picture)
        settings = replace(detector.settings, **changes)
        found = search_levels(
            detector.model,
            features,
            sizes,
            memory=detector.memory,
            image_size=(picture.height, picture.width),
            settings=settings,
        )
    return found, detector, features, sizes


def test_all_classes_at_once_give_the_same() -> None:
    found, detector, features, sizes = searched()
    with torch.inference_mode():
        levels = [detector.model.match(level, detector.memory.features) for level in features]
    whole = decode_pyramid(
        levels,
        sizes,
        (140, 200),
        detector.memory.owner.tolist(),
        nms_iou=0.3,
        stride=CONFIG.feature_stride,
        anchor_side=CONFIG.anchor_side,
    )
    assert len(found) == len(whole) > 50
    for name in ("boxes", "scores", "labels", "corners"):
        torch.testing.assert_close(getattr(found, name), getattr(whole, name), atol=1e-4, rtol=0)


@pytest.mark.parametrize("max_bytes", [1, 300_000])
def test_the_memory_bound_does_not_change_the_answer(max_bytes: int) -> None:
    found = searched()[0]
    bounded = searched(max_bytes=max_bytes)[0]
    assert torch.equal(found.labels, bounded.labels)
    torch.testing.assert_close(found.boxes, bounded.boxes, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.scores, bounded.scores, atol=1e-6, rtol=0)


def test_classes_are_matched_in_chunks_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    sizes: list[int] = []
    match = model.match
    monkeypatch.setattr(
        model, "match", lambda features, part: (sizes.append(len(part)), match(features, part))[1]
    )
    channels = model.channels
    features, templates = torch.rand(1, channels, 10, 10), torch.rand(7, channels, 7, 7)
    with torch.inference_mode():
        matches = match_in_chunks(
            model, features, templates, max_bytes=3 * model.match_bytes((10, 10))
        )
    assert sizes == [3, 3, 1]
    assert matches.scores.shape == (7, 100) and matches.loc.shape == (7, 4, 100)


def test_limits_keep_the_strongest() -> None:
    found = searched()[0]
    few = searched(max_detections=3)[0]
    assert torch.equal(few.scores, found.scores[:3])
    each = searched(max_per_class=2)[0]
    assert each.labels.bincount().tolist() == [2] * 5
    assert torch.equal(each.scores, strongest_of_each(found, 2).scores)
    for label in range(5):
        of_class = found.scores[found.labels == label]
        assert torch.equal(each.scores[each.labels == label], of_class[:2])


def test_a_threshold_only_cuts_the_list() -> None:
    found = searched()[0]
    above = searched(score=0.6)[0]
    assert 0 < len(above) < len(found)
    assert torch.equal(above.scores, found.scores[found.scores > 0.6])


def test_across_classes_one_box_remains_at_a_place() -> None:
    apart = searched(score=0.5)[0]
    together = searched(score=0.5, across_classes=True)[0]
    assert len(together) < len(apart)
    overlap = box_iou(together.boxes, together.boxes).fill_diagonal_(0)
    assert float(overlap.max()) <= 0.3
    assert float(together.scores[0]) == float(apart.scores[0])


def claims(boxes: list[list[float]], scores: list[float], labels: list[int]):
    return replace(
        nothing_found((100, 100)),
        boxes=torch.tensor(boxes),
        scores=torch.tensor(scores),
        labels=torch.tensor(labels),
        corners=torch.zeros(len(scores), 8),
        anchors=torch.zeros(len(scores), 4),
    )


PLACE, NEAR, AWAY = [0.0, 0, 10, 10], [1.0, 0, 11, 10], [50.0, 50, 60, 60]


@pytest.mark.parametrize(
    ("boxes", "labels", "expected"),
    [
        pytest.param(
            [PLACE, NEAR], [0, 1], [0.8, 0.3], id="a stronger rival costs what is lacking"
        ),
        pytest.param([PLACE, NEAR], [0, 0], [0.8, 0.6], id="a class is no rival of itself"),
        pytest.param([PLACE, AWAY], [0, 1], [0.8, 0.6], id="places far apart are no rivals"),
    ],
)
def test_rivals_lower_scores_only_at_one_place(boxes, labels, expected) -> None:
    scores = rival_scores(claims(boxes, [0.8, 0.6], labels), rivalry=1.5)
    assert scores.tolist() == pytest.approx(expected)


def test_many_rivals_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    corner = torch.rand(60, 2) * 40
    found = claims(
        torch.cat([corner, corner + 20], dim=1).tolist(),
        torch.rand(60).sort(descending=True).values.tolist(),
        torch.randint(0, 4, (60,)).tolist(),
    )
    whole = rival_scores(found, rivalry=2.0)
    monkeypatch.setattr("handful.predict.search.RIVAL_ROWS", 7)
    assert torch.equal(rival_scores(found, rivalry=2.0), whole)
    assert (whole < found.scores).any()
