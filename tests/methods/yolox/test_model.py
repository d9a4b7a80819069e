import math
from dataclasses import replace
from typing import get_args

import pytest
import torch

from handful.data.transforms import Sample
from handful.errors import ConfigError
from handful.methods.yolox.config import Size, YOLOXConfig
from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.model import YOLOX
from handful.structures import Targets

NANO = YOLOXConfig(("cat", "dog"), "nano", input_size=(64, 64))
MILLIONS = {"nano": 0.91, "tiny": 5.06, "s": 8.97, "m": 25.33, "l": 54.21, "x": 99.07}
SIDE = 128


def network(config=NANO, seed=0):
    torch.manual_seed(seed)
    return YOLOX(config)


def empty(config):
    with torch.device("meta"):
        return YOLOX(config).eval()


def pictures(count=1, height=64, width=96):
    torch.manual_seed(1)
    return 255 * torch.rand(count, 3, height, width), torch.tensor([[height, width]] * count)


@pytest.mark.parametrize("size", get_args(Size))
def test_parameters_are_as_many_as_published(size):
    parameters = empty(YOLOXConfig(tuple(map(str, range(80))), size)).parameters()
    assert sum(one.numel() for one in parameters) / 1e6 == pytest.approx(MILLIONS[size], abs=0.006)


@pytest.mark.parametrize("size", get_args(Size))
def test_every_size_looks_at_a_small_picture(size):
    model = network(replace(NANO, size=size)) if size in ("nano", "tiny") else None
    images, sizes = pictures(1, SIDE, SIDE)
    # The shapes of the large ones follow without computing their numbers.
    device = "cpu" if model is not None else "meta"
    chosen = (model or empty(replace(NANO, size=size))).eval()
    with torch.no_grad():
        outputs = chosen(images.to(device), sizes)
    count = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
    assert outputs.class_logits.shape == (1, count, 2)
    assert outputs.box_values.shape == (1, count, 4)
    assert outputs.objectness.shape == (1, count)
    assert outputs.cells.shape == (count, 2)


@pytest.mark.integration
@pytest.mark.parametrize("size", get_args(Size))
def test_every_size_gives_finite_numbers(size):
    model = network(replace(NANO, size=size)).eval()
    images, sizes = pictures(1, SIDE, SIDE)
    with torch.inference_mode():
        outputs = model(images, sizes)
    assert all(one.isfinite().all() for one in outputs)


@pytest.mark.parametrize(("flavour", "random"), [("megvii", True), ("mmdet", False)])
def test_first_guesses(flavour, random):
    head = network(replace(NANO, flavour=flavour)).head
    start = -math.log(99)
    for layer in (*head.classes, *head.objectness):
        torch.testing.assert_close(layer.bias, torch.full_like(layer.bias, start))
    assert any(layer.bias.any() for layer in head.boxes) == random


def test_a_network_needs_classes():
    with pytest.raises(ConfigError, match="class_names"):
        YOLOX(YOLOXConfig())


def test_frozen_norms_stay_while_the_rest_learns():
    model = network(replace(NANO, norm="frozen")).train()
    norms = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    before = [one.running_mean.clone() for one in norms]
    images, sizes = pictures()
    outputs = model(images, sizes)
    outputs.objectness.sum().backward()
    assert all(torch.equal(a, b.running_mean) for a, b in zip(before, norms, strict=True))
    assert not any(one.weight.requires_grad or one.training for one in norms)
    assert model.backbone.stem.block.convolution.weight.grad is not None


@pytest.mark.parametrize("closing", [False, True])
def test_losses_add_up(closing):
    model = network().train()
    images, sizes = pictures(2)
    targets = [
        Targets.of(torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([1]), (64, 96)),
        Targets.of(torch.zeros(0, 4), torch.zeros(0), (64, 96)),
    ]
    losses = model.loss(model(images, sizes), targets, closing=closing)
    assert ("l1" in losses) == closing
    parts = sum(value for name, value in losses.items() if name != "total")
    torch.testing.assert_close(losses["total"], parts)
    losses["total"].backward()
    learning = (one.grad for one in model.parameters() if one.grad is not None)
    assert all(gradient.isfinite().all() for gradient in learning)


def test_saved_numbers_give_the_same_answers():
    first, second = network(seed=0).eval(), network(seed=1).eval()
    second.load_state_dict(first.state_dict())
    images, sizes = pictures()
    with torch.inference_mode():
        pairs = zip(first(images, sizes), second(images, sizes), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_batch_is_its_pictures_one_by_one():
    model = network(replace(NANO, score_threshold=0.0)).eval()
    images, sizes = pictures(2)
    with torch.inference_mode():
        together = model.detect(model(images, sizes), sizes)
        alone = model.detect(model(images[1:], sizes[1:]), sizes[1:])
    assert together.counts[1] == alone.counts[0]
    torch.testing.assert_close(together.scores[1], alone.scores[0])


def test_bfloat16_is_finite():
    model = network().eval()
    images, sizes = pictures()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        outputs = model(images, sizes)
        found = model.detect(outputs, sizes)
    assert found.boxes.isfinite().all() and found.scores.dtype == torch.float32


@pytest.mark.parametrize(
    ("flavour", "size", "batch"),
    [("megvii", (32, 64), (64, 64)), ("mmdet", (32, 64), (64, 64))],
)
def test_pictures_are_fitted_and_padded_with_grey(flavour, size, batch):
    model = empty(replace(NANO, flavour=flavour))
    picture = torch.zeros(3, 100, 200, dtype=torch.uint8)
    picture[0] = 200
    known = Targets.of(torch.zeros(0, 4), torch.zeros(0), (100, 200))
    sample = model.test_resize()(Sample(picture, known, original=(100, 200)), None)
    prepared = model.input_rule().collate([sample])
    assert tuple(prepared.sizes[0].tolist()) == size
    assert prepared.images.shape[-2:] == batch
    assert prepared.images[0, :, 0, 0].tolist() == [0, 0, 200]
    assert prepared.images[0, :, -1, -1].tolist() == [114] * 3


class Detecting(torch.nn.Module):
    """What a graph does after the network."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *outputs):
        return tuple(self.model.detect(DenseOutputs(*outputs), torch.zeros(0)))


@pytest.mark.integration
@pytest.mark.parametrize("kept", [0, 1])
def test_detecting_is_one_graph_for_any_number_of_pictures_and_cells(kept):
    model = network(replace(NANO, score_threshold=0.0, kept_classes=kept)).eval()
    with torch.no_grad():
        known, others = (model(*pictures(*shape)) for shape in ((2, 64, 96), (3, 96, 32)))
        batch, cells = torch.export.Dim("batch", min=1), torch.export.Dim("cells", min=2)
        table = {0: batch, 1: cells}
        shapes = ((table, table, table, {0: cells}, {0: cells}),)
        program = torch.export.export(Detecting(model), tuple(known), dynamic_shapes=shapes)
        ours, theirs = model.detect(others, torch.zeros(0)), program.module()(*others)
    assert ours.counts.tolist() == theirs[3].tolist()
    torch.testing.assert_close(ours.scores, theirs[1])
    torch.testing.assert_close(ours.boxes, theirs[0], atol=1e-3, rtol=0)
