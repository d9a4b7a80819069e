"""How training pictures come to YOLOX: published augmentation of both flavours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handful.data.transforms import Chain, HorizontalFlip, Letterbox, Sometimes, Transform
from handful.data.transforms.affine import RandomAffine
from handful.data.transforms.filtering import DropSmall, KeepObjects
from handful.data.transforms.hsv import HSVJitter
from handful.data.transforms.mixup import MixUp
from handful.data.transforms.mosaic import Mosaic
from handful.data.transforms.partners import Partners
from handful.errors import ConfigError
from handful.methods.yolox.config import YOLOXConfig


@dataclass(frozen=True)
class DenseAugmentation:
    """What is done to training pictures; the defaults are those of sizes s to x (Megvii).

    mosaic: how often four pictures are put together, and then turned, scaled by ``scale`` and
    the rest. mixup: how often the result is blended with another picture, whose factor comes
    from ``mixup_scale``. rotation, shear: largest degrees. translate: largest shift, as a part
    of the input. hue, saturation, value: largest steps of 180 and 255. flip: how often a
    picture is mirrored. smallest: pixels a box must exceed both ways. most: boxes learnt from
    of one picture (Megvii).
    """

    mosaic: float = 1.0
    scale: tuple[float, float] = (0.1, 2.0)
    rotation: float = 10.0
    shear: float = 2.0
    translate: float = 0.1
    mixup: float = 1.0
    mixup_scale: tuple[float, float] = (0.5, 1.5)
    hue: float = 5.0
    saturation: float = 30.0
    value: float = 30.0
    flip: float = 0.5
    smallest: float = 1.0
    most: int = 120

    def __post_init__(self) -> None:
        for name in ("mosaic", "mixup", "flip"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    "an augmentation that makes no sense",
                    field=name,
                    got=getattr(self, name),
                    expected="0 to 1",
                )


_SMALL_SCALE = (0.5, 1.5)
_MMDET_MIXUP_SCALE = (0.8, 1.6)


def published_augmentation(config: YOLOXConfig) -> DenseAugmentation:
    """Return what the network of ``config`` was trained with on COCO."""
    full = DenseAugmentation()
    if config.flavour == "mmdet":
        full = replace(full, mixup_scale=_MMDET_MIXUP_SCALE)
    if config.size not in ("nano", "tiny"):
        return full
    halved = config.size == "nano" and config.flavour == "megvii"
    return replace(full, mosaic=0.5 if halved else 1.0, scale=_SMALL_SCALE, mixup=0.0)


def train_transform(
    config: YOLOXConfig, augmentation: DenseAugmentation, partners: Partners
) -> Transform:
    """Return what happens to a training picture; ``partners`` are what it is combined with.

    Colours change and pictures are mirrored at the size of the input, in both flavours; in
    mmdet's that happens before a picture that is no mosaic is resized.
    """
    if not augmentation.mosaic:
        return closing_transform(config, augmentation)
    combined = Sometimes(_combination(config, augmentation, partners), augmentation.mosaic)
    return Chain((combined, closing_transform(config, augmentation)))


def closing_transform(
    config: YOLOXConfig, augmentation: DenseAugmentation | None = None
) -> Transform:
    """Return what happens to a training picture in the last epochs: nothing is combined.

    Without ``augmentation``, colours and mirroring are as published.
    """
    augmentation = augmentation or published_augmentation(config)
    changes = Chain(
        (
            HSVJitter(augmentation.hue, augmentation.saturation, augmentation.value),
            HorizontalFlip(augmentation.flip),
            DropSmall(augmentation.smallest),
        )
    )
    if config.flavour == "mmdet":
        return Chain((Letterbox(config.input_size, "half_up"), changes))
    # Megvii learns from the picture as it was, small boxes and all, rather than from no box.
    return Chain((Letterbox(config.input_size), KeepObjects(changes, most=augmentation.most)))


def _combination(
    config: YOLOXConfig, augmentation: DenseAugmentation, partners: Partners
) -> Transform:
    frame, fill = config.input_size, config.pad_value
    mmdet = config.flavour == "mmdet"
    steps: list[Transform] = [
        Mosaic(frame, partners, drop_outside=mmdet, fill=fill),
        RandomAffine(
            frame,
            scale=augmentation.scale,
            rotation=augmentation.rotation,
            shear=augmentation.shear,
            translate=augmentation.translate,
            drop_outside=mmdet,
            fill=fill,
        ),
    ]
    if augmentation.mixup:
        mixup = MixUp(
            frame,
            partners,
            scale=augmentation.mixup_scale,
            onto_empty=mmdet,
            drop_outside=mmdet,
            fill=fill,
        )
        steps.append(Sometimes(mixup, augmentation.mixup))
    return Chain(tuple(steps))
