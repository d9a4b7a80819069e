"""RepMet's episodes and ILSVRC's parts on a tiny copy of their layout."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy
import pytest
from PIL import Image

from handful.data.formats import read_dataset, read_named
from handful.data.formats.imagenet_repmet import held_out_synsets, thinned
from handful.errors import DataError

PREFIX = "/some/old/machine/imagenet/ILSVRC/"
VAL = "Data/CLS-LOC/val/{}.JPEG"
TRAIN = "Data/CLS-LOC/train/{}.JPEG"


def picture(folder: Path, name: str) -> None:
    path = folder / "ILSVRC" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(path)


def entry(name: str, boxes: list, classes: list) -> dict:
    return {
        "image": PREFIX + name,
        "boxes": numpy.array(boxes, dtype=numpy.uint16),
        "gt_classes": numpy.array(classes, dtype=numpy.int32),
        "flipped": False,
    }


def training(class_id: int, name: str, box: list) -> list:
    return [class_id, class_id * 10, PREFIX + name, numpy.array(box)]


def save_episodes(root: Path, roidb: object = None, **changes) -> Path:
    folder = root / "ImageNet-RepMet"
    lists = folder / "RepMet" / "data"
    lists.mkdir(parents=True)
    names = [VAL.format(stem) for stem in ("a", "b")] + [TRAIN.format("n1/c")]
    for name in names:
        picture(folder, name)
    if roidb is None:
        roidb = {
            "roidb": [
                entry(names[0], [[0, 0, 10, 10], [5, 5, 45, 19]], [12, 99]),
                entry(names[1], [[3, 4, 50, 20]], [30]),
            ]
        }
    episode = {
        "epi_cats": [30, 12],
        "epi_cats_names": ["owl", "cup"],
        "query_images": [PREFIX + name for name in names[:2]],
        "train_boxes": [
            training(12, names[2], [1, 2, 3, 4]),
            training(12, names[0], [9, 9, 12, 12]),
            training(30, names[2], [5, 6, 17, 18]),
        ],
    } | changes
    with (lists / "voc_inloc_roidb.pkl").open("wb") as stream:
        pickle.dump(roidb, stream, 2)
    with (lists / "epi_inloc_in_domain_1_5_10_500.pkl").open("wb") as stream:
        pickle.dump([{}, episode], stream, 2)
    return folder


def roidb_layouts(names: list[str]) -> list[object]:
    entries = [
        entry(names[0], [[0, 0, 10, 10], [5, 5, 45, 19]], [12, 99]),
        entry(names[1], [[3, 4, 50, 20]], [30]),
    ]
    return [entries, {"roidb": entries}, {e["image"]: e for e in entries}]


@pytest.mark.parametrize("layout", range(3))
def test_an_episode_has_its_queries_its_classes_and_their_first_training_boxes(tmp_path, layout):
    roidb = roidb_layouts([VAL.format("a"), VAL.format("b")])[layout]
    save_episodes(tmp_path, roidb)
    name = "imagenet-repmet-test-episode-1"
    dataset = read_named(name, tmp_path)
    assert dataset.name == name
    assert (dataset.class_names, dataset.class_ids) == (("owl", "cup"), (30, 12))
    assert [p.file_name for p in dataset.pictures] == [VAL.format("a"), VAL.format("b")]
    assert dataset.table.boxes.tolist() == [[0, 0, 10, 10], [3, 4, 40, 20]]
    assert dataset.table.labels.tolist() == [1, 0]
    assert [(e.name, e.box) for e in dataset.examples] == [
        ("owl", (5, 6, 17, 18)),
        ("cup", (1, 2, 3, 4)),
    ]
    assert all(len(read_dataset(tmp_path, format=name)[index][1]) for index in range(2))


class Hostile:
    """Runs a command where pickle is trusted."""

    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    ("number", "roidb", "changes", "says"),
    [
        (2, None, {}, "no such episode.*got 2.*0 to 1"),
        (0, None, {}, "episode 0 lacks a field.*'epi_cats'"),
        (1, [], {}, "episode 1 has a picture without boxes.*a.JPEG"),
        (1, [{"image": 1}], {}, "not RepMet's list of boxes.*image, boxes and gt_classes"),
        (1, Hostile(), {}, "wants to run code"),
        (1, None, {"train_boxes": []}, "no training box.*owl, cup"),
        (1, None, {"train_boxes": [[1, 2]]}, "training box of the episode cannot be read"),
    ],
)
def test_bad_lists_are_refused(tmp_path, monkeypatch, number, roidb, changes, says):
    monkeypatch.chdir(tmp_path)
    save_episodes(tmp_path, roidb, **changes)
    with pytest.raises(DataError, match=says):
        read_named(f"imagenet-repmet-test-episode-{number}", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_missing_lists_are_named(tmp_path):
    (tmp_path / "ImageNet-RepMet").mkdir()
    with pytest.raises(DataError, match="epi_inloc_in_domain_1_5_10_500.pkl"):
        read_named("imagenet-repmet-test-episode-1", tmp_path)


def annotation(folder: Path, part: str, stem: str, *objects: tuple[str, tuple]) -> None:
    file = folder / "ILSVRC" / "Annotations" / "CLS-LOC" / part / f"{stem}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    corners = ("xmin", "ymin", "xmax", "ymax")
    inner = ""
    for synset, box in objects:
        sides = "".join(f"<{c}>{v}</{c}>" for c, v in zip(corners, box, strict=True))
        inner += f"<object><name>{synset}</name><bndbox>{sides}</bndbox></object>"
    size = "<size><width>40</width><height>20</height></size>"
    file.write_text(f"<annotation>{size}{inner}</annotation>")


def test_held_out_synsets_are_214():
    synsets = held_out_synsets()
    assert len(set(synsets)) == len(synsets) == 214
    assert synsets[0] == "n01440764"


def test_train_skips_folders_and_boxes_of_held_out_synsets(tmp_path):
    folder = tmp_path / "ImageNet-RepMet"
    banned = held_out_synsets()[0]
    annotation(folder, "train", "n00000009/b", ("n00000009", (0, 0, 10, 10)))
    annotation(
        folder,
        "train",
        "n00000008/a",
        ("n00000008", (1, 2, 3, 4)),
        (banned, (1, 2, 3, 4)),
        ("n00000008", (5, 5, 5, 9)),
    )
    annotation(folder, "train", f"{banned}/c", ("n00000009", (0, 0, 10, 10)))
    dataset = read_named("imagenet-repmet-train", tmp_path)
    assert [p.file_name for p in dataset.pictures] == [
        "Data/CLS-LOC/train/n00000008/a.JPEG",
        "Data/CLS-LOC/train/n00000009/b.JPEG",
    ]
    assert dataset.class_ids == (8, 9)
    assert dataset.class_names == ("n00000008", "n00000009")
    assert dataset.table.boxes.tolist() == [[1, 2, 3, 4], [0, 0, 10, 10]]
    assert dataset.examples == ()


def test_val_drops_held_out_boxes(tmp_path):
    folder = tmp_path / "ImageNet-RepMet"
    banned = held_out_synsets()[3]
    annotation(folder, "val", "b", ("n00000009", (0, 0, 50, 10)))
    annotation(folder, "val", "a", (banned, (0, 0, 5, 5)))
    dataset = read_named("imagenet-repmet-val-5000", tmp_path)
    assert [p.file_name for p in dataset.pictures] == ["Data/CLS-LOC/val/b.JPEG"]
    assert dataset.table.boxes.tolist() == [[0, 0, 40, 10]]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(3, [0, 1, 2]), (9, [0, 2, 4, 6]), (7, [0, 1, 2, 3]), (13, [0, 3, 6, 9])],
)
def test_thinning_takes_every_so_many_th_then_the_first(length, expected):
    assert thinned(range(length), 4) == expected


def test_missing_annotations_are_refused(tmp_path):
    (tmp_path / "ImageNet-RepMet").mkdir()
    with pytest.raises(DataError, match="no annotations of ImageNet"):
        read_named("imagenet-repmet-train", tmp_path)
