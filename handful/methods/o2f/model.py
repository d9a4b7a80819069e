"""O2F: finds objects in one look and every object once (arXiv 2303.11567)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from torch import Tensor, nn

from handful.data.transforms import InputRule, Letterbox
from handful.errors import ConfigError
from handful.methods.detector import TrainableDetector
from handful.methods.o2f.config import TRUNK_STRIDES, O2FConfig
from handful.methods.o2f.head import O2FHead, O2FOutputs, boxes_around
from handful.methods.o2f.loss import o2f_losses
from handful.methods.o2f.selection import best_points
from handful.nn.backbones import build_trunk, freeze_parts, hold_statistics
from handful.nn.backbones.build import RESNETS
from handful.nn.found import Candidates, Found
from handful.nn.fpn import FPN, Strided
from handful.nn.originals import WayBack
from handful.structures import Targets

COARSEST_STRIDE = TRUNK_STRIDES[-1]
"""Pictures are padded to multiples of it; the two coarsest maps round their sides up."""


class O2F(TrainableDetector):
    """Finds objects of the classes that ``config`` names, with masks if it says so (CondInst).

    pretrained_trunk: start from the trunk's ImageNet weights, where a package brings them.
    Raises ``ConfigError`` for a config without classes, or for an unknown trunk.
    """

    method = "o2f"
    config_type = O2FConfig
    config: O2FConfig

    def __init__(self, config: O2FConfig, *, pretrained_trunk: bool = False) -> None:
        super().__init__()
        if not config.class_count:
            raise ConfigError("a detector needs classes", field="class_names", got="none")
        self.config = config
        self.trunk = build_trunk(
            config.trunk,
            TRUNK_STRIDES,
            pretrained=pretrained_trunk,
            norm=config.norm if config.trunk in RESNETS else None,
        )
        self.neck = FPN(self.trunk.channels, config.channels, coarser=Strided(config.channels))
        for layer in self.neck.lateral:
            nn.init.xavier_uniform_(layer.weight)  # type: ignore[arg-type]
        self.head = O2FHead(config)
        self.freeze()

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return maps ``[B, C, h, w]``, one a stride, of ``images`` ``[B, 3, H, W]``."""
        return tuple(self.neck(self.trunk(images)))

    def forward(self, images: Tensor, sizes: Tensor) -> O2FOutputs:
        """Return what each point says about ``images`` ``[B, 3, H, W]``, prepared and padded.

        H and W are multiples of 32. sizes: ``[B, 2]``, height and width before padding; the
        padding is searched like the rest.
        """
        return self.head(self.features(images))

    def loss(
        self, outputs: O2FOutputs, targets: Sequence[Targets], *, progress: float = 0.0
    ) -> dict[str, Tensor]:
        """Return the losses and their sum, ``total``.

        targets: boxes in pixels of the prepared pictures, with masks if these are found. progress:
        of training, 0 in the first epoch to 1 in the last.
        """
        return o2f_losses(outputs, targets, config=self.config, progress=progress)

    def detect(self, outputs: O2FOutputs, sizes: Tensor) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors."""
        return best_points(outputs, sizes, config=self.config)

    @property
    def finds_masks(self) -> bool:
        """Whether every detection comes with a mask."""
        return self.config.masks

    def candidates(self, outputs: O2FOutputs) -> Candidates:
        """Return the boxes of all points with the scores of all classes."""
        quality = outputs.quality_logits.float().sigmoid()
        return Candidates(
            boxes_around(outputs.points, outputs.distances),
            quality[..., None] * outputs.class_logits.float().sigmoid(),
        )

    def way_back(self) -> WayBack:
        """Return how boxes return to the original picture: each axis by its own ratio."""
        return WayBack()

    def test_resize(self) -> Letterbox:
        """Return how large a test picture is shown."""
        return Letterbox(self.config.test_size, "half_up")

    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of whole cells."""
        config = self.config
        return InputRule(
            channel_order=config.channel_order,
            mean=config.mean,
            std=config.std,
            divisor=COARSEST_STRIDE,
        )

    def freeze(self) -> None:
        """Stop training of what the settings freeze: parts of the trunk, and its norms."""
        freeze_parts(self.trunk, self.config.freeze_at)
        if self.config.norm == "frozen":
            for part in self.trunk.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Switch to training; the trunk's norms keep their statistics."""
        super().train(mode)
        hold_statistics(self.trunk)
        return self
