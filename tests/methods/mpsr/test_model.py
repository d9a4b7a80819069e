from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from handful.data.transforms import Letterbox
from handful.errors import ConfigError
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.model import MPSR
from handful.structures import Batch, ObjectCrops, Targets
from handful.train.detection import DetectionTask

MICRO = replace(
    LITE_CONFIG,
    class_names=("cup", "pen", "key"),
    fpn_channels=8,
    dense_channels=16,
    objectness_channels=4,
    rpn_batch=32,
    proposals_before_nms=(30, 30),
    proposals_after_nms=(20, 20),
    roi_batch=16,
    max_detections=10,
    crops=((16, 0, 0, 0), (64, 2, 0, 1)),
)
SIZES = torch.tensor([[64, 96], [60, 80]])
CROP_ANCHORS = 2 * 3 * (2 * 2) * len(MICRO.crops)
"""Of two objects: three in each of four cells a scale."""


def network(**changes: object) -> MPSR:
    torch.manual_seed(0)
    return MPSR(replace(MICRO, **changes))


def pictures() -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def crops(*sides: int, count: int = 2) -> ObjectCrops:
    generator = torch.Generator().manual_seed(2)
    shown = tuple(torch.randn(count, 3, side, side, generator=generator) for side in sides)
    return ObjectCrops(shown, torch.arange(count))


def targets() -> list[Targets]:
    boxes = torch.tensor([[10.0, 10, 50, 40], [60, 20, 90, 60]])
    full = Targets.of(boxes, torch.tensor([0, 2]), (64, 96))
    return [full, Targets.of(torch.zeros(0, 4), torch.zeros(0), (60, 80))]


def losses(model: MPSR, shown: ObjectCrops | None) -> dict[str, Tensor]:
    return model.loss(model(pictures(), SIZES, shown), targets(), sampler=torch.arange)


def test_crops_add_two_losses_to_the_four() -> None:
    found = losses(network().train(), crops(16, 64))
    names = {"rpn_objectness", "rpn_boxes", "classes", "boxes"}
    assert found.keys() == names | {"crop_objectness", "crop_classes", "total"}
    parts = [value for name, value in found.items() if name != "total"]
    assert found["total"].item() == pytest.approx(sum(part.item() for part in parts))
    assert losses(network().train(), None).keys() == names | {"total"}


def test_the_branch_of_boxes_sees_objects_alone_and_learns_the_same() -> None:
    learnt, seen = [], []
    for every_row in (False, True):
        model = network().train()
        if every_row:
            model.sample_outputs = lambda features, samples, model=model: model.head_outputs(  # type: ignore[method-assign]
                features, samples.boxes, samples.pictures
            )
        model.head.box_branch.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
        losses(model, None)["total"].backward()
        learnt.append({name: one.grad for name, one in model.named_parameters()})
    few, all_rows = seen
    assert 0 < few < all_rows
    torch.testing.assert_close(*learnt)


def test_a_step_without_objects_still_reaches_every_layer() -> None:
    model = network().train()
    nothing = [Targets.of(torch.zeros(0, 4), torch.zeros(0), (64, 96))] * 2
    model.loss(model(pictures(), SIZES), nothing, sampler=torch.arange)["total"].backward()
    assert all(one.grad is not None for one in model.parameters() if one.requires_grad)


def test_anchors_of_pictures_and_crops_share_one_mean() -> None:
    model = network().train()
    with_crops, without = losses(model, crops(16, 64)), losses(model, None)
    outputs = model(pictures(), SIZES, crops(16, 64))
    anchors, _ = model.drawn(outputs.stages, targets(), sampler=torch.arange)
    count = int(model.anchor_divisor(anchors))
    assert outputs.crops.anchor_count == CROP_ANCHORS
    expected = without["rpn_objectness"] * count / (count + CROP_ANCHORS)
    torch.testing.assert_close(with_crops["rpn_objectness"], expected)
    for name in ("rpn_boxes", "classes", "boxes"):
        torch.testing.assert_close(with_crops[name], without[name])


def test_crops_teach_all_but_boxes() -> None:
    model = network().train()
    found = losses(model, crops(16, 64))
    (found["crop_objectness"] + found["crop_classes"]).backward()
    reached = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }
    assert not any(
        name.startswith(("head.box", "head.regressor", "rpn.deltas")) for name in reached
    )
    taught = ("head.class_branch", "head.classifier", "rpn.convolution", "rpn.anchor_maps")
    for part in (*taught, "rpn.objectness", "neck.lateral", "neck.output", "trunk."):
        assert any(name.startswith(part) for name in reached), part


def test_objects_say_the_same_alone_and_together() -> None:
    model, both = network().eval(), crops(16, 64)
    alone = ObjectCrops(tuple(one[1:] for one in both.pictures), both.labels[1:])
    with torch.no_grad():
        together, single = model.crop_outputs(both), model.crop_outputs(alone)
    for one, other in zip(together.objectness, single.objectness, strict=True):
        torch.testing.assert_close(one[1:], other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together.logits[1::2], single.logits, rtol=1e-4, atol=1e-5)


def test_only_training_counts_proposals_of_all_pictures_together() -> None:
    model = network()
    with torch.no_grad():
        counts = [
            model.train(mode)(pictures(), SIZES).stages.proposal_counts for mode in (True, False)
        ]
    assert counts[0].sum() <= MICRO.proposals_after_nms[0]
    assert (counts[1] == MICRO.proposals_after_nms[1]).all()


@pytest.mark.parametrize(("rule", "factor"), [("mmfewshot", 3), ("authors", 1)])
def test_mmfewshot_counts_pixels_of_the_original_in_suppression(rule: str, factor: int) -> None:
    model = network(box_rule=rule).eval()
    seen: list[Tensor | None] = []
    detect = model.detect
    model.detect = lambda *given, pixels=None: seen.append(pixels) or detect(*given, pixels=pixels)
    originals = [(int(height) // 3, int(width) // 3) for height, width in SIZES]
    with torch.no_grad():
        model.predict(model(pictures(), SIZES), SIZES, originals=originals)
    (pixels,) = seen
    assert (pixels is None) == (factor == 1)
    assert pixels is None or pixels.mean().item() == pytest.approx(factor, rel=0.02)


def test_batches_with_crops_are_learned_from_with_them() -> None:
    model = network().train()
    batch = Batch(pictures(), SIZES, tuple(targets()), ((64, 96), (60, 80)), (0, 1))
    task = DetectionTask(model, None)  # type: ignore[arg-type]
    assert "crop_classes" not in task.losses(model, batch)
    assert "crop_classes" in task.losses(model, replace(batch, crops=crops(16, 64)))


def test_no_crop_at_all_is_learned_from() -> None:
    found = losses(network().train(), crops(16, 64, count=0))
    assert found["crop_objectness"] == found["crop_classes"] == 0
    assert found["total"].isfinite()


@pytest.mark.parametrize("sides", [(16,), (16, 32), (64, 16)])
def test_crops_of_other_scales_are_refused(sides: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="crops of other sizes"):
        network()(pictures(), SIZES, crops(*sides))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ()}, "needs classes"),
        ({"anchor_sizes": ((8.0,), (16.0,))}, "every map needs its anchors"),
        ({"crops": ((16, 5, 0, 0),)}, "no cell to learn from.*crops.0"),
        ({"crops": ((64, 2, 0, 0), (64, 2, 1, 4))}, "no cell to learn from.*crops.1"),
        ({"crops": ((16, 0, 1, 0),)}, "more than 2 cells"),
        ({"freeze_at": 99}, "cannot freeze so many parts"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)


def test_the_published_scales_have_the_published_cells() -> None:
    border = 2 * MPSRConfig().crop_border
    cells = [scale.rpn_side - border for scale in MPSRConfig().crop_scales]
    assert cells == [2, 2, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("rule", "size", "shown"),
    [
        ("mmfewshot", (375, 500), (800, 1067)),
        ("mmfewshot", (500, 375), (1067, 800)),
        ("mmfewshot", (300, 900), (444, 1333)),
        ("authors", (375, 500), (800, 1067)),
    ],
)
def test_pictures_are_shown_as_their_code_base_does(rule, size, shown):
    with torch.device("meta"):
        network = MPSR(MPSRConfig(class_names=("a",), box_rule=rule))
    resize = network.test_resize()
    assert resize.shown_size(size) == shown
    assert isinstance(resize, Letterbox) == (rule == "mmfewshot")
