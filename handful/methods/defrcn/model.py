"""DeFRCN and TFA: a two-stage detector whose stages can be decoupled (arXiv 2108.09017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from handful.data.transforms import InputRule
from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import OUR_HEAD
from handful.methods.defrcn.parts import build_head, build_predictor, build_trunk_and_neck
from handful.methods.defrcn.pictures import input_rule
from handful.methods.official import trunk_entries
from handful.methods.two_stage import TwoStageDetector
from handful.nn.anchors import AnchorGrid
from handful.nn.gradient_gate import GradientGate
from handful.nn.roi_pool import RoiPooling
from handful.nn.rpn import RPNHead
from handful.nn.two_stage import TwoStageOutputs

LAST_STAGE, HEAD_STAGE = "layer4.", "head.stage."


class DeFRCN(TwoStageDetector):
    """Finds objects of the classes that ``config`` names.

    pretrained_trunk: start from the trunk's ImageNet weights, where a package brings them.
    Raises ``ConfigError`` for settings that do not fit together.
    """

    method = "defrcn"
    config_type = DeFRCNConfig
    head_names = OUR_HEAD
    config: DeFRCNConfig

    def __init__(self, config: DeFRCNConfig, *, pretrained_trunk: bool = False) -> None:
        super().__init__()
        self.config = config
        self.trunk, self.neck, strides, channels = build_trunk_and_neck(
            config, pretrained=pretrained_trunk
        )
        if len(config.anchor_sizes) != len(strides):
            raise ConfigError(
                "every map needs its anchors",
                field="anchor_sizes",
                got=f"sizes for {len(config.anchor_sizes)} maps",
                expected=len(strides),
            )
        self.rpn_gate = (
            GradientGate(channels, scale=config.rpn_scale) if config.decouple_rpn else None
        )
        self.roi_gate = (
            GradientGate(channels, scale=config.roi_scale) if config.decouple_roi else None
        )
        self.anchors = AnchorGrid(config.anchor_sizes, config.anchor_ratios, strides=strides)
        self.rpn = RPNHead(
            channels,
            anchors_per_cell=self.anchors.anchors_per_cell,
            hidden=config.rpn_channels,
        )
        # The top map of a pyramid is too coarse for regions: it only proposes.
        self.roi_pooling = RoiPooling(
            config.pooling,
            strides[:-1] if config.neck == "fpn" else strides,
            sampling=config.roi_sampling,
            aligned=config.roi_aligned,
        )
        self.head = build_head(config, channels, pretrained=pretrained_trunk)
        self.predictor = build_predictor(config, self.head.channels)
        self.freeze()

    def imagenet_entries(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the detector takes from an ImageNet ResNet with torchvision's names.

        Its last stage goes to the head where there is no pyramid; a classifier is left out.
        Raises ``WeightsError`` if that has other entries or shapes than the trunk.
        """
        config, parts = self.config, ("trunk.", HEAD_STAGE)

        def key(name: str) -> str:
            in_head = name.startswith(LAST_STAGE) and config.neck == "c4"
            return HEAD_STAGE + name.removeprefix(LAST_STAGE) if in_head else f"trunk.{name}"

        return trunk_entries(state, self.state_dict(), trunk=config.trunk, key=key, parts=parts)

    def forward(self, images: Tensor, sizes: Tensor) -> TwoStageOutputs:
        """Return features and proposals of normalised, padded ``images`` ``[B, 3, H, W]``.

        sizes: ``[B, 2]``, height and width of each picture before padding.
        """
        maps = self.maps(images)
        regions_from = maps[: len(self.roi_pooling.strides)]
        return self.first_stage(
            _through(self.rpn_gate, maps), _through(self.roi_gate, regions_from), sizes
        )

    def head_outputs(
        self, features: Sequence[Tensor], boxes: Tensor, pictures: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets ``[M, 4 K]`` of ``boxes`` ``[M, 4]``.

        pictures: ``[M]``, which picture of ``features`` each box lies on.
        """
        return self.predictor(self.head(self.roi_pooling(features, boxes, pictures)))

    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of whole cells."""
        return input_rule(self.config)

    def freeze(self) -> None:
        """Stop training of what the settings freeze, whole parts among them."""
        super().freeze()
        config = self.config
        frozen = {
            "trunk": config.freeze_backbone,
            "neck": config.freeze_backbone,
            "rpn": config.freeze_rpn,
            "head": config.freeze_head,
        }
        for name, freeze in frozen.items():
            part = getattr(self, name)
            if freeze and part is not None:
                part.requires_grad_(False)


def _through(gate: nn.Module | None, maps: Sequence[Tensor]) -> list[Tensor]:
    return list(maps) if gate is None else [gate(one) for one in maps]
