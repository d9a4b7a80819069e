"""The losses of MS2A and their gradients against the original's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from golden_cases import GoldenCase, assert_near, file_params
from ms2a_reference import KINDS, numbered_cases
from torch import Tensor

from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.loss import DomainOutputs, ms2a_losses
from handful.methods.yolox.config import STRIDES
from handful.nn.grid import grid_cells
from handful.structures import Targets

pytestmark = pytest.mark.golden
RELATIVE, ABSOLUTE = 1e-4, 1e-6
NAMES = {
    "classes": "cls",
    "boxes": "bbox",
    "objectness": "obj",
    "foreground": "fg",
    "l1": "l1",
}


@pytest.mark.parametrize("closing", [False, True], ids=["l1-off", "l1-on"])
@pytest.mark.parametrize("file", file_params("ms2a", "head_loss", KINDS))
def test_head_loss(file: Path, closing: bool) -> None:
    cases = numbered_cases(file)
    assert cases
    for case in cases:
        outputs, targets, config = _given(case)
        losses = ms2a_losses(outputs, targets, config=config, closing=closing)
        mark = f"l1{int(closing)}"
        theirs = {name.rpartition("_")[2] for name in case.names(f"{mark}_loss_")}
        assert {NAMES[name] for name in losses if name != "total"} == theirs
        for name, label in NAMES.items():
            if label in theirs:
                expected = case[f"{mark}_loss_{label}"]
                assert_near(losses[name], expected, rtol=RELATIVE, atol=ABSOLUTE, what=name)
        losses["total"].backward()
        gradients = {
            "reg": outputs.box_values.grad,
            "obj": outputs.objectness.grad,
            "cls": outputs.class_logits.grad,
            "fg": outputs.foreground.grad,
        }
        for name, ours in gradients.items():
            expected = case[f"{mark}_grad_{name}"]
            assert_same_gradient(ours, _by_anchor(expected, name), name)


def _given(case: GoldenCase) -> tuple[DomainOutputs, list[Targets], MS2AConfig]:
    height, width = case.numbers("hw")
    maps = [torch.zeros(1, 1, height // stride, width // stride) for stride in STRIDES]
    logits, values, objectness, foreground = (
        case[name].requires_grad_() for name in ("cls", "reg", "obj", "fg")
    )
    outputs = DomainOutputs(
        logits, values, objectness, *grid_cells(maps, STRIDES), foreground=foreground
    )
    targets = [
        Targets.of(case[f"gt_bboxes_{n}"], case[f"gt_labels_{n}"], (height, width))
        for n in range(len(logits))
    ]
    names = tuple(f"class {number}" for number in range(case.number("num_classes")))
    return outputs, targets, MS2AConfig(class_names=names, input_size=(height, width))


def _by_anchor(gradient: Tensor, name: str) -> Tensor:
    """Return a gradient ``[B, C, A]`` as ours are shaped."""
    if name == "fg":
        return gradient
    turned = gradient.transpose(1, 2)
    return turned[..., 0] if name == "obj" else turned


def assert_same_gradient(ours: Tensor | None, theirs: Tensor, name: str) -> None:
    """Compare gradients; the original has none at all where nothing was matched."""
    finite = theirs.isfinite()
    ours = torch.zeros_like(theirs) if ours is None else ours
    scale = theirs[finite].abs().max().item()
    assert_near(
        ours[finite], theirs[finite], rtol=RELATIVE, atol=RELATIVE * scale + ABSOLUTE, what=name
    )
