"""VOC folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from handful.data.formats import detect_format, read_dataset, write_dataset
from handful.errors import DataError

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<part><name>lid</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
<bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>
</object>"""


def annotation(*objects: str, name="a.jpg", size="<width>40</width><height>30</height>") -> str:
    inner = "".join(objects)
    return f"<annotation><filename>{name}</filename><size>{size}</size>{inner}</annotation>"


def thing(name="cup", difficult=0, box=(1, 1, 40, 30)) -> str:
    return OBJECT.format(name=name, difficult=difficult, box=box)


def save(folder: Path, text: str, stem: str = "a") -> Path:
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30)).save(folder / "JPEGImages" / f"{stem}.jpg")
    (folder / "Annotations" / f"{stem}.xml").write_text(text)
    return folder


def test_corners_are_counted_from_one_and_the_last_pixel_is_inside(tmp_path):
    save(tmp_path, annotation(thing(), thing("ape", 1, (5, 6, 5, 7))))
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == "voc"
    assert dataset.table.boxes.tolist() == [[0, 0, 40, 30], [4, 5, 5, 7]]
    assert dataset.class_names == ("ape", "cup")
    assert dataset.table.labels.tolist() == [1, 0]
    assert dataset.table.difficult.tolist() == [False, True]


def test_pictures_without_objects_and_sizes_of_zero_are_read(tmp_path):
    save(tmp_path, annotation(size="<width>0</width><height>0</height>"))
    dataset = read_dataset(tmp_path)
    assert (len(dataset), len(dataset.table), dataset.pictures[0].width) == (1, 0, 40)


def test_xml_files_may_lie_beside_their_pictures_under_a_new_name(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "new.png")
    (tmp_path / "new.xml").write_text(annotation(thing(), name=r"C:\old\name.jpg"))
    assert read_dataset(tmp_path).pictures[0].path == tmp_path / "new.png"


def test_a_list_in_imagesets_names_a_part(tmp_path):
    for stem in ("a", "b"):
        save(tmp_path, annotation(thing(), name=f"{stem}.jpg"), stem)
    listing = tmp_path / "ImageSets" / "Main" / "train.txt"
    listing.write_text("b 1\n")
    assert detect_format(listing) == "voc"
    assert [p.file_name for p in read_dataset(listing).pictures] == ["b.jpg"]
    listing.write_text("c\n")
    with pytest.raises(DataError, match=r"annotation not found.*c\.xml"):
        read_dataset(listing)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<annotation>", "not valid XML"),
        ("<annotation", "not valid XML"),
        (annotation(thing(name="")), "object 1 lacks a field.*'name'"),
        (annotation(thing().replace("bndbox", "box")), "object 1 lacks.*'bndbox/xmin'"),
        (annotation(thing(box=(1, "x", 3, 4))), "object 1.*'bndbox/ymin'.*'x'"),
        (annotation(thing(), thing(box=(5, 5, 4, 9))), r"object 2 \(cup\) has a box of no area"),
        (annotation(thing(box=(5, 5, 90, 9))), "object 1.*outside its picture.*40 x 30"),
        (annotation(thing(box=(5, 5, "nan", 9))), "object 1.*not a number"),
        (annotation(size="<width>40</width>"), "lacks a field.*'size/height'"),
    ],
)
def test_bad_annotations_are_refused_by_name(tmp_path, text, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, text), format="voc")
    assert "a.xml" in str(caught.value)


def test_a_missing_picture_is_named(tmp_path):
    save(tmp_path, annotation(thing()))
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.xml.*got a\.jpg.*--images"):
        read_dataset(tmp_path)
    assert len(read_dataset(tmp_path, require_pictures=False)) == 1


def test_whole_numbers_stay_whole_when_written(tmp_path):
    dataset = read_dataset(save(tmp_path / "in", annotation(thing(box=(3, 4, 9, 20)))))
    write_dataset(dataset, tmp_path / "out", format="voc")
    text = (tmp_path / "out" / "Annotations" / "a.xml").read_text()
    assert "<xmin>3</xmin>" in text
    assert "<ymax>20</ymax>" in text
    copied = (tmp_path / "out" / "JPEGImages" / "a.jpg").read_bytes()
    assert copied == (tmp_path / "in" / "JPEGImages" / "a.jpg").read_bytes()
    assert (tmp_path / "out" / "ImageSets" / "Main" / "all.txt").read_text() == "a\n"


def test_an_empty_folder_of_annotations_is_refused(tmp_path):
    with pytest.raises(DataError, match="no annotations"):
        read_dataset(tmp_path, format="voc")
