"""The data set: its table, its parts, its pictures."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import DataError


def small_set(**changes) -> Dataset:
    """Two pictures, the second with two boxes, an empty third."""
    image = Image.new("RGB", (40, 30), "white")
    parts = {
        "name": "small",
        "pictures": tuple(Picture(10 + i, f"{i}.png", 40, 30, image) for i in range(3)),
        "table": BoxTable.of(
            [1, 0, 1],
            [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]],
            [0, 1, 1],
            crowd=[False, False, True],
        ),
        "class_names": ("cup", "key"),
    }
    return Dataset(**(parts | changes))


def test_targets_of_a_picture_keep_the_files_order():
    targets = small_set().targets(1)
    assert targets.boxes.tolist() == [[1, 2, 3, 4], [9, 10, 11, 12]]
    assert targets.labels.tolist() == [0, 1]
    assert targets.crowd.tolist() == [False, True]
    assert targets.image_size == (30, 40)
    assert len(small_set().targets(2)) == 0


def test_joined_tables_keep_all_columns():
    first = small_set().table
    second = BoxTable.of(
        [2], [[0, 0, 9, 9]], [1], difficult=[True], ids=[70], visible=[[0, 0, 9, 4]]
    )
    both = BoxTable.joined([first, second])
    assert torch.equal(both[[0, 1, 2]].boxes, first.boxes)
    assert both.picture.tolist() == [1, 0, 1, 2]
    assert both.labels.tolist() == [0, 1, 1, 1]
    assert both.crowd.tolist() == [False, False, True, False]
    assert both.difficult.tolist() == [False, False, False, True]
    assert both.ids.tolist() == [1, 2, 3, 70]
    assert both.visible is not None
    assert both.visible.tolist() == [*first.boxes.tolist(), [0, 0, 9, 4]]
    assert BoxTable.joined([first, first]).visible is None


def test_class_ids_count_from_one_unless_given():
    assert small_set().class_ids == (1, 2)
    assert small_set(class_ids=(7, 3)).class_ids == (7, 3)


def test_every_box_but_crowds_is_an_example():
    assert [(e.name, e.box) for e in small_set().exemplars()] == [
        ("cup", (1, 2, 3, 4)),
        ("key", (5, 6, 7, 8)),
    ]


def test_a_subset_takes_boxes_and_polygons_along_in_its_own_order():
    polygons = tuple(((float(i),) * 6,) for i in range(3))
    part = small_set(outlines=polygons).subset([2, 1])
    assert [picture.id for picture in part.pictures] == [12, 11]
    assert part.table.picture.tolist() == [1, 1]
    assert part.table.boxes[:, 0].tolist() == [1, 9]
    assert part.outlines == (polygons[0], polygons[2])
    assert len(part.targets(0)) == 0


def test_a_picture_may_be_in_a_subset_twice_or_none_at_all():
    twice = small_set().subset([1, 1])
    assert [len(twice.targets(i)) for i in range(2)] == [2, 2]
    none = small_set().subset([])
    assert (len(none), len(none.table), none.class_names) == (0, 0, ("cup", "key"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"class_names": ("cup", "cup")}, "two classes have one name.*cup"),
        ({"class_ids": (1, 2, 3)}, "class_ids.*length 3.*length 2"),
        ({"outlines": ()}, "outlines.*length 0.*length 3"),
        ({"class_names": ("cup",)}, "labels.*0 to 1.*0 to 0"),
        ({"pictures": ()}, "picture.*point nowhere|point nowhere.*picture"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, says):
    with pytest.raises(DataError, match=says):
        small_set(**changes)


def test_a_box_table_needs_four_columns():
    nothing = torch.zeros(1)
    with pytest.raises(DataError, match=r"\[1, 5\].*\[N, 4\]"):
        BoxTable(nothing, torch.zeros(1, 5), nothing, nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("size", "remedy"), [((30, 40), "without turning by EXIF"), ((41, 30), "Correct width")]
)
def test_a_picture_of_another_size_than_its_annotation_is_refused(size, remedy):
    picture = Picture(1, "a.png", 40, 30, Image.new("RGB", size))
    with pytest.raises(DataError, match=f"a.png.*got {size[0]} x {size[1]}.*40 x 30.*{remedy}"):
        picture.read()
