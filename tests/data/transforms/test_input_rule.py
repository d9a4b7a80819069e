import pytest
import torch

from handful.data.transforms import InputRule, Sample
from handful.errors import DataError
from handful.structures import Targets


def sample_of(size, *, value=(10, 20, 30), picture=0):
    image = torch.tensor(value, dtype=torch.uint8)[:, None, None].expand(3, *size)
    targets = Targets.of(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([picture]), size)
    return Sample(image, targets, original=(7, 9), picture=picture)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (InputRule(), [10, 20, 30]),
        (InputRule("bgr"), [30, 20, 10]),
        (InputRule("bgr", mean=(1, 2, 3)), [29, 18, 7]),
        (InputRule("rgb", mean=(0, 10, 10), std=(2, 5, 10)), [5, 2, 2]),
    ],
    ids=["nothing", "bgr", "mean in the network's order", "std"],
)
def test_normalised(rule, expected):
    found = rule.normalised(sample_of((2, 3)).image)
    assert found.dtype == torch.float32
    assert found[:, 1, 2].tolist() == expected


def test_collate_pads_with_zeros_after_normalisation():
    rule = InputRule(mean=(5, 5, 5))
    batch = rule.collate([sample_of((4, 6), picture=3), sample_of((5, 2), picture=1)])
    assert batch.images.shape == (2, 3, 5, 6)
    assert batch.images[0, :, :4].unique().tolist() == [5, 15, 25]
    assert batch.images[0, :, 4:].abs().max() == 0
    assert batch.images[1, :, :, 2:].abs().max() == 0
    assert batch.sizes.tolist() == [[4, 6], [5, 2]]
    assert batch.sizes.dtype == torch.int64
    assert batch.pictures == (3, 1)
    assert batch.originals == ((7, 9), (7, 9))
    assert [one.image_size for one in batch.targets] == [(4, 6), (5, 2)]


def test_divisor_rounds_the_canvas_up():
    batch = InputRule(divisor=32).collate([sample_of((33, 64))])
    assert batch.images.shape == (1, 3, 64, 64)
    assert batch.sizes.tolist() == [[33, 64]]


def test_an_empty_batch_is_refused():
    with pytest.raises(DataError, match="without pictures"):
        InputRule().collate([])


@pytest.mark.parametrize(
    ("canvas", "divisor", "expected"),
    [
        (None, None, (4, 6)),
        ((8, 5), None, (8, 6)),
        ((8, 9), 4, (8, 12)),
        ("square", None, (6, 6)),
        ("square", 4, (8, 8)),
    ],
    ids=["as large as needed", "at least", "at least, in whole cells", "square", "square cells"],
)
def test_canvas(canvas, divisor, expected):
    batch = InputRule(canvas=canvas, divisor=divisor).collate([sample_of((4, 6))])
    assert batch.images.shape == (1, 3, *expected)
    assert batch.sizes.tolist() == [[4, 6]]


def test_fill_is_a_grey_level_before_normalisation():
    rule = InputRule("bgr", mean=(4, 14, 24), std=(10, 5, 1), fill=114, canvas=(3, 2))
    images = rule.collate([sample_of((2, 2))]).images
    assert images[0, :, 2, 0].tolist() == [11, 20, 90]
    assert images[0, :, 1, 1].tolist() == pytest.approx([2.6, 1.2, -14])
