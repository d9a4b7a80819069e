"""Our names of weights, Megvii's and mmdet's: any to any, derived by rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handful.errors import WeightsError
from handful.methods.yolox.config import Flavour

STAGES = range(4)
POOLING = "backbone.stages.3.1"
"""The one part without a cross-stage block whose layers are numbered."""


@dataclass(frozen=True)
class Naming:
    """How a project names the parts of the network.

    parts: our start of a name and theirs, the longer of two that begin alike first.
    cross_stage: layers right inside a cross-stage block. layers: those inside of any other.
    """

    parts: tuple[tuple[str, str], ...]
    cross_stage: Mapping[str, str]
    layers: Mapping[str, str]


MEGVII = Naming(
    parts=(
        ("backbone.stem.block", "backbone.backbone.stem.conv"),
        *((f"backbone.stages.{n}", f"backbone.backbone.dark{n + 2}") for n in STAGES),
        ("neck.reduce.0", "backbone.lateral_conv0"),
        ("neck.reduce.1", "backbone.reduce_conv1"),
        ("neck.top_down.0", "backbone.C3_p4"),
        ("neck.top_down.1", "backbone.C3_p3"),
        ("neck.down.0", "backbone.bu_conv2"),
        ("neck.down.1", "backbone.bu_conv1"),
        ("neck.bottom_up.0", "backbone.C3_n3"),
        ("neck.bottom_up.1", "backbone.C3_n4"),
        ("neck.output", "head.stems"),
        ("head.class_towers", "head.cls_convs"),
        ("head.box_towers", "head.reg_convs"),
        ("head.classes", "head.cls_preds"),
        ("head.boxes", "head.reg_preds"),
        ("head.objectness", "head.obj_preds"),
    ),
    cross_stage={"main": "conv1", "short": "conv2", "final": "conv3", "blocks": "m"},
    layers={
        "first": "conv1",
        "second": "conv2",
        "depthwise": "dconv",
        "pointwise": "pconv",
        "convolution": "conv",
        "norm": "bn",
    },
)

MMDET = Naming(
    parts=(
        ("backbone.stem.block", "backbone.stem.conv"),
        *((f"backbone.stages.{n}", f"backbone.stage{n + 1}") for n in STAGES),
        ("neck.reduce", "neck.reduce_layers"),
        ("neck.top_down", "neck.top_down_blocks"),
        ("neck.down", "neck.downsamples"),
        ("neck.bottom_up", "neck.bottom_up_blocks"),
        ("neck.output", "neck.out_convs"),
        ("head.class_towers", "bbox_head.multi_level_cls_convs"),
        ("head.box_towers", "bbox_head.multi_level_reg_convs"),
        ("head.classes", "bbox_head.multi_level_conv_cls"),
        ("head.boxes", "bbox_head.multi_level_conv_reg"),
        ("head.objectness", "bbox_head.multi_level_conv_obj"),
    ),
    cross_stage={
        "main": "main_conv",
        "short": "short_conv",
        "final": "final_conv",
        "blocks": "blocks",
    },
    layers={
        "first": "conv1",
        "second": "conv2",
        "depthwise": "depthwise_conv",
        "pointwise": "pointwise_conv",
        "convolution": "conv",
        "norm": "bn",
    },
)

NAMINGS: Mapping[Flavour, Naming] = {"megvii": MEGVII, "mmdet": MMDET}


def official_key(key: str, flavour: Flavour) -> str:
    """Return the name that ``flavour`` gives an entry of our state dict or a parameter.

    Raises ``WeightsError`` for names that the original has no counterpart of.
    """
    naming = NAMINGS[flavour]
    for ours, theirs in naming.parts:
        if key.startswith(f"{ours}."):
            table = {**naming.cross_stage, **naming.layers}
            rest = key.removeprefix(ours).split(".")
            return theirs + ".".join(table.get(word, word) for word in rest)
    raise WeightsError("no counterpart in the original of an entry", field=key)


def our_key(key: str, flavour: Flavour) -> str:
    """Return our name of an entry of a state dict of ``flavour``.

    Raises ``WeightsError`` for entries that we have no counterpart of.
    """
    naming = NAMINGS[flavour]
    for ours, theirs in naming.parts:
        if key.startswith(f"{theirs}."):
            return _with_our_layers(ours + key.removeprefix(theirs), ours, naming)
    raise WeightsError("the file holds an entry that YOLOX does not have", field=key)


def _with_our_layers(key: str, part: str, naming: Naming) -> str:
    """Return ``key``, of which the start ``part`` is ours already, with our names of layers."""
    cross_stage, layers = (
        {v: k for k, v in one.items()} for one in (naming.cross_stage, naming.layers)
    )
    words = key.removeprefix(part).split(".")
    # Megvii's conv1 is the main way of a cross-stage block, but the first layer inside a block.
    inside = key.startswith(f"{POOLING}.")
    for position, word in enumerate(words):
        if word in cross_stage and not inside:
            words[position] = cross_stage[word]
            inside = True
        else:
            words[position] = layers.get(word, word)
    return part + ".".join(words)
