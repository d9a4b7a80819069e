"""Official checkpoints turned into our weight files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.errors import ConfigError, WeightsError
from handful.weights.card import BACKBONE, Card
from handful.weights.catalogue import AUTHORS_LICENCE, MSRA_LICENCE
from handful.weights.foreign import read_foreign, state_dict_of
from handful.weights.store import file_sha256, save_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WRAPPED = "module."
"""How entries start that were saved with a wrapper for several GPUs around the network."""

State = Mapping[str, "Tensor"]
Mapped = tuple[dict[str, "Tensor"], dict[str, Any]]


@dataclass(frozen=True)
class Origin:
    """A project whose checkpoints can be read.

    method: ours, or "backbone". mark: every checkpoint has entries that start so. convert: maps
    state and variant to our state and the fields of our configuration.
    """

    method: str
    mark: str
    licence: str
    home: str
    convert: Callable[[State, str | None], Mapped]


def convert(
    path: Path | str,
    *,
    variant: str | None = None,
    out: Path | str | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Turn the official checkpoint at ``path`` into a weight file and return where it is.

    variant: "v1" or "v2" for OS2D, whose files do not say which they are; "voc1", "voc2",
    "voc3" or "coco" gives the classes of DeFRCN, TFA and MPSR their names, a scenario such as
    "cityscapes-foggy" those of MS2A; "legacy" for a YOLOX of Megvii's first release; "crowdhuman"
    for an O2F that finds people. out: default beside ``path``, ending in .safetensors. dtype: as
    in ``save_weights``. Raises ``WeightsError`` for a file that is none of the known checkpoints
    or is incomplete, ``ConfigError`` for a missing variant, and with the known ones for another.
    """
    source = Path(path)
    target = Path(out) if out is not None else source.with_suffix(".safetensors")
    if target.suffix != ".safetensors":
        raise ConfigError(
            "a weight file needs another ending",
            field="out",
            got=target.name,
            expected="a name ending in .safetensors",
        )
    state = state_dict_of(read_foreign(source), file=source)
    origin = _origin_of(state, source)
    try:
        converted, config = origin.convert(state, variant)
    except WeightsError as error:
        raise error.at(source) from error
    names = tuple(config.pop("class_names", ()))
    card = Card(
        method=origin.method,
        config=config,
        class_names=names,
        licence=origin.licence,
        source=f"{source.name} of {origin.home}, sha256 {file_sha256(source)}",
    )
    save_weights(target, converted, card, dtype=dtype)
    return target


def _convert_os2d(state: State, variant: str | None) -> Mapped:
    from handful.methods.os2d.weights import convert_os2d_state

    if variant not in ("v1", "v2"):
        raise ConfigError(
            "the file does not say which variant of OS2D it is",
            field="variant",
            got=variant or "none",
            expected="v1 or v2",
            remedy="os2d_v1-train.pth is v1; os2d_v2-train.pth and os2d_v2-init.pth are v2",
        )
    converted, config = convert_os2d_state(state, variant)
    return converted, asdict(config)


def _convert_defrcn(state: State, variant: str | None) -> Mapped:
    from handful.methods.defrcn.weights import convert_defrcn_state

    converted, config = convert_defrcn_state(state, variant)
    return converted, asdict(config)


def _convert_mpsr(state: State, variant: str | None) -> Mapped:
    from handful.methods.mpsr.weights import convert_mpsr_state

    converted, config = convert_mpsr_state(state, variant)
    return converted, asdict(config)


def _convert_yolox(state: State, variant: str | None) -> Mapped:
    from handful.methods.yolox.weights import convert_yolox_state

    converted, config = convert_yolox_state(state, variant)
    return converted, asdict(config)


def _convert_ms2a(state: State, variant: str | None) -> Mapped:
    from handful.methods.ms2a.weights import convert_ms2a_state

    converted, config = convert_ms2a_state(state, variant)
    return converted, asdict(config)


def _convert_msra(state: State, variant: str | None) -> Mapped:
    from handful.nn.backbones.msra import convert_msra_state

    _refuse_variant(variant)
    converted, trunk = convert_msra_state(state)
    return converted, {"trunk": trunk}


def _convert_resnet101(state: State, variant: str | None) -> Mapped:
    from handful.memory.embedders import complete_resnet101

    _refuse_variant(variant)
    return complete_resnet101(state), {"trunk": "resnet101"}


def _convert_o2f(state: State, variant: str | None) -> Mapped:
    from handful.methods.o2f.weights import convert_o2f_state

    converted, config = convert_o2f_state(state, variant)
    return converted, asdict(config)


def _convert_classifier(state: State, variant: str | None) -> Mapped:
    from handful.nn.backbones.classifiers import convert_classifier

    _refuse_variant(variant)
    converted, trunk = convert_classifier(state)
    return converted, {"trunk": trunk}


def _refuse_variant(variant: str | None) -> None:
    if variant is not None:
        raise ConfigError(
            "there are no variants of this file", field="variant", got=variant, expected="none"
        )


ORIGINS = (
    Origin(
        method="os2d",
        mark="os2d_head_creator.",
        licence="MIT",
        home="github.com/aosokin/os2d",
        convert=_convert_os2d,
    ),
    Origin(
        method="defrcn",
        mark="proposal_generator.rpn_head.",
        licence="as its authors say: DeFRCN MIT, TFA Apache-2.0",
        home="github.com/er-muyue/DeFRCN or github.com/ucbdrive/few-shot-object-detection",
        convert=_convert_defrcn,
    ),
    Origin(
        method="mpsr",
        mark="rpn_head.rpn_cls_conv.",
        licence="Apache-2.0",
        home="github.com/open-mmlab/mmfewshot",
        convert=_convert_mpsr,
    ),
    Origin(
        method="mpsr",
        mark="roi_heads.box.feature_extractor.fc6c.",
        licence=AUTHORS_LICENCE,
        home="github.com/jiaxi-wu/MPSR",
        convert=_convert_mpsr,
    ),
    Origin(
        method="yolox",
        mark="backbone.backbone.",
        licence="Apache-2.0",
        home="github.com/Megvii-BaseDetection/YOLOX",
        convert=_convert_yolox,
    ),
    Origin(
        method="ms2a",
        mark="bbox_head.relation_nets.",
        licence=AUTHORS_LICENCE,
        home="github.com/GuHuangAI/MS2A",
        convert=_convert_ms2a,
    ),
    Origin(
        method="yolox",
        mark="bbox_head.multi_level_",
        licence="Apache-2.0",
        home="github.com/open-mmlab/mmdetection",
        convert=_convert_yolox,
    ),
    Origin(
        method="o2f",
        mark="bbox_head.centerness_convs.",
        licence="Apache-2.0",
        home="github.com/strongwolf/o2f",
        convert=_convert_o2f,
    ),
    Origin(
        method=BACKBONE,
        mark="res2_0_branch2a_",
        licence=MSRA_LICENCE,
        home="detectron2's model zoo, ImageNetPretrained/MSRA",
        convert=_convert_msra,
    ),
    Origin(
        method=BACKBONE,
        mark="layer3.22.",
        licence="BSD-3-Clause",
        home="torchvision",
        convert=_convert_resnet101,
    ),
    Origin(
        method=BACKBONE,
        mark="layer4.2.",
        licence="BSD-3-Clause",
        home="torchvision",
        convert=_convert_classifier,
    ),
    Origin(
        method=BACKBONE,
        mark="features.1.0.attn.",
        licence="BSD-3-Clause",
        home="torchvision",
        convert=_convert_classifier,
    ),
    Origin(
        method=BACKBONE,
        mark="layers.0.blocks.0.attn.",
        licence="MIT",
        home="github.com/microsoft/Swin-Transformer",
        convert=_convert_classifier,
    ),
)


def _origin_of(state: State, source: Path) -> Origin:
    for origin in ORIGINS:
        if any(key.removeprefix(WRAPPED).startswith(origin.mark) for key in state):
            return origin
    raise WeightsError(
        "a checkpoint of no known method",
        file=source,
        got=f"{len(state)} entries, the first '{next(iter(state))}'",
        expected="a checkpoint of OS2D, DeFRCN, TFA, MPSR, YOLOX or O2F, MSRA's R-50.pkl or "
        "R-101.pkl, or an ImageNet ResNet or tiny Swin",
        remedy="Other plain backbones need no conversion",
    )
