"""COCO files: what is read, and the one-line refusals."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy
import pytest
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import read_dataset, write_dataset
from handful.errors import DataError
from handful.masks import RunLengths
from handful.masks.segmentation import written

GOOD = {
    "images": [
        {"id": 5, "file_name": "a.png", "width": 40, "height": 30},
        {"id": 9, "file_name": "b.png", "width": 20, "height": 20},
    ],
    "annotations": [
        {"id": 17, "image_id": 9, "category_id": 3, "bbox": [1, 2, 3.5, 4], "iscrowd": 0},
        {"id": 4, "image_id": 5, "category_id": 2, "bbox": [0, 0, 40, 30], "iscrowd": 1},
    ],
    "categories": [{"id": 3, "name": "key"}, {"id": 2, "name": "cup"}],
}


def save(folder: Path, document: object, name: str = "set.json") -> Path:
    for file, size in (("a.png", (40, 30)), ("b.png", (20, 20))):
        Image.new("RGB", size).save(folder / file)
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def changed(section: str, index: int, **fields) -> dict:
    """Return the good file with fields of one record changed, or deleted where None."""
    document = copy.deepcopy(GOOD)
    record = document[section][index]
    for name, value in fields.items():
        if value is None:
            del record[name]
        else:
            record[name] = value
    return document


def test_ids_boxes_and_classes_are_read(tmp_path):
    dataset = read_dataset(save(tmp_path, GOOD))
    assert dataset.class_names == ("cup", "key")
    assert dataset.class_ids == (2, 3)
    assert [picture.id for picture in dataset.pictures] == [5, 9]
    assert dataset.table.boxes.tolist() == [[1, 2, 4.5, 6], [0, 0, 40, 30]]
    assert dataset.table.picture.tolist() == [1, 0]
    assert dataset.table.labels.tolist() == [1, 0]
    assert dataset.table.ids.tolist() == [17, 4]
    assert dataset.table.crowd.tolist() == [False, True]
    assert dataset.outlines is None
    assert dataset[1][0].size == (20, 20)


def test_reading_opens_no_picture_whose_size_the_file_says(tmp_path):
    path = save(tmp_path, GOOD)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    dataset = read_dataset(path)
    with pytest.raises(DataError, match="not a picture"):
        dataset[0]


def test_sizes_are_read_from_pictures_where_the_file_is_silent(tmp_path):
    dataset = read_dataset(save(tmp_path, changed("images", 0, width=None, height=None)))
    assert (dataset.pictures[0].width, dataset.pictures[0].height) == (40, 30)


@pytest.mark.parametrize("place", [".", "images", "elsewhere"])
def test_pictures_are_found_beside_in_images_or_where_said(tmp_path, place):
    path = save(tmp_path, GOOD)
    for name in ("a.png", "b.png"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / name).rename(tmp_path / place / name)
    images = tmp_path / place if place == "elsewhere" else None
    dataset = read_dataset(path, images=images)
    assert dataset.pictures[0].path == tmp_path / place / "a.png"


def test_a_picture_beside_the_file_comes_before_the_one_elsewhere(tmp_path):
    path = save(tmp_path, GOOD)
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (40, 30)).save(other / "a.png")
    assert read_dataset(path, images=other).pictures[0].path == tmp_path / "a.png"


def test_missing_pictures_pass_only_when_allowed(tmp_path):
    path = save(tmp_path, GOOD)
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").unlink()
    says = r"image 5 names a picture.*set\.json.*a\.png \(and 1 more\).*--images"
    with pytest.raises(DataError, match=says):
        read_dataset(path)
    assert len(read_dataset(path, require_pictures=False)) == 2


def test_a_small_overshoot_is_clipped(tmp_path):
    dataset = read_dataset(save(tmp_path, changed("annotations", 0, bbox=[-1, 2, 22.5, 4])))
    assert dataset.table.boxes[0].tolist() == [0, 2, 20, 6]


def test_polygons_are_kept_if_all_boxes_have_them(tmp_path):
    document = copy.deepcopy(GOOD)
    triangle = [1, 2, 4, 2, 4, 6]
    for annotation in document["annotations"]:
        annotation["segmentation"] = [triangle]
    assert read_dataset(save(tmp_path, document)).outlines == (((1, 2, 4, 2, 4, 6),),) * 2
    del document["annotations"][1]["segmentation"]
    assert read_dataset(save(tmp_path, document)).outlines is None


def test_annotations_without_ids_are_numbered(tmp_path):
    document = copy.deepcopy(GOOD)
    for annotation in document["annotations"]:
        del annotation["id"]
    assert read_dataset(save(tmp_path, document)).table.ids.tolist() == [1, 2]


BAD = {
    "broken JSON": ('{"images": [', "not valid JSON"),
    "an empty file": ("", "not valid JSON"),
    "results": ("[]", "a JSON list.*list of results"),
    "a section missing": ({**GOOD, "categories": None}, "categories.*list of objects"),
    "no annotations": (
        {"images": [], "categories": []},
        "the COCO file lacks a field.*'annotations'",
    ),
    "a list of numbers": ({**GOOD, "annotations": [1]}, "annotations.*list of objects"),
    "no bbox": (changed("annotations", 0, bbox=None), "annotation 17 lacks.*'bbox'"),
    "no image_id": (changed("annotations", 0, image_id=None), "annotation 17 lacks.*'image_id'"),
    "no category_id": (
        changed("annotations", 1, category_id=None),
        "annotation 4 lacks.*'category_id'",
    ),
    "no id in one": (changed("annotations", 1, id=None), "annotation number 2 lacks.*'id'"),
    "no file name": (changed("images", 1, file_name=None), "image 9 lacks.*'file_name'"),
    "a number as file name": (changed("images", 1, file_name=7), "image 9.*file_name.*got 7"),
    "no class name": (changed("categories", 0, name=None), "category 3 lacks.*'name'"),
    "an empty class name": (changed("categories", 0, name=" "), "category 3.*Name the class"),
    "no image id": (changed("images", 1, id=None), "image number 2 lacks.*'id'"),
    "unknown category": (
        changed("annotations", 0, category_id=99),
        "annotation 17 has an unknown category_id.*got 99.*'categories'",
    ),
    "unknown image": (
        changed("annotations", 0, image_id=99),
        "annotation 17 has an unknown image_id.*got 99.*'images'",
    ),
    "image id twice": (changed("images", 1, id=5), "two images have one id.*got 5"),
    "category id twice": (changed("categories", 1, id=3), "two categories have one id.*got 3"),
    "annotation id twice": (changed("annotations", 1, id=17), "two annotations.*got 17"),
    "class name twice": (changed("categories", 1, name="key"), "two classes have one name.*key"),
    "three numbers": (changed("annotations", 0, bbox=[1, 2, 3]), "17.*'bbox'.*4 numbers"),
    "text in a box": (changed("annotations", 0, bbox=[1, 2, "3", 4]), "17.*'bbox'.*4 numbers"),
    "a box that is none": (changed("annotations", 0, bbox="all"), "17.*'bbox'.*got 'all'"),
    "NaN": (changed("annotations", 0, bbox=[1, 2, float("nan"), 4]), "17.*not a number"),
    "infinity": (changed("annotations", 0, bbox=[1, 2, float("inf"), 4]), "17.*not a number"),
    "no area": (changed("annotations", 0, bbox=[1, 2, 0, 4]), "17 has a box of no area.*width 0"),
    "negative": (changed("annotations", 0, bbox=[9, 2, -3, 4]), "17 has a box of no area"),
    "outside": (
        changed("annotations", 0, bbox=[1, 2, 30, 4]),
        "17 has a box outside its picture.*x 1 to 31, y 2 to 6.*20 x 20",
    ),
    "wholly outside": (changed("annotations", 0, bbox=[20.5, 2, 1, 1]), "17 has a box outside"),
    "a fraction as id": (changed("annotations", 0, image_id=9.5), "'image_id'.*9.5.*whole"),
    "a word as id": (changed("images", 0, id="first"), "'id'.*'first'.*whole number"),
    "true as id": (changed("categories", 0, id=True), "'id'.*True.*whole number"),
    "no width": (changed("images", 0, width=None), "image 5 lacks.*'width'"),
    "a width of 0": (changed("images", 0, width=0), "image 5 has no area.*'width'"),
    "a polygon of two points": (
        changed("annotations", 0, segmentation=[[1, 2, 3, 4]]),
        "17.*polygon.*4 numbers",
    ),
}


@pytest.mark.parametrize(("document", "says"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused_in_one_line(tmp_path, document, says):
    path = save(tmp_path, document)
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no such file.*nowhere\.json"):
        read_dataset(tmp_path / "nowhere.json")


def test_a_folder_stands_for_its_only_coco_file(tmp_path):
    save(tmp_path, GOOD, "all.json")
    (tmp_path / "stats.json").write_text('{"images": 2}')
    assert len(read_dataset(tmp_path)) == 2
    save(tmp_path, GOOD, "more.json")
    with pytest.raises(DataError, match=r"several COCO files.*all\.json, more\.json.*Name one"):
        read_dataset(tmp_path)


def test_writing_names_files_relative_to_the_json_and_copies_nothing(tmp_path):
    dataset = read_dataset(save(tmp_path, GOOD))
    target = tmp_path / "deep" / "er" / "out.json"
    write_dataset(dataset, target, format="coco")
    document = json.loads(target.read_text())
    assert document["images"][0] == {
        "id": 5,
        "file_name": "../../a.png",
        "width": 40,
        "height": 30,
    }
    assert document["annotations"][0]["bbox"] == [1, 2, 3.5, 4]
    assert document["annotations"][0]["area"] == 14
    assert sorted(file.name for file in target.parent.iterdir()) == ["out.json"]


def test_the_area_of_an_outline_is_written(tmp_path):
    document = changed("annotations", 0, segmentation=[[1, 2, 4, 2, 4, 6]])
    document["annotations"] = document["annotations"][:1]
    target = tmp_path / "out.json"
    write_dataset(read_dataset(save(tmp_path, document)), target, format="coco")
    annotation = json.loads(target.read_text())["annotations"][0]
    assert annotation["area"] == 6
    assert annotation["segmentation"] == [[1, 2, 4, 2, 4, 6]]


def drawn_set(draw) -> Dataset:
    picture = Picture(1, "scene", 8, 6, draw)
    return Dataset("drawn", (picture,), BoxTable.of([0], [[1, 1, 3, 3]], [0]), ("cup",))


def test_drawn_pictures_are_saved_in_images(tmp_path):
    dataset = drawn_set(lambda: Image.new("RGB", (8, 6), "red"))
    write_dataset(dataset, tmp_path / "out.json", format="coco")
    again = read_dataset(tmp_path / "out.json")
    assert again.pictures[0].file_name == "images/scene.png"
    assert again[0][0].getpixel((0, 0)) == (255, 0, 0)


def test_nothing_is_written_if_a_picture_fails(tmp_path):
    def fail():
        raise DataError("the pen broke")

    with pytest.raises(DataError, match="the pen broke"):
        write_dataset(drawn_set(fail), tmp_path / "out.json", format="coco")
    assert list(tmp_path.iterdir()) == []


def test_drawn_pictures_never_join_others_in_images(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.png").touch()
    dataset = drawn_set(lambda: Image.new("RGB", (8, 6)))
    with pytest.raises(DataError, match="not an empty folder.*images"):
        write_dataset(dataset, tmp_path / "out.json", format="coco")
    assert not (tmp_path / "out.json").exists()


def test_run_lengths_are_kept_beside_polygons_and_written_again(tmp_path):
    document = changed("annotations", 0, segmentation=[[1, 2, 4, 2, 4, 6]])
    mask = numpy.zeros((30, 40), bool)
    mask[3:9, 4:20] = True
    runs = RunLengths.of(mask)
    plain = {"size": [30, 40], "counts": runs.counts().tolist()}
    for form in (plain, written(runs)):
        document["annotations"][1]["segmentation"] = form
        assert read_dataset(save(tmp_path, document)).outlines == (((1, 2, 4, 2, 4, 6),), runs)
    dataset = read_dataset(tmp_path / "set.json")
    again = tmp_path / "again" / "set.json"
    write_dataset(dataset, again, format="coco")
    annotation = json.loads(again.read_text())["annotations"][1]
    assert (annotation["segmentation"], annotation["area"]) == (written(runs), mask.sum())
    assert read_dataset(again, require_pictures=False).outlines == dataset.outlines


BAD_MASKS = {
    "another size": ({"size": [40, 30], "counts": [1200]}, r"\[40, 30\].*\[30, 40\]"),
    "too few pixels": ({"size": [30, 40], "counts": [600]}, "got 600 pixels.*1200"),
    "too few pixels in characters": ({"size": [30, 40], "counts": "04"}, "got 4 pixels"),
    "characters of no count": ({"size": [30, 40], "counts": "~~"}, "cannot be decoded"),
    "a count cut off": ({"size": [30, 40], "counts": "`"}, "cannot be decoded"),
    "a corner that is no number": ([[1, 2, 3, float("nan"), 5, 6]], "wrong form"),
    "two points": ([[1, 2, 3, 4]], "got 4 numbers, expected x, y of three points or more"),
    "an odd number of numbers": ([[1, 2, 3, 4, 5, 6, 7]], "got 7 numbers"),
    "a text": ("masks", "wrong form"),
}


@pytest.mark.parametrize("kind", BAD_MASKS)
def test_bad_masks_are_refused_by_annotation(tmp_path, kind):
    value, words = BAD_MASKS[kind]
    file = save(tmp_path, changed("annotations", 1, segmentation=value))
    with pytest.raises(DataError, match=f"annotation 4 has .*{words}") as caught:
        read_dataset(file)
    assert (caught.value.file, caught.value.field) == (str(file), "segmentation")
