import numpy
import torch
from PIL import Image

from handful.data.transforms import Chain, HorizontalFlip, Sample, ShortSide, usable_targets
from handful.data.transforms.sample import image_tensor, pil_image
from handful.structures import Targets


def test_picture_and_tensor_are_the_same_pixels():
    pixels = numpy.arange(2 * 5 * 3, dtype=numpy.uint8).reshape(2, 5, 3)
    tensor = image_tensor(Image.fromarray(pixels))
    assert tensor.shape == (3, 2, 5)
    assert numpy.array_equal(tensor.permute(1, 2, 0).numpy(), pixels)
    assert numpy.array_equal(numpy.array(pil_image(tensor[:, :, 1:4])), pixels[:, 1:4])


def test_usable_targets_are_clipped_plain_and_have_an_area():
    boxes = torch.tensor(
        [
            [-5.0, 2, 8, 9],
            [3, 3, 3, 8],
            [30, 3, 40, 8],
            [1, 1, 9, 9],
            [2, 2, 9, 9],
            [0, 0, torch.nan, 9],
        ]
    )
    targets = Targets(
        boxes=boxes,
        labels=torch.arange(6),
        crowd=torch.tensor([False, False, False, True, False, False]),
        difficult=torch.tensor([False, False, False, False, True, False]),
        image_size=(10, 20),
    )
    usable = usable_targets(targets)
    assert usable.labels.tolist() == [0, 4]
    assert usable.boxes.tolist() == [[0, 2, 8, 9], [2, 2, 9, 9]]
    assert usable.difficult.tolist() == [False, True]


def test_chain_runs_in_order():
    sample = Sample.of(
        Image.new("RGB", (20, 10)),
        Targets.of(torch.tensor([[0.0, 0, 4, 2]]), torch.ones(1), (10, 20)),
    )
    chain = Chain((ShortSide((20,)), HorizontalFlip(1.0)))
    assert chain(sample, numpy.random.default_rng(0)).targets.boxes.tolist() == [[32, 0, 40, 4]]
