"""Reading the checkpoints of mmfewshot and of the authors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from handful.data.splits.divisions import VOC_CLASSES
from handful.errors import WeightsError
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import NAMINGS, Naming, official_key, our_key
from handful.methods.mpsr.model import MPSR
from handful.methods.official import class_names_of
from handful.methods.surgery import row_sources
from handful.nn.backbones.resnet import DEPTHS
from handful.nn.entries import require_same_entries
from handful.nn.norm import FrozenNorm

WRAPPED = "module."
COUNTER = "num_batches_tracked"
CONSTANTS = "rpn.anchor_generator.cell_anchors."
"""Starts of the authors' entries that are no weights: they follow from the settings."""

VARIANCE = "running_var"
THIRD_STAGE = "trunk.layer3."
CLASSIFIER = "head.classifier."


def naming_of(state: Mapping[str, Tensor]) -> Naming:
    """Return whose names the entries of an official state dict have.

    Raises ``WeightsError`` if they are nobody's.
    """
    for naming, names in NAMINGS.items():
        if any(name.startswith(names["rpn.anchor_maps."]) for name in state):
            return naming
    raise WeightsError(
        "not a checkpoint of MPSR",
        got=f"{len(state)} entries, the first '{next(iter(state), None)}'",
        expected="one of mmfewshot's or of the authors'",
    )


def convert_mpsr_state(
    state: Mapping[str, Tensor], variant: str | None = None
) -> tuple[dict[str, Tensor], MPSRConfig]:
    """Return the state dict of ``MPSR(config)``, and ``config``, for an official state dict.

    ``config.box_rule`` says how the detector was trained to count boxes: as the code whose names
    the entries have. variant: "voc1", "voc2", "voc3" or "coco" names the classes, which the file
    does not; without it they are numbers, in the order of the file. Raises ``WeightsError``
    naming the entry that is missing, left over or of a wrong shape, and for a number of classes
    that ``variant`` does not have.
    """
    state = {name.removeprefix(WRAPPED): value for name, value in state.items()}
    naming = naming_of(state)
    converted = {
        our_key(name, naming): value
        for name, value in state.items()
        if not name.endswith(COUNTER) and not name.startswith(CONSTANTS)
    }
    config = _settings(converted, naming, variant)
    with torch.device("meta"):
        expected = MPSR(config).state_dict()
    require_same_entries(converted, expected, network=f"MPSR with trunk {config.trunk}")
    if naming == "authors":
        converted = _in_our_form(converted, config, named=variant is not None)
    return {name: converted[name] for name in expected}, config


def _settings(state: Mapping[str, Tensor], naming: Naming, variant: str | None) -> MPSRConfig:
    classifier = f"{CLASSIFIER}weight"
    if classifier not in state:
        raise WeightsError("the checkpoint lacks an entry", field=official_key(classifier, naming))
    count = len(state[classifier]) - 1
    names = class_names_of(count, variant, field=official_key(classifier, naming))
    return MPSRConfig(
        class_names=names,
        trunk=f"resnet{_depth(state)}_caffe",
        box_rule=naming,
        init=naming,
        # The authors never shift by half a pixel, mmfewshot only where it fine-tunes on VOC.
        roi_aligned=naming == "mmfewshot" and count != len(VOC_CLASSES),
    )


def _depth(state: Mapping[str, Tensor]) -> int:
    blocks = {
        name.removeprefix(THIRD_STAGE).partition(".")[0]
        for name in state
        if name.startswith(THIRD_STAGE)
    }
    depths = {stages[-1]: depth for depth, stages in DEPTHS.items()}
    if len(blocks) not in depths:
        raise WeightsError(
            "no known trunk has this many blocks",
            field="layer3",
            got=len(blocks),
            expected=" or ".join(map(str, depths)),
            remedy="Is this a checkpoint of MPSR?",
        )
    return depths[len(blocks)]


def _in_our_form(
    state: Mapping[str, Tensor], config: MPSRConfig, *, named: bool
) -> dict[str, Tensor]:
    """Return the authors' entries with our order of classes, and our norms.

    Their background comes first, their classes of VOC are sorted. Their norms add nothing to the
    variance, ours do: so much is taken off before.
    """
    names = config.class_names
    is_voc = named and set(names) <= set(VOC_CLASSES)
    order = row_sources(sorted(names) if is_voc else names, names)
    rows = torch.cat([order + 1, order.new_zeros(1)])
    epsilon = FrozenNorm(1).eps
    changed = dict(state)
    for name, value in state.items():
        if name.startswith(CLASSIFIER):
            changed[name] = value[rows.to(value.device)]
        elif name.endswith(VARIANCE):
            changed[name] = value - epsilon
    return changed
