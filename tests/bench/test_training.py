from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import nn

from handful.bench import training, training_step
from handful.bench.training import StepCost, bench_train, summary
from handful.bench.training_step import (
    BASELINE,
    CLASSES,
    DAMPING,
    TRAINING_MODELS,
    TrainingMemory,
    TrainingTask,
    damp,
    our_loss,
    random_pictures,
    torchvision_loss,
    training_memory,
)
from handful.errors import ConfigError, HandfulError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.nn.backbones.resnet import Bottleneck
from handful.nn.norm import FrozenNorm

SMALL = TrainingTask(models=("r50-fpn",), image_size=(64, 96), pictures=1, boxes=2, steps=1)


def learning(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


def test_pictures_repeat_and_their_boxes_lie_inside() -> None:
    task = TrainingTask(image_size=(64, 96), pictures=3, boxes=4)
    (pictures, targets), (again, _) = random_pictures(task), random_pictures(task)
    assert pictures.shape == (3, 3, 64, 96) and torch.equal(pictures, again)
    boxes = torch.stack([one.boxes for one in targets])
    assert boxes.shape == (3, 4, 4) and boxes.min() >= 0
    assert (boxes[..., 2] <= 96).all() and (boxes[..., 3] <= 64).all()
    sides = (boxes[..., 2:] - boxes[..., :2]) / torch.tensor([96, 64])
    assert sides.min() > 0.0999 and sides.max() < 0.5001
    assert not torch.equal(pictures, random_pictures(TrainingTask((), (64, 96), 3, 4, seed=1))[0])


def test_our_pyramid_has_as_many_learning_parameters_as_torchvisions() -> None:
    with torch.device("meta"):
        pictures, targets = torch.empty(1, 3, 64, 96), []
        ours, _, _ = our_loss("r50-fpn", pictures, targets)
        theirs, _, _ = torchvision_loss(pictures, targets)
    # It also regresses a box of the background.
    background = 4 * (TRAINING_MODELS["r50-fpn"].dense_channels + 1)
    assert learning(theirs) - learning(ours) == background


def test_our_pyramid_samples_as_torchvisions_does() -> None:
    with torch.device("meta"):
        theirs, _, _ = torchvision_loss(torch.empty(1, 3, 64, 96), [])
    rpn: Any = theirs.rpn
    regions: Any = theirs.roi_heads
    ours = TRAINING_MODELS["r50-fpn"]
    assert ours.rpn_batch == rpn.fg_bg_sampler.batch_size_per_image
    assert ours.rpn_positive_part == rpn.fg_bg_sampler.positive_fraction
    assert ours.proposals_before_nms[0] == rpn._pre_nms_top_n["training"]
    assert ours.proposals_after_nms[0] == rpn._post_nms_top_n["training"]
    assert ours.roi_batch == regions.fg_bg_sampler.batch_size_per_image
    assert ours.roi_positive_part == regions.fg_bg_sampler.positive_fraction
    assert ours.roi_sampling == regions.box_roi_pool.sampling_ratio
    assert (ours.pooling,) * 2 == regions.box_roi_pool.output_size


def test_the_other_model_is_the_base_stage_of_defrcn() -> None:
    assert TRAINING_MODELS["r101-c4"] == DeFRCNConfig(class_names=CLASSES)


def test_damping_reaches_every_block_of_both_networks() -> None:
    with torch.device("meta"):
        ours, _, _ = our_loss("r50-fpn", torch.empty(1, 3, 64, 96), [])
        theirs, _, _ = torchvision_loss(torch.empty(1, 3, 64, 96), [])
    for model in (ours, theirs):
        assert sum(hasattr(module, "bn3") for module in model.modules()) == 16
    block = Bottleneck(8, 2, stride=1, norm=FrozenNorm)
    damp(block)
    assert torch.equal(block.get_buffer("bn3.weight"), torch.full((8,), DAMPING))


def test_ratios_are_taken_in_each_round() -> None:
    rounds = [
        {BASELINE: StepCost(2.0, 1.0, 8), "ours": StepCost(2.0, 3.0, 8)},
        {BASELINE: StepCost(8.0, 1.0, 8), "ours": StepCost(4.0, 2.0, 6)},
        {BASELINE: StepCost(4.0, 1.0, 8), "ours": StepCost(8.0, 1.0, 8)},
    ]
    found = summary("ours", rounds)
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
    assert taken == [BASELINE, "r50-fpn"] * 3
    theirs, ours = result["models"]
    assert theirs["ratio"]["median"] == 1
    assert ours["ratio"] == {"median": 2.5, "low": 2.0, "high": 3.0}
    assert ours["peak_bytes"] == 2 and result["steps"] == 2
    assert result["image_size"] == [480, 640]


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
@pytest.mark.parametrize("name", [BASELINE, "r50-fpn"])
def test_steps_change_weights_and_learn_from_regions(name: str) -> None:
    step = training_step.TrainingStep(name, SMALL)
    before = {key: one.detach().clone() for key, one in step.model.named_parameters()}
    step()
    after = dict(step.model.named_parameters())
    assert all(torch.isfinite(one).all() for one in after.values())
    # Weight decay alone would move what no loss reaches.
    assert all(one.grad is not None for one in after.values())
    assert any(not torch.equal(before[key], one) for key, one in after.items())
    assert SMALL.boxes < step.regions <= 512


@pytest.mark.integration
def test_memory_holds_weights_gradients_and_momentum() -> None:
    with torch.device("meta"):
        network, _, _ = our_loss("r50-fpn", torch.empty(1, 3, 64, 96), [])
    loaded, peak = training_memory("r50-fpn", SMALL)
    if loaded is not None and peak is not None:
        assert peak - loaded > 3 * 4 * learning(network)


def test_a_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    died = subprocess.CompletedProcess([], 3, "", "Traceback\nMemoryError: too much\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: died)
    with pytest.raises(HandfulError, match="steps of r50-fpn did not end well") as caught:
        training_memory("r50-fpn", SMALL)
    assert "exit code 3: MemoryError: too much" in str(caught.value)


def test_a_task_survives_the_way_to_its_process() -> None:
    assert training_step.task_from(json.loads(json.dumps(asdict(SMALL)))) == SMALL
