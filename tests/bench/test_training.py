from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from typing import Any

import pytest
import tiny_refinement
import torch
from torch import nn

from handful.bench import training, training_step
from handful.bench.training import StepCost, bench_train, summary
from handful.bench.training_models import (
    CLASSES,
    CROPS,
    FASTER_RCNN,
    FCOS,
    PLAIN,
    PYRAMID,
    REFERENCES,
    TRAINING_MODELS,
    Build,
    MeasuredModel,
    measured_model,
    own_detector,
    random_crops,
    with_references,
)
from handful.bench.training_step import (
    DAMPING,
    TrainingMemory,
    TrainingTask,
    damp,
    random_pictures,
    training_memory,
)
from handful.errors import ConfigError, HandfulError
from handful.methods.mpsr.model import MPSR
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.model import O2F
from handful.nn.backbones.resnet import Bottleneck
from handful.nn.norm import FrozenNorm

SMALL = TrainingTask(models=("r50-fpn",), image_size=(64, 96), pictures=1, boxes=2, steps=1)


def learning(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


def without_numbers(name: str) -> nn.Module:
    with torch.device("meta"):
        return measured_model(name).build(torch.empty(1, 3, 64, 96), []).model


def test_pictures_repeat_and_their_boxes_lie_inside() -> None:
    task, size = TrainingTask(pictures=3, boxes=4), (64, 96)
    (pictures, targets), (again, _) = (random_pictures(task, size) for _ in range(2))
    assert pictures.shape == (3, 3, 64, 96) and torch.equal(pictures, again)
    boxes = torch.stack([one.boxes for one in targets])
    assert boxes.shape == (3, 4, 4) and boxes.min() >= 0
    assert (boxes[..., 2] <= 96).all() and (boxes[..., 3] <= 64).all()
    sides = (boxes[..., 2:] - boxes[..., :2]) / torch.tensor([96, 64])
    assert sides.min() > 0.0999 and sides.max() < 0.5001
    assert not torch.equal(pictures, random_pictures(replace(task, seed=1), size)[0])


def test_our_pyramid_has_as_many_learning_parameters_as_torchvisions() -> None:
    ours, theirs = without_numbers("r50-fpn"), without_numbers(FASTER_RCNN)
    # It also regresses a box of the background.
    background = 4 * (PYRAMID.dense_channels + 1)
    assert learning(theirs) - learning(ours) == background


def test_our_pyramid_samples_as_torchvisions_does() -> None:
    theirs = without_numbers(FASTER_RCNN)
    rpn: Any = theirs.rpn
    regions: Any = theirs.roi_heads
    ours = PYRAMID
    assert ours.rpn_batch == rpn.fg_bg_sampler.batch_size_per_image
    assert ours.rpn_positive_part == rpn.fg_bg_sampler.positive_fraction
    assert ours.proposals_before_nms[0] == rpn._pre_nms_top_n["training"]
    assert ours.proposals_after_nms[0] == rpn._post_nms_top_n["training"]
    assert ours.roi_batch == regions.fg_bg_sampler.batch_size_per_image
    assert ours.roi_positive_part == regions.fg_bg_sampler.positive_fraction
    assert ours.roi_sampling == regions.box_roi_pool.sampling_ratio
    assert (ours.pooling,) * 2 == regions.box_roi_pool.output_size


def test_all_layers_learn_where_the_table_says_so() -> None:
    for name in (FASTER_RCNN, FCOS, "r50-fpn", "yolox-s"):
        assert all(one.requires_grad for one in without_numbers(name).parameters()), name


@pytest.mark.parametrize(
    ("names", "measured"),
    [
        (("r101-c4", "r50-fpn"), (FASTER_RCNN, "r101-c4", "r50-fpn")),
        (("yolox-s", "o2f-r50"), (FCOS, "yolox-s", "o2f-r50")),
        (("mpsr-r101-large",), (PLAIN, "mpsr-r101-large")),
        (
            tuple(TRAINING_MODELS),
            (
                *(FASTER_RCNN, "r50-fpn", "r101-c4", "mpsr-r101"),
                *(PLAIN, "mpsr-r101-large", FCOS, "yolox-s", "o2f-r50"),
            ),
        ),
    ],
)
def test_every_model_comes_with_what_it_is_compared_with(names: tuple, measured: tuple) -> None:
    assert with_references(names) == measured


@pytest.mark.parametrize(
    ("size", "name", "expected"),
    [
        (None, "yolox-s", (640, 640)),
        (None, FCOS, (480, 640)),
        (None, "mpsr-r101", (480, 640)),
        (None, "mpsr-r101-large", (800, 1067)),
        (None, PLAIN, (800, 1067)),
        ((64, 96), "yolox-s", (64, 96)),
        ((64, 96), FCOS, (64, 96)),
    ],
)
def test_pictures_have_the_size_of_the_model_unless_said(size, name: str, expected) -> None:
    assert TrainingTask(image_size=size).size_of(name) == expected


def test_crops_are_all_that_sets_the_refined_network_apart() -> None:
    plain, refined = without_numbers(PLAIN), without_numbers("mpsr-r101-large")
    assert plain.config == refined.config
    assert CROPS == (32, 64, 128, 256, 512, 800)


def test_crops_show_objects_of_all_pictures_at_every_size() -> None:
    crops = random_crops(2, (16, 32))
    assert [one.shape for one in crops.pictures] == [(2, 3, 16, 16), (2, 3, 32, 32)]
    assert len(crops) == 2 and crops.labels.max() < len(CLASSES)


def test_damping_reaches_every_block_of_both_networks() -> None:
    for model in (without_numbers("r50-fpn"), without_numbers(FASTER_RCNN)):
        assert sum(hasattr(module, "bn3") for module in model.modules()) == 16
    block = Bottleneck(8, 2, stride=1, norm=FrozenNorm)
    damp(block)
    assert torch.equal(block.get_buffer("bn3.weight"), torch.full((8,), DAMPING))


def test_ratios_are_taken_in_each_round() -> None:
    rounds = [
        {FASTER_RCNN: StepCost(2.0, 1.0, 8), "r50-fpn": StepCost(2.0, 3.0, 8)},
        {FASTER_RCNN: StepCost(8.0, 1.0, 8), "r50-fpn": StepCost(4.0, 2.0, 6)},
        {FASTER_RCNN: StepCost(4.0, 1.0, 8), "r50-fpn": StepCost(8.0, 1.0, 8)},
    ]
    found = summary("r50-fpn", rounds)
    assert found["seconds"] == {"median": 4.0, "low": 2.0, "high": 8.0}
    assert found["ratio"] == {"median": 1.0, "low": 0.5, "high": 2.0}
    assert found["processor_ratio"] == {"median": 2.0, "low": 1.0, "high": 3.0}
    assert found["regions"] == {"median": 8, "low": 6, "high": 8}


def test_models_take_turns_after_a_round_that_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    costs, taken = iter([100.0, 100.0, 2.0, 6.0, 4.0, 8.0]), []

    def cost_of(name: str) -> StepCost:
        taken.append(name)
        return StepCost(next(costs), 1.0, 7)

    monkeypatch.setattr(training, "TrainingStep", lambda name, _: name)
    monkeypatch.setattr(training, "training_memory", lambda *_: TrainingMemory(1, 2))
    monkeypatch.setattr(training, "cost_of", cost_of)
    task = TrainingTask(models=("r50-fpn",), steps=2)
    result = json.loads(json.dumps(bench_train(task)))
    assert taken == [FASTER_RCNN, "r50-fpn"] * 3
    theirs, ours = result["models"]
    assert theirs["ratio"]["median"] == 1
    assert ours["ratio"] == {"median": 2.5, "low": 2.0, "high": 3.0}
    assert ours["peak_bytes"] == 2 and result["steps"] == 2
    assert result["image_size"] is None and ours["image_size"] == [480, 640]
    assert theirs["reference"] is None and ours["reference"] == FASTER_RCNN


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"models": ("r50-fp",)}, "Did you mean 'r50-fpn'"),
        ({"steps": 0}, "steps"),
        ({"boxes": 0}, "boxes"),
        ({"pictures": 0}, "pictures"),
        ({"image_size": (64, 100)}, "multiples of 32"),
        ({"image_size": (0, 64)}, "image_size"),
    ],
)
def test_tasks_that_measure_nothing_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        TrainingTask(**changes)


@pytest.mark.integration
@pytest.mark.parametrize("name", [FASTER_RCNN, "r50-fpn"])
def test_steps_change_weights_and_learn_from_regions(name: str) -> None:
    step = training_step.TrainingStep(name, SMALL)
    before = {key: one.detach().clone() for key, one in step.model.named_parameters()}
    step()
    after = dict(step.model.named_parameters())
    assert all(torch.isfinite(one).all() for one in after.values())
    # Weight decay alone would move what no loss reaches.
    assert all(one.grad is not None for one in after.values())
    assert any(not torch.equal(before[key], one) for key, one in after.items())
    if name in (FCOS, "yolox-s"):
        assert step.regions is None
    else:
        assert step.regions is not None and SMALL.boxes < step.regions <= 512


TINY = replace(tiny_refinement.CONFIG, class_names=CLASSES)
TINY_CROPS = tuple(scale.size for scale in TINY.crop_scales)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("build", "most_regions"),
    [
        (own_detector(MPSR, TINY), TINY.roi_batch),
        (own_detector(MPSR, TINY, crops=TINY_CROPS), TINY.roi_batch),
        (own_detector(O2F, replace(LITE_CONFIG, class_names=CLASSES)), None),
    ],
    ids=["plain", "with crops", "one look"],
)
def test_networks_with_and_without_crops_take_steps(
    build: Build, most_regions: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REFERENCES, "tiny", MeasuredModel(build, "a small one"))  # type: ignore[arg-type]
    step = training_step.TrainingStep("tiny", SMALL)
    before = [one.detach().clone() for one in step.model.parameters() if one.requires_grad]
    step()
    after = [one for one in step.model.parameters() if one.requires_grad]
    assert all(torch.isfinite(one).all() for one in after)
    assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))
    # Crops teach the head too, but are no regions.
    assert most_regions is None or SMALL.boxes < (step.regions or 0) <= most_regions
    assert (step.regions is None) == (most_regions is None)


@pytest.mark.integration
def test_crops_add_to_the_loss() -> None:
    losses = []
    for crops in ((), TINY_CROPS):
        pictures, targets = random_pictures(SMALL, (64, 96))
        torch.manual_seed(SMALL.seed)
        learner = own_detector(MPSR, TINY, crops=crops)(pictures, targets)
        torch.manual_seed(SMALL.seed)
        losses.append(float(learner.loss().detach()))
    assert losses[1] > losses[0]


@pytest.mark.integration
def test_memory_holds_weights_gradients_and_momentum() -> None:
    loaded, peak = training_memory("r50-fpn", SMALL)
    if loaded is not None and peak is not None:
        assert peak - loaded > 3 * 4 * learning(without_numbers("r50-fpn"))


def test_a_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    died = subprocess.CompletedProcess([], 3, "", "Traceback\nMemoryError: too much\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: died)
    with pytest.raises(HandfulError, match="steps of r50-fpn did not end well") as caught:
        training_memory("r50-fpn", SMALL)
    assert "exit code 3: MemoryError: too much" in str(caught.value)


def test_a_task_survives_the_way_to_its_process() -> None:
    assert training_step.task_from(json.loads(json.dumps(asdict(SMALL)))) == SMALL
