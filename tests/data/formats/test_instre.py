"""INSTRE on a tiny copy of its layout."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from PIL import Image
from scipy.io import savemat

from handful.data.formats import detect_format, read_dataset, read_named
from handful.data.formats.instre import PARTS
from handful.data.images import read_image
from handful.errors import DataError

FILES = {
    "INSTRE-S1/01a_book/001.jpg": "4 2 10 6\n",
    "INSTRE-S1/01b_bear/001.jpg": "0 0 50 20\n",
    "INSTRE-M/01/001.jpg": "1 2 3 4\n5 6 7 8\n",
    "INSTRE-S2/01_arch/001.jpg": "2,2,8,8\n",
    "INSTRE-S1/01a_book/002.jpg": "4\t2\t10\t6\n",
}
QUERIES = {
    "INSTRE-S1/01a_book/q.jpg": ([1, 2, 21, 12], [1, 3, 5]),
    "INSTRE-M/01/q.jpg": ([0, 0, 5, 5], [3]),
    "INSTRE-S1/01b_bear/q.jpg": ([0, 0, 5, 5], [2, 3]),
    "INSTRE-S2/01_arch/q.jpg": ([3, 3, 9, 9], [4]),
}


def cells(values: list) -> numpy.ndarray:
    array = numpy.empty((1, len(values)), object)
    array[0, :] = values
    return array


def save(root: Path, queries=QUERIES, files=FILES) -> Path:
    folder = root / "instre"
    for name in (*files, *queries):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(path)
        path.with_suffix(".txt").write_text(files.get(name, ""))
    truths = numpy.zeros((1, len(queries)), dtype=[("ok", object), ("bbx", object)])
    for index, (box, positives) in enumerate(queries.values()):
        truths[0, index] = (
            numpy.array([positives], dtype=numpy.uint16),
            numpy.array([box], dtype=float),
        )
    content = {"imlist": cells(list(files)), "qimlist": cells(list(queries)), "gnd": truths}
    savemat(folder / "gnd_instre.mat", content)
    return folder


def test_queries_are_classes_and_mixed_pictures_give_the_line_of_their_letter(tmp_path):
    folder = save(tmp_path)
    dataset = read_dataset(folder)
    assert detect_format(folder) == "instre"
    assert dataset.class_ids == (0, 2, 3)
    assert dataset.class_names[0] == "INSTRE-S1/01a_book/q"
    assert [picture.file_name for picture in dataset.pictures] == [
        "INSTRE-S1/01a_book/001.jpg",
        "INSTRE-M/01/001.jpg",
        "INSTRE-S1/01a_book/002.jpg",
        "INSTRE-S1/01b_bear/001.jpg",
        "INSTRE-S2/01_arch/001.jpg",
    ]
    assert dataset.table.picture.tolist() == [0, 1, 2, 3, 1, 4]
    assert dataset.table.labels.tolist() == [0, 0, 0, 1, 1, 2]
    assert dataset.table.boxes.tolist() == [
        [4, 2, 14, 8],
        [1, 2, 4, 6],
        [4, 2, 14, 8],
        [0, 0, 40, 20],
        [5, 6, 12, 14],
        [2, 2, 10, 10],
    ]
    assert not dataset.table.difficult.any()


def test_the_example_of_a_class_is_its_query_cropped(tmp_path):
    example = read_named("instre-all", save(tmp_path)).examples[0]
    assert example.box == (1, 2, 21, 12)
    assert read_image(example.image).size == (40, 20)


@pytest.mark.parametrize(
    ("name", "classes"), [("instre-s1", (0, 2)), ("instre-s2", (3,)), ("instre-all", (0, 2, 3))]
)
def test_parts_are_known_by_the_folder_of_the_query(tmp_path, name, classes):
    save(tmp_path)
    assert read_named(name, tmp_path).class_ids == classes


def test_classes_are_shared_75_5_20_in_their_order(tmp_path):
    files = {"INSTRE-S2/01_arch/001.jpg": "2 2 8 8"}
    queries = {f"INSTRE-S2/{i:03d}_x/q.jpg": ([0, 0, 5, 5], [1]) for i in range(21)}
    save(tmp_path, queries, files)
    shares = {part: read_named(f"instre-s2-{part}", tmp_path) for part in ("train", "val", "test")}
    assert shares["train"].class_ids == tuple(range(15))
    assert shares["val"].class_ids == (15,)
    assert shares["test"].class_ids == tuple(range(16, 21))
    assert len(shares["test"].table) == 5
    assert {name for name in PARTS if name.endswith(("train", "val", "test"))} == {
        f"instre-s{kind}-{part}" for kind in (1, 2) for part in shares
    }


def test_one_query_alone_is_read(tmp_path):
    name = "INSTRE-S1/01a_book/q.jpg"
    save(tmp_path, {name: QUERIES[name]})
    assert read_named("instre-all", tmp_path).class_ids == (0,)


def break_it(folder: Path, what: str) -> None:
    boxes = folder / "INSTRE-S1" / "01a_book" / "001.txt"
    if what == "table":
        (folder / "gnd_instre.mat").write_bytes(b"no table")
    elif what == "no table":
        (folder / "gnd_instre.mat").unlink()
    elif what == "no boxes":
        boxes.unlink()
    elif what == "words":
        boxes.write_text("a book")
    elif what == "empty":
        boxes.write_text("")
    elif what == "no picture":
        boxes.with_suffix(".jpg").unlink()
    elif what == "outside":
        boxes.write_text("60 2 10 6")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("table", "not INSTRE's table.*gnd_instre.mat"),
        ("no table", "INSTRE's table is not there"),
        ("no boxes", r"boxes of a picture are not there.*001\.txt"),
        ("words", r"boxes of a picture cannot be read.*001\.txt.*line 1"),
        ("empty", r"boxes of a picture cannot be read.*001\.txt.*line 1"),
        ("no picture", r"picture 1 names a picture that is not there.*001\.jpg"),
        ("outside", r"line 1 has a box outside its picture.*001\.txt"),
    ],
)
def test_damage_is_refused_by_name(tmp_path, what, says):
    folder = save(tmp_path)
    break_it(folder, what)
    with pytest.raises(DataError, match=says) as caught:
        read_named("instre-s1", tmp_path)
    assert "\n" not in str(caught.value)


def test_positives_beyond_the_list_and_folders_without_letter_are_refused(tmp_path):
    save(tmp_path / "a", {"INSTRE-S1/01a_book/q.jpg": ([0, 0, 5, 5], [6])})
    with pytest.raises(DataError, match="query 0 has a positive.*1 to 5"):
        read_named("instre-all", tmp_path / "a")
    save(tmp_path / "b", {"INSTRE-S1/01_book/q.jpg": ([0, 0, 5, 5], [3])})
    with pytest.raises(DataError, match="does not say which object.*01_book"):
        read_named("instre-all", tmp_path / "b")
