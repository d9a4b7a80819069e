"""The networks whose training steps are measured: ours, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.model import DeFRCN
from handful.methods.detector import TrainableDetector
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.model import MPSR
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.model import O2F
from handful.methods.two_stage import TwoStageDetector
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.structures import ObjectCrops, Targets

CLASSES = tuple(f"class {number}" for number in range(15))
"""As many as a base stage on VOC has."""

FASTER_RCNN, FCOS = "fasterrcnn_resnet50_fpn", "fcos_resnet50_fpn"
ALL_LAYERS = 5
"""Of a ResNet, which torchvision freezes part of unless told."""

PYRAMID = DeFRCNConfig(
    class_names=CLASSES,
    trunk="resnet50",
    neck="fpn",
    decouple_rpn=False,
    decouple_roi=False,
    freeze_at=0,
    anchor_sizes=((32.0,), (64.0,), (128.0,), (256.0,), (512.0,)),
    proposals_before_nms=(2000, 1000),
    proposals_after_nms=(2000, 1000),
    roi_sampling=2,
    roi_aligned=False,
)
"""Torchvision's two-stage detector in our parts."""

REFINED = MPSRConfig(class_names=CLASSES)
CROPS = tuple(scale.size for scale in REFINED.crop_scales)
PLAIN, PUBLISHED_SIZE = "mpsr-r101-plain", (800, 1067)


class Learner(NamedTuple):
    """A network in training, what computes its loss, and its head, if that looks at regions."""

    model: nn.Module
    loss: Callable[[], Tensor]
    head: nn.Module | None = None


Build = Callable[[Tensor, Sequence[Targets]], Learner]
"""Makes a network that learns from pictures ``[B, 3, H, W]`` and their boxes."""


@dataclass(frozen=True)
class MeasuredModel:
    """One network. about: what it is, for people.

    image_size: (height, width) of its pictures. reference: the one its steps are compared with,
    None for those that others are compared with. original_ratio: of the original implementation's
    step to the reference's, where it is known.
    """

    build: Build
    about: str
    image_size: tuple[int, int] = (480, 640)
    reference: str | None = None
    original_ratio: float | None = None


def own_detector(
    kind: type[TrainableDetector], config: object, *, crops: Sequence[int] = ()
) -> Build:
    """Return what makes a detector of ours.

    crops: sides of the squares that it sees an object of each picture in, beside the pictures.
    """

    def build(pictures: Tensor, targets: Sequence[Targets]) -> Learner:
        model = kind(config).train()
        sizes = torch.tensor([one.image_size for one in targets])
        beside = (random_crops(len(pictures), crops),) if crops else ()
        head = model.get_submodule("head") if isinstance(model, TwoStageDetector) else None
        return Learner(
            model, lambda: model.loss(model(pictures, sizes, *beside), targets)["total"], head
        )

    return build


def random_crops(count: int, sides: Sequence[int]) -> ObjectCrops:
    """Return noise as ``count`` objects of random classes, shown in squares of ``sides``."""
    pictures = tuple(torch.randn(count, 3, side, side) for side in sides)
    return ObjectCrops(pictures, torch.randint(len(CLASSES), (count,)))


def faster_rcnn(pictures: Tensor, targets: Sequence[Targets]) -> Learner:
    """Return torchvision's network, all layers trained, batch norm frozen, and its ROI head.

    Resizing and normalising, which belong to its network, are left out as they are in ours.
    """
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, trainable_layers=ALL_LAYERS
    )
    # Its class 0 is the background.
    model = FasterRCNN(backbone, num_classes=len(CLASSES) + 1).train()
    images, known = _as_torchvision(pictures, targets, first_class=1)

    def loss() -> Tensor:
        maps = model.backbone(images.tensors)
        proposals, first = model.rpn(images, maps, known)
        _, second = model.roi_heads(maps, proposals, images.image_sizes, known)
        return torch.stack([*first.values(), *second.values()]).sum()

    return Learner(model, loss, model.get_submodule("roi_heads.box_head"))


def fcos(pictures: Tensor, targets: Sequence[Targets]) -> Learner:
    """Return torchvision's network, all layers and batch norms trained, as without weights.

    Resizing and normalising are left out as they are in ours.
    """
    from torchvision.models.detection import fcos_resnet50_fpn

    model: Any = fcos_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=len(CLASSES),
    ).train()
    images, known = _as_torchvision(pictures, targets)

    def loss() -> Tensor:
        maps = list(model.backbone(images.tensors).values())
        outputs = model.head(maps)
        anchors = model.anchor_generator(images, maps)
        cells = [one.shape[-2] * one.shape[-1] for one in maps]
        losses = model.compute_loss(known, outputs, anchors, cells)
        return torch.stack(list(losses.values())).sum()

    return Learner(model, loss)


def _as_torchvision(
    pictures: Tensor, targets: Sequence[Targets], *, first_class: int = 0
) -> tuple[Any, list[dict[str, Tensor]]]:
    from torchvision.models.detection.image_list import ImageList

    images = ImageList(pictures, [one.image_size for one in targets])
    return images, [{"boxes": one.boxes, "labels": one.labels + first_class} for one in targets]


REFERENCES: Mapping[str, MeasuredModel] = {
    FASTER_RCNN: MeasuredModel(faster_rcnn, "torchvision's, batch norm frozen"),
    FCOS: MeasuredModel(fcos, "torchvision's, batch norm trained"),
    PLAIN: MeasuredModel(
        own_detector(MPSR, REFINED),
        "MPSR's base stage without crops, batch norm frozen",
        image_size=PUBLISHED_SIZE,
    ),
}
"""What others are compared with: torchvision's detectors with a ResNet-50, all layers trained,
and one of ours without what it adds."""

TRAINING_MODELS: Mapping[str, MeasuredModel] = {
    "r50-fpn": MeasuredModel(
        own_detector(DeFRCN, PYRAMID),
        "torchvision's two-stage network of our parts, all layers trained, batch norm frozen",
        reference=FASTER_RCNN,
    ),
    "r101-c4": MeasuredModel(
        own_detector(DeFRCN, DeFRCNConfig(class_names=CLASSES)),
        "DeFRCN's base stage, batch norm frozen",
        reference=FASTER_RCNN,
        original_ratio=2.7,
    ),
    "mpsr-r101": MeasuredModel(
        own_detector(MPSR, REFINED, crops=CROPS),
        "MPSR's base stage, an object of each picture at six sizes, batch norm frozen",
        reference=FASTER_RCNN,
        original_ratio=3.45,
    ),
    "mpsr-r101-large": MeasuredModel(
        own_detector(MPSR, REFINED, crops=CROPS),
        "the same, on pictures of the published size",
        image_size=PUBLISHED_SIZE,
        reference=PLAIN,
    ),
    "yolox-s": MeasuredModel(
        own_detector(YOLOX, YOLOXConfig(class_names=CLASSES, size="s")),
        "all layers and batch norms trained",
        image_size=(640, 640),
        reference=FCOS,
        original_ratio=0.27,
    ),
    "o2f-r50": MeasuredModel(
        own_detector(O2F, O2FConfig(class_names=CLASSES)),
        "as published for boxes: stem and first stage frozen, statistics held",
        reference=FCOS,
        original_ratio=0.89,
    ),
}
"""Ours, by the name that the command takes."""


def measured_model(name: str) -> MeasuredModel:
    """Return the network ``name``, measured or compared with."""
    return TRAINING_MODELS[name] if name in TRAINING_MODELS else REFERENCES[name]


def with_references(names: Sequence[str]) -> tuple[str, ...]:
    """Return ``names`` of our networks, each reference once before the first that needs it."""
    wanted: dict[str, None] = {}
    for name in names:
        reference = measured_model(name).reference
        wanted.update({one: None for one in (reference, name) if one is not None})
    return tuple(wanted)
