import pickle
from itertools import islice

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.loader import TrainingStream
from handful.data.partners import PicturePool
from handful.data.transforms import Chain, InputRule
from handful.data.transforms.affine import RandomAffine
from handful.data.transforms.copypaste import CopyPaste
from handful.data.transforms.mixup import MixUp
from handful.data.transforms.mosaic import Mosaic
from handful.errors import DataError

FRAME = (32, 48)
BOXES = [(4, 5, 18, 20), (2, 2, 9, 9), (1, 1, 6, 8)]


@pytest.fixture
def dataset(tmp_path):
    """Return five pictures; the first is empty, the last has a crowd region only."""
    pictures = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        Image.new("RGB", (30, 24), (50 * index, 80, 160)).save(path)
        pictures.append(Picture(index + 1, path.name, 30, 24, path))
    table = BoxTable.of(
        [3, 1, 2, 4], [*BOXES, BOXES[0]], [0, 1, 0, 1], crowd=[False, False, False, True]
    )
    polygons = (((4.0, 5.0, 18.0, 5.0, 4.0, 20.0),), (), (), ())
    return Dataset("drawn", tuple(pictures), table, ("a", "b"), outlines=polygons)


def test_a_pool_holds_what_can_be_learnt_from(dataset):
    pool = PicturePool(dataset)
    assert [pool[index].picture for index in range(len(pool))] == [1, 2, 3]
    assert pool[2].targets.boxes.tolist() == [[4, 5, 18, 20]]
    assert [pool[index].targets.rows.tolist() for index in range(3)] == [[1], [2], [0]]


def test_a_pool_may_keep_empty_pictures(dataset):
    pool = PicturePool(dataset, keep_empty=True)
    assert [len(pool[index].targets) for index in range(len(pool))] == [0, 1, 1, 1, 0]


def test_a_pool_of_nothing_is_refused(dataset):
    with pytest.raises(DataError, match="no picture to combine"):
        PicturePool(dataset.subset([0, 4]))


def test_a_pool_can_be_sent(dataset):
    sent = pickle.loads(pickle.dumps(PicturePool(dataset)))  # noqa: S301 - made here
    assert torch.equal(sent[1].image, PicturePool(dataset)[1].image)


@pytest.mark.integration
def test_combined_pictures_are_the_same_whoever_reads_them(dataset):
    pool = PicturePool(dataset)
    pasting = CopyPaste(FRAME, pool, outlines=dataset.outlines, partner_outlines=dataset.outlines)
    chain = Chain((pasting, Mosaic(FRAME, pool), RandomAffine(FRAME), MixUp(FRAME, pool)))

    def batches(workers):
        rule = InputRule("bgr", fill=114, canvas=FRAME)
        stream = TrainingStream(dataset, chain, rule, batch=2, seed=5, workers=workers)
        return list(islice(stream.batches(), 4))

    for ours, theirs in zip(batches(0), batches(2), strict=True):
        assert ours.images.shape == (2, 3, *FRAME)
        assert torch.equal(ours.images, theirs.images)
        for one, other in zip(ours.targets, theirs.targets, strict=True):
            assert torch.equal(one.boxes, other.boxes)
            assert one.rows is None and other.rows is None
