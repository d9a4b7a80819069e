"""YOLOX: finds objects in one look, cell by cell (arXiv 2107.08430)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from handful.data.transforms import InputRule, Letterbox
from handful.errors import ConfigError
from handful.methods.detector import TrainableDetector
from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.config import STRIDES, YOLOXConfig
from handful.methods.yolox.head import DecoupledHead, DenseOutputs
from handful.methods.yolox.loss import ASSIGNERS, yolox_losses
from handful.methods.yolox.suppression import best_classes, surviving
from handful.nn.backbones import hold_statistics
from handful.nn.backbones.csp import CSPDarknet
from handful.nn.found import Candidates, Found
from handful.nn.originals import WayBack
from handful.nn.pan import PathAggregation
from handful.structures import Targets


class YOLOX(TrainableDetector):
    """Finds objects of the classes that ``config`` names.

    Raises ``ConfigError`` for a config without classes.
    """

    method = "yolox"
    config_type = YOLOXConfig

    def __init__(self, config: YOLOXConfig) -> None:
        super().__init__()
        if not config.class_count:
            raise ConfigError("a detector needs classes", field="class_names", got="none")
        self.config = config
        depth, width, depthwise, _ = config.scale
        self.backbone = CSPDarknet(depth, width, depthwise)
        self.neck = PathAggregation(
            self.backbone.channels, config.channels, depth=depth, depthwise=depthwise
        )
        self.head = DecoupledHead(
            config.channels,
            config.class_count,
            strides=STRIDES,
            depthwise=depthwise,
            probability=config.object_probability,
            zero_bias=config.flavour == "mmdet",
        )
        if config.norm == "frozen":
            for part in self.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.requires_grad_(False)
        # A fifth faster on CPUs; the maps follow the weights.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return maps ``[B, C, h, w]`` of stride 8, 16 and 32 of ``images`` ``[B, 3, H, W]``."""
        return self.neck(self.backbone(images))

    def forward(self, images: Tensor, sizes: Tensor) -> DenseOutputs:
        """Return what each cell says about ``images`` ``[B, 3, H, W]``, prepared and padded.

        H and W are multiples of 32. sizes: ``[B, 2]``, height and width before padding; the
        padding is searched like the rest.
        """
        return self.head(self.features(images))

    def loss(
        self, outputs: DenseOutputs, targets: Sequence[Targets], *, closing: bool = False
    ) -> dict[str, Tensor]:
        """Return the losses and their sum, ``total``.

        targets: boxes in pixels of the prepared pictures. closing: whether raw box values are
        compared as well, as in the last epochs.
        """
        config = self.config
        return yolox_losses(
            outputs,
            targets,
            assigner=ASSIGNERS[config.flavour],
            closing=closing,
            sure_below=config.sure_below,
        )

    def detect(self, outputs: DenseOutputs, sizes: Tensor) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors."""
        config = self.config
        scores, labels = best_classes(outputs, kept=config.kept_classes)
        boxes = decoded_boxes(outputs.box_values, outputs.cells, outputs.strides)
        return surviving(
            boxes.repeat(1, 2 if config.kept_classes else 1, 1),
            scores,
            labels,
            threshold=config.score_threshold,
            iou=config.nms_iou,
            class_count=1 if config.class_agnostic else config.class_count,
            limit=config.max_detections,
        )

    def candidates(self, outputs: DenseOutputs) -> Candidates:
        """Return the boxes of all cells with the scores of all classes."""
        objectness = outputs.objectness.float().sigmoid()
        return Candidates(
            decoded_boxes(outputs.box_values, outputs.cells, outputs.strides),
            objectness[..., None] * outputs.class_logits.float().sigmoid(),
        )

    def way_back(self) -> WayBack:
        """Return how boxes return to the original picture; neither original clips them."""
        megvii = self.config.flavour == "megvii"
        return WayBack(frame=self.config.input_size if megvii else None)

    def test_resize(self) -> Letterbox:
        """Return how large a test picture is shown."""
        rounding = "floor" if self.config.flavour == "megvii" else "half_up"
        return Letterbox(self.config.input_size, rounding)

    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of the border around a picture."""
        config = self.config
        return InputRule(
            channel_order=config.channel_order,
            mean=config.mean,
            std=config.std,
            divisor=STRIDES[-1],
            fill=config.pad_value,
            canvas=config.input_size if config.flavour == "megvii" else "square",
        )

    def train(self, mode: bool = True) -> Self:
        """Switch to training; norms that are frozen keep their statistics."""
        super().train(mode)
        if self.config.norm == "frozen":
            hold_statistics(self)
        return self
