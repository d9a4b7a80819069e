"""VOC in the field's folder layout: what the reference files do not show."""

from __future__ import annotations

import random

import numpy
import pytest
from field_layout import write_annotation, write_picture_list, write_shot_list
from PIL import Image

from handful.data.splits import published_voc_lists, read_voc_set, read_voc_shots
from handful.errors import DataError

CAR = {"name": "car", "bbox": (11, 21, 60, 80)}
CARS = [{"name": "car", "bbox": (1 + 9 * n, 1, 9 + 9 * n, 30)} for n in range(12)]


@pytest.fixture
def root(tmp_path):
    """Return a root with a picture of one car and one of twelve."""
    write_annotation(tmp_path, "000001", [CAR, {"name": "dog", "difficult": 1}])
    write_annotation(tmp_path, "2008_000002", CARS)
    write_picture_list(tmp_path, 2007, "trainval", ["000001"])
    write_picture_list(tmp_path, 2012, "trainval", ["2008_000002"])
    for folder in ("seed0", "seed3"):
        write_shot_list(tmp_path / "vocsplit" / folder, 2, "car", ["000001", "2008_000002"])
        write_shot_list(tmp_path / "vocsplit" / folder, 2, "dog", ["000001"])
    return tmp_path


def read_shots(root, **options):
    options = {"shots": 2, "require_pictures": False, **options}
    return read_voc_shots(root, ("car", "dog"), **options)


def test_an_ordinary_set_holds_both_years_and_only_its_classes(root):
    dataset = read_voc_set(root, ("dog", "cat"), require_pictures=False)
    assert [picture.id for picture in dataset.pictures] == [1, 2008000002]
    assert dataset.table.picture.tolist() == [0]
    assert dataset.table.difficult.tolist() == [True]
    assert dataset.table.ids.tolist() == [1002]


def test_shots_come_class_by_class_one_box_a_record(root):
    dataset = read_shots(root, seed=3)
    assert len(dataset.pictures) == 3
    assert dataset.table.picture.tolist() == [0, 1, 2]
    assert dataset.table.labels.tolist() == [0, 0, 1]
    assert dataset.table.difficult.tolist() == [False, False, True]


def test_the_draw_is_the_seeds_and_leaves_numpy_alone(root):
    numpy.random.seed(0)
    random.seed(0)
    before = numpy.random.get_state()[1].tolist(), random.getstate()
    draws = [read_shots(root, draw_seed=seed).table.ids.tolist() for seed in range(20)]
    assert draws == [read_shots(root, draw_seed=seed).table.ids.tolist() for seed in range(20)]
    assert len({tuple(ids) for ids in draws}) > 5
    assert (numpy.random.get_state()[1].tolist(), random.getstate()) == before


def test_the_original_draw_is_numpys(root):
    numpy.random.seed(5)
    first, again = (read_shots(root, original_draw=True).table.ids.tolist() for _ in range(2))
    assert first != again
    numpy.random.seed(5)
    assert read_shots(root, original_draw=True).table.ids.tolist() == first


def test_seed_0_may_lie_at_the_top(root):
    expected = read_shots(root).table.ids.tolist()
    for file in list((root / "vocsplit" / "seed0").iterdir()):
        file.rename(root / "vocsplit" / file.name)
    assert read_shots(root).table.ids.tolist() == expected


def test_without_lists_of_its_own_a_root_has_the_published_ones(tmp_path):
    (image_id,) = published_voc_lists(4, 1)["car"]
    write_annotation(tmp_path, image_id, [CAR])
    dataset = read_voc_shots(tmp_path, ("car",), shots=1, seed=4, require_pictures=False)
    assert [picture.path.stem for picture in dataset.pictures] == [image_id]


def test_pictures_are_looked_for_unless_asked_not_to(root):
    with pytest.raises(DataError, match="names a picture that is not there.*000001.jpg"):
        read_shots(root, require_pictures=True)
    for place in ("VOC2007/JPEGImages/000001.jpg", "VOC2012/JPEGImages/2008_000002.jpg"):
        (root / place).parent.mkdir()
        Image.new("RGB", (200, 200)).save(root / place)
    dataset = read_shots(root, require_pictures=True)
    assert dataset[0][0].size == (200, 200)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda root: read_shots(root, seed=5), r"seed5/box_2shot_car.*vocsplit/seedN"),
        (lambda root: read_shots(root / "nowhere"), "VOC2007/ and VOC2012/"),
        (
            lambda root: read_voc_set(root, ("car",), subset="test"),
            r"Main/test.txt.*VOC2007/ and VOC2012/",
        ),
    ],
)
def test_missing_files_are_named_with_the_layout(root, act, words):
    with pytest.raises(DataError, match=words):
        act(root)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((50, 20, 10, 80), "no area"),
        ((10, 20, 900, 80), "outside its picture"),
        (("nan", 20, 30, 80), "not a number"),
    ],
)
def test_absurd_boxes_are_refused_by_name(root, box, words):
    write_annotation(root, "000001", [CAR, {"name": "dog", "bbox": box}])
    with pytest.raises(DataError, match=rf"object 2 \(dog\).*{words}"):
        read_shots(root)


def test_lists_and_annotations_must_belong_together(root):
    write_shot_list(root / "vocsplit" / "seed0", 2, "dog", ["2008_000002"])
    with pytest.raises(DataError, match="box_2shot_dog_train.txt.*no 'dog'"):
        read_shots(root)
