from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from drawn_set import drawn_set
from exported_detector import nano_card, small_card, write_query
from tiny_detector import scene

from handful.data.dataset import Picture
from handful.data.formats import read_dataset
from handful.data.loader import prepared
from handful.data.transforms import fitted_size
from handful.errors import ConfigError, DataError
from handful.export.prepare import plan, prepare

CARD = small_card(48, 96)


def scene_set(*sizes: tuple[int, int]):
    dataset = drawn_set([(index, 0) for index in range(len(sizes))])
    pictures = [
        Picture(3 * index, f"{index}.png", *size, lambda size=size: scene((1, 5, 5), size=size))
        for index, size in enumerate(sizes)
    ]
    return replace(dataset, pictures=tuple(pictures))


def test_arrays_are_what_the_detector_would_be_shown(tmp_path):
    dataset = scene_set((100, 80), (90, 120))
    manifest = prepare(dataset, CARD, tmp_path / "out")
    for picture, entry in zip(dataset.pictures, manifest.pictures, strict=True):
        batch = prepared(picture, CARD.resize, CARD.pixels)
        array = numpy.load(tmp_path / "out" / entry.file)
        height, width = batch.sizes[0].tolist()
        shown = batch.images[0, :, :height, :width]
        torch.testing.assert_close(torch.from_numpy(array), shown, rtol=0, atol=0)
        assert [list(entry.size)] == batch.sizes.tolist()
        assert entry.original == batch.originals[0]
    assert [entry.file for entry in manifest.pictures] == ["inputs/0.npy", "inputs/3.npy"]
    assert manifest.pictures[1].scale == (64 / 120, 48 / 90)


def test_pictures_of_a_letterbox_are_what_the_detector_would_be_shown(tmp_path):
    card, dataset = nano_card(), scene_set((100, 80), (90, 120))
    manifest = prepare(dataset, card, tmp_path)
    assert [entry.size for entry in manifest.pictures] == [(51, 64), (64, 48)]
    for picture, entry in zip(dataset.pictures, manifest.pictures, strict=True):
        batch = prepared(picture, card.resize, card.pixels)
        height, width = entry.size
        array = torch.from_numpy(numpy.load(tmp_path / entry.file))
        assert torch.equal(array, batch.images[0, :, :height, :width])


def test_a_canvas_is_filled_as_the_network_wants_it(tmp_path):
    card = nano_card()
    manifest = prepare(scene_set((100, 50)), card, tmp_path, canvas=(64, 96))
    array = numpy.load(tmp_path / manifest.pictures[0].file)
    assert (array[:, 48:] == 114).all() and (array[:, :48] != 114).any()


def test_a_canvas_is_zero_where_there_is_no_picture(tmp_path):
    manifest = prepare(scene_set((100, 50)), CARD, tmp_path, canvas=(64, 96))
    array = numpy.load(tmp_path / manifest.pictures[0].file)
    assert array.shape == (3, 64, 96) and manifest.pictures[0].size == (48, 96)
    assert (array[:, 48:] == 0).all() and (array[:, :48] != 0).mean() > 0.9


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 640), (768, 1024)),
        ((640, 480), (768, 576)),
        ((100, 1000), (128, 1280)),
        ((1, 3000), (1, 1280)),
        ((768, 1280), (768, 1280)),
    ],
)
def test_a_picture_fills_its_canvas_and_keeps_its_shape(size, expected):
    assert fitted_size(size, (768, 1280)) == expected


def test_what_is_there_is_not_made_again(tmp_path):
    dataset = scene_set((100, 80), (90, 120))
    prepare(dataset, CARD, tmp_path)
    (tmp_path / "inputs" / "3.npy").unlink()
    first = (tmp_path / "inputs" / "0.npy").stat().st_mtime_ns
    prepare(dataset, CARD, tmp_path)
    assert (tmp_path / "inputs" / "3.npy").is_file()
    assert (tmp_path / "inputs" / "0.npy").stat().st_mtime_ns == first
    with pytest.raises(DataError, match="not empty"):
        prepare(dataset, CARD, tmp_path, canvas=(64, 64))


def test_two_pictures_of_one_id_are_refused():
    dataset = scene_set((100, 80), (90, 120))
    same = replace(dataset, pictures=tuple(replace(one, id=4) for one in dataset.pictures))
    with pytest.raises(DataError, match="id 4"):
        plan(same, CARD)


def test_a_canvas_without_extent_is_refused():
    with pytest.raises(ConfigError, match="canvas"):
        plan(scene_set((9, 9)), CARD, canvas=(0, 5))


def test_a_set_on_disk_is_prepared_by_its_ids(tmp_path):
    dataset = read_dataset(write_query(tmp_path / "data"))
    prepare(dataset, CARD, tmp_path / "out")
    names = sorted(file.name for file in (tmp_path / "out" / "inputs").iterdir())
    assert names == ["14.npy", "21.npy", "28.npy", "7.npy"]
