"""Few-shot sets as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from drawn_set import SIDE, drawn_set
from PIL import Image

from handful.data.fewshot import data_fewshot
from handful.data.formats import read_dataset, write_dataset
from handful.data.splits import dataset_from_manifest, read_manifest, sample_shots
from handful.errors import ConfigError, DataError
from handful.files import read_json

ROWS = [(n % 8, n % 3) for n in range(48)]


@pytest.fixture
def source(tmp_path) -> Path:
    """Return a COCO file whose pictures lie beside it."""
    write_dataset(drawn_set(ROWS), tmp_path / "data" / "train.json", format="coco")
    return tmp_path / "data" / "train.json"


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "deep" / "shots"


def test_every_set_is_written_with_its_manifest(source, out):
    written = data_fewshot(source, out, shots=(1, 5), seeds=3)
    assert read_json(out / "index.json") == as_json(written)
    names = {f"shots{count}-seed{seed}" for count in (1, 5) for seed in range(3)}
    assert {entry.name for entry in out.iterdir()} == names | {"index.json"}
    dataset = read_dataset(source)
    for entry in written.sets:
        support = read_dataset(out / entry.folder / "support.json")
        manifest = read_manifest(out / entry.folder / "manifest.json")
        expected = dataset_from_manifest(dataset, manifest)
        assert (manifest.shots, manifest.seed) == (entry.shots, entry.seed)
        assert manifest == sample_shots(dataset, (entry.shots,), seed=entry.seed)[entry.shots]
        assert support.class_names == ("cup", "key", "pen")
        assert support.class_ids == (3, 5, 8)
        assert len(support.table) == entry.boxes == 3 * entry.shots
        assert torch.equal(support.table.ids, expected.table.ids)
        assert torch.allclose(support.table.boxes, expected.table.boxes)
        assert support.pictures[0].read().size == (SIDE, SIDE)


def as_json(written) -> dict:
    value = written.to_json()
    for name in ("class_names", "novel", "sets"):
        value[name] = list(value[name])
    return value


def test_pictures_stay_where_they_are(source, out):
    data_fewshot(source, out, shots=(1,))
    assert not list(out.rglob("*.png"))


@pytest.mark.parametrize(
    ("setting", "classes"), [(None, ("key", "pen")), ("gfsod", ("cup", "key", "pen"))]
)
def test_settings_say_whose_boxes_are_drawn(source, out, setting, classes):
    written = data_fewshot(source, out, shots=(2,), novel=("pen", "key"), setting=setting)
    assert written.class_names == classes
    assert written.novel == ("key", "pen")
    assert written.setting == (setting or "fsod")
    manifest = read_manifest(out / "shots2-seed0" / "manifest.json")
    assert (manifest.class_names, manifest.novel) == (classes, ("key", "pen"))
    assert read_dataset(out / "shots2-seed0").class_names == classes


def test_a_published_division_can_be_named(tmp_path, out):
    names = ("bird", "bus", "cow", "motorbike", "sofa", "car")
    table = drawn_set([(n, n) for n in range(3)]).table
    dataset = drawn_set([])
    dataset = type(dataset)("voc", drawn_set(ROWS).pictures, table, names)
    written = data_fewshot(dataset, out, shots=(1,), novel=["voc1"], allow_fewer=True)
    assert written.class_names == names[:5]
    assert written.sets[0].fewer == {"motorbike": 0, "sofa": 0}


def test_too_few_boxes_leave_nothing_behind(source, out):
    with pytest.raises(DataError, match="class 'cup' has fewer boxes.*got 16.*--allow-fewer"):
        data_fewshot(source, out, shots=(1, 17))
    assert not out.exists()
    written = data_fewshot(source, out, shots=(1, 17), allow_fewer=True)
    assert written.sets[1].fewer == {"cup": 16, "key": 16, "pen": 16}


def test_nothing_is_ever_mixed(source, out):
    data_fewshot(source, out, shots=(1, 2))
    with pytest.raises(DataError, match="--overwrite"):
        data_fewshot(source, out, shots=(1,))
    before = read_json(out / "shots1-seed0" / "support.json")
    data_fewshot(source, out, shots=(1,), overwrite=True)
    assert {entry.name for entry in out.iterdir()} == {"shots1-seed0", "index.json"}
    assert read_json(out / "shots1-seed0" / "support.json") == before
    assert read_dataset(out / "shots1-seed0").pictures[0].path.is_file()
    assert [entry.name for entry in out.parent.iterdir()] == ["shots"]


@pytest.mark.parametrize("stray", ["mine.txt", "index.json"])
def test_a_folder_of_others_is_not_overwritten(source, out, stray):
    if stray != "index.json":
        data_fewshot(source, out, shots=(1,))
    out.mkdir(parents=True, exist_ok=True)
    (out / stray).write_text("{}", "utf-8")
    with pytest.raises(DataError, match="holds other things"):
        data_fewshot(source, out, shots=(1,), overwrite=True)
    assert (out / stray).read_text("utf-8") == "{}"


def test_a_failure_keeps_the_old_sets(source, out, monkeypatch):
    data_fewshot(source, out, shots=(1,))
    before = sorted(out.rglob("*"))

    def full_disk(*args, **kwargs):
        raise DataError("cannot write the output", got="no space left")

    monkeypatch.setattr("handful.data.fewshot.write_dataset", full_disk)
    with pytest.raises(DataError, match="no space left"):
        data_fewshot(source, out, shots=(2,), overwrite=True)
    assert sorted(out.rglob("*")) == before
    assert [entry.name for entry in out.parent.iterdir()] == ["shots"]


def test_pictures_in_the_destination_are_never_lost(source, out):
    data_fewshot(drawn_set(ROWS), out, shots=(1,))
    support = out / "shots1-seed0" / "support.json"
    assert read_dataset(support).pictures[0].path.is_relative_to(out)
    with pytest.raises(DataError, match="lies in the destination"):
        data_fewshot(support, out, shots=(1,), overwrite=True)
    assert Image.open(read_dataset(support).pictures[0].path).size == (SIDE, SIDE)


def test_whole_pictures_are_written_like_boxes(source, out):
    written = data_fewshot(source, out, pictures=(2, 4), seeds=2)
    names = [f"pictures{count}-seed{seed}" for seed in (0, 1) for count in (2, 4)]
    assert [entry.folder for entry in written.sets] == names
    assert [entry.pictures for entry in written.sets] == [2, 4, 2, 4]
    assert read_json(out / "index.json")["unit"] == written.unit == "pictures"
    support = read_dataset(out / names[1] / "support.json")
    manifest = read_manifest(out / names[1] / "manifest.json")
    expected = dataset_from_manifest(read_dataset(source), manifest)
    assert torch.equal(support.table.ids, expected.table.ids)
    assert manifest.unit == "pictures"
    assert len(support.table) == 24


def test_classes_on_none_of_the_pictures_are_told(tmp_path, out):
    dataset = drawn_set([(0, 0), (1, 1), (2, 2)])
    assert set(data_fewshot(dataset, out, pictures=(2,)).sets[0].fewer.values()) == {0}


def test_given_pictures_are_taken_as_they_are(source, out):
    names = [picture.file_name for picture in read_dataset(source).pictures[:2]]
    written = data_fewshot(source, out, files=names)
    assert written.repetition == "same_boxes"
    assert [entry.folder for entry in written.sets] == ["pictures2-given"]
    support = read_dataset(out / "pictures2-given" / "support.json")
    assert [Path(picture.file_name).name for picture in support.pictures] == [
        Path(name).name for name in names
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seeds": 0}, "no seed to draw"),
        ({"setting": "fsod"}, "needs novel classes"),
        ({"novel": ["pens"]}, "Did you mean 'pen'"),
        ({"novel": ["pen"], "setting": "both"}, "fsod or gfsod"),
        ({"shots": ()}, "K must be 1 or more"),
        ({"shots": (5,), "pictures": (8,)}, "exclude each other.*got shots and pictures"),
        ({"pictures": (8,), "files": ("0.png",)}, "exclude each other"),
        ({"files": ("0.png",), "seeds": 2}, "named pictures are not drawn"),
    ],
)
def test_options_that_make_no_sense_are_refused(source, out, options, words):
    with pytest.raises(ConfigError, match=words):
        data_fewshot(source, out, **options)
    assert not out.exists()
