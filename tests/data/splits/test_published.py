"""The published lists that come with the package."""

from __future__ import annotations

import shutil

import pytest

from handful.data.splits import VOC_CLASSES, VOC_SHOTS, published, published_voc_lists
from handful.data.splits.layout import voc_image_id, voc_number
from handful.errors import ConfigError, DataError

SIZE_LIMIT = 40_000


def test_a_list_is_as_published():
    assert published_voc_lists(0, 5)["car"][:3] == ("008388", "000338", "2010_004930")
    assert published_voc_lists(1, 5)["car"][:3] == ("008397", "007931", "2008_007660")


def test_every_list_is_there_and_holds_no_more_than_k_pictures():
    counts = {
        shots: {
            len(image_ids)
            for seed in published.PUBLISHED_SEEDS
            for image_ids in published_voc_lists(seed, shots).values()
        }
        for shots in VOC_SHOTS
    }
    assert counts == {
        1: {1},
        2: {1, 2},
        3: {1, 2, 3},
        5: {3, 4, 5},
        10: {5, 6, 7, 8, 9, 10},
    }
    assert tuple(published_voc_lists(29, 10)) == VOC_CLASSES


def test_drawn_seeds_are_nested_and_seed_0_is_not():
    def nested(seed: int) -> bool:
        by_shots = [published_voc_lists(seed, shots) for shots in VOC_SHOTS]
        return all(
            larger[name][: len(smaller[name])] == smaller[name]
            for smaller, larger in zip(by_shots, by_shots[1:], strict=False)
            for name in VOC_CLASSES
        )

    assert [seed for seed in published.PUBLISHED_SEEDS if not nested(seed)] == [0]


@pytest.mark.integration
def test_packing_what_was_unpacked_gives_the_same_file(tmp_path):
    published.unpack_voc_lists(tmp_path / "vocsplit")
    assert len(list((tmp_path / "vocsplit").rglob("*.txt"))) == 30 * 5 * 20
    line = (tmp_path / "vocsplit" / "seed0" / "box_1shot_cow_train.txt").read_text("utf-8")
    (image_id,) = published_voc_lists(0, 1)["cow"]
    year = 2012 if "_" in image_id else 2007
    assert line == f"datasets/VOC{year}/JPEGImages/{image_id}.jpg\n"
    published.pack_voc_lists(tmp_path / "vocsplit", tmp_path / "packed.npz")
    assert (tmp_path / "packed.npz").read_bytes() == published.PACKED.read_bytes()
    shutil.rmtree(tmp_path / "vocsplit" / "seed7")
    with pytest.raises(DataError, match="seed7"):
        published.pack_voc_lists(tmp_path / "vocsplit", tmp_path / "packed.npz")


def test_the_packed_file_is_small():
    assert published.PACKED.stat().st_size < SIZE_LIMIT


@pytest.mark.parametrize(("seed", "shots"), [(30, 1), (-1, 1), (0, 4)])
def test_what_was_not_published_is_refused(seed, shots):
    with pytest.raises(ConfigError, match="published"):
        published_voc_lists(seed, shots)


@pytest.mark.parametrize("image_id", ["000001", "009963", "2007_000027", "2011_003276"])
def test_picture_numbers_stand_for_ids(image_id):
    assert voc_image_id(voc_number(image_id)) == image_id


@pytest.mark.parametrize("image_id", ["1", "2008-000001", "cat", "0000012"])
def test_other_ids_are_refused(image_id):
    with pytest.raises(DataError, match="not the id of a picture of VOC"):
        voc_number(image_id)


def test_only_the_base_name_of_a_listed_path_counts(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("/other/place/VOC2012/2008_000001.jpg\r\n000002.jpg", "utf-8")
    assert published.read_voc_list(file) == ("2008_000001", "000002")
    file.write_text("\n", "utf-8")
    with pytest.raises(DataError, match="names no picture"):
        published.read_voc_list(file)
