from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from drawn_set import drawn_set
from exported_detector import CLASSES, nano_card, small_card

from handful.errors import DataError
from handful.export.finish import finish
from handful.export.manifest import Manifest, open_folder
from handful.export.outputs import RawPicture, write_raw
from handful.export.prepare import plan
from handful.structures import Detections

CARD = small_card(32, 64)
DATASET = drawn_set([(0, 0), (1, 1)], class_names=CLASSES)
ROWS = RawPicture(
    numpy.array([[0, 0, 16, 8], [4, 4, 40, 31], [32, 0, 32, 9]], numpy.float32),
    numpy.array([0.9, 0.6, 0.5], numpy.float32),
    numpy.array([2, 0, 1]),
    seconds=0.1,
)


@pytest.fixture
def raw(tmp_path):
    """A folder with the same outputs for both pictures, which were shown at half size."""
    manifest = plan(DATASET, CARD).as_outputs(CARD, graph="")
    write_folder(tmp_path / "raw", manifest)
    return tmp_path / "raw"


def write_folder(folder, manifest: Manifest, rows: RawPicture = ROWS) -> None:
    open_folder(folder, manifest)
    for entry in manifest.pictures:
        write_raw(folder / entry.file, rows)


def test_boxes_are_those_of_the_original_pictures(raw):
    searched = finish(raw, DATASET)
    assert searched.masks is None
    first, second = searched.detections
    assert first.image_size == (64, 64) and first.class_names == CLASSES
    # The last box lies beyond the right edge, so nothing of it is left.
    torch.testing.assert_close(first.boxes, torch.tensor([[0.0, 0, 32, 16], [8, 8, 64, 62]]))
    assert first.labels.tolist() == [2, 0] and len(second) == 2


def test_boxes_of_a_letterbox_are_scaled_alike_and_not_clipped(tmp_path):
    wide = replace(DATASET, pictures=tuple(replace(p, width=81) for p in DATASET.pictures))
    manifest = plan(wide, nano_card())
    assert manifest.pictures[0].size == (50, 64)
    write_folder(tmp_path, manifest.as_outputs(nano_card(), graph=""))
    found = finish(tmp_path, wide).detections[0]
    torch.testing.assert_close(found.boxes, torch.from_numpy(ROWS.boxes) * (81 / 64))


def test_boxes_return_from_the_canvas_of_the_run_where_there_is_one(tmp_path):
    # 47 * (96 / 47) is less than 96 in floating point, so the longer side is shown at 95.
    pictures = tuple(replace(p, width=47, height=8) for p in DATASET.pictures)
    odd = replace(DATASET, pictures=pictures)
    manifest = plan(odd, nano_card(), canvas=(96, 96))
    assert manifest.pictures[0].size[1] == 95
    write_folder(tmp_path, manifest.as_outputs(nano_card(), graph=""))
    found = finish(tmp_path, odd).detections[0]
    torch.testing.assert_close(found.boxes, torch.from_numpy(ROWS.boxes) * (47 / 96))


def test_only_detections_of_known_classes_are_kept(raw):
    fewer = replace(DATASET, class_names=(CLASSES[0], "beer", "milk"))
    assert [one.labels.tolist() for one in finish(raw, fewer).detections] == [[0], [0]]


def with_masks(*windows: tuple[slice, slice]) -> RawPicture:
    """Return ``ROWS`` with masks of a picture that was shown at 32 pixels, padded to 48."""
    masks = numpy.zeros((len(windows), 8, 12), numpy.float32)
    for mask, window in zip(masks, windows, strict=True):
        mask[window] = 0.9
    return ROWS._replace(masks=masks)


def test_masks_are_those_of_the_original_pictures(tmp_path):
    card = replace(CARD, masks=True)
    whole, left, none = (
        (slice(None), slice(None)),
        (slice(None), slice(0, 4)),
        (slice(0), slice(0)),
    )
    rows = with_masks(left, whole, none)
    write_folder(tmp_path, plan(DATASET, card).as_outputs(card, graph=""), rows)
    found = finish(tmp_path, DATASET)
    assert all(one.masks is None for one in found.detections) and found.masks is not None
    # The third lies beyond the right edge, and so does its mask.
    for half, all_of_it in found.masks:
        assert half.size == (64, 64) and all_of_it.area() == 64 * 64
        columns = numpy.flatnonzero(half.mask().any(axis=0))
        assert half.mask()[:, columns].all()
        assert columns.tolist() == list(range(len(columns))) and abs(len(columns) - 32) <= 4


def test_masks_follow_their_detections_when_scores_change(tmp_path):
    card = replace(CARD, masks=True)
    left, right = (slice(None), slice(0, 4)), (slice(None), slice(4, 8))
    write_folder(
        tmp_path,
        plan(DATASET, card).as_outputs(card, graph=""),
        with_masks(left, right, (slice(0), slice(0))),
    )
    found = finish(tmp_path, DATASET, calibration=Reversing())
    assert found.masks is not None
    assert found.detections[0].labels.tolist() == [0, 2]
    first, second = (runs.mask() for runs in found.masks[0])
    assert first[:, -1].all() and not first[:, 0].any()
    assert second[:, 0].all() and not second[:, -1].any()


class Reversing:
    exclusive = False

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def calibrate(self, detections: Detections, image) -> Detections:
        self.seen.append(image.size)
        return replace(detections, scores=1 - detections.scores)


def test_calibrated_scores_are_sorted_again(raw):
    calibration = Reversing()
    found = finish(raw, DATASET, calibration=calibration).detections
    assert found[0].scores.tolist() == pytest.approx([0.4, 0.1])
    assert found[0].labels.tolist() == [0, 2]
    assert calibration.seen == [(64, 64), (64, 64)]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda one: drawn_set([(0, 0), (2, 0)], class_names=CLASSES), "picture 12"),
        (lambda one: one.subset([0]), "picture 11"),
        (lambda one: replace(one, pictures=tuple(replace(p, width=9) for p in one.pictures)), "64"),
    ],
    ids=["a picture without outputs", "outputs without a picture", "another size"],
)
def test_outputs_of_another_set_are_refused(raw, change, hint):
    with pytest.raises(DataError, match=hint):
        finish(raw, change(DATASET))


def test_a_set_of_other_classes_is_refused(raw):
    with pytest.raises(DataError, match=r"cup, key, pen, expected cola"):
        finish(raw, drawn_set([(0, 0), (1, 1)]))


def test_a_picture_too_small_to_be_searched_has_nothing(tmp_path):
    small = replace(DATASET, pictures=tuple(replace(p, height=7) for p in DATASET.pictures))
    write_folder(tmp_path, plan(small, CARD).as_outputs(CARD, graph=""))
    assert [len(one) for one in finish(tmp_path, small).detections] == [0, 0]
