"""The official files that are known by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handful.errors import WeightsError, suggest


@dataclass(frozen=True)
class OfficialFile:
    """A published file.

    url: None where the authors offer no address that a program can fetch. sha256: whole, or
    the first digits where only these are published, or None. where: what to tell a person
    who must fetch it by hand. next_step: what to do with it then.
    """

    name: str
    about: str
    licence: str
    url: str | None = None
    sha256: str | None = None
    where: str = ""
    next_step: str = ""


OS2D_HOME = "github.com/aosokin/os2d, README, section 'Trained models' (Google Drive)"
DIVISIONS = {f"voc{split}": f"VOC split {split}" for split in (1, 2, 3)} | {"coco": "COCO"}
DEFRCN_HOME = (
    "github.com/er-muyue/DeFRCN, README, links to its base models, and keep it under this name"
)
TFA_HOME = (
    "github.com/ucbdrive/few-shot-object-detection, docs/MODEL_ZOO.md, and keep it under this name"
)
MPSR_HOME = "github.com/open-mmlab/mmfewshot, configs/detection/mpsr, README"
MPSR_AUTHORS_HOME = "github.com/jiaxi-wu/MPSR, README"
MPSR_SHOTS = {variant: (10, 30) if variant == "coco" else (1, 2, 3, 5, 10) for variant in DIVISIONS}
"""Shots of the fine-tuned models that mmfewshot publishes."""

AUTHORS_LICENCE = "as its authors say"
MSRA_LICENCE = "CC BY-SA 3.0 (detectron2's model zoo), made from MSRA's, MIT"
MSRA_HOME = (
    "dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/MSRA (detectron2's model zoo; "
    "no checksum is published)"
)
YOLOX_HOME = "github.com/Megvii-BaseDetection/YOLOX, release 0.1.1rc0 (no checksum is published)"
YOLOX_SIZES = ("nano", "tiny", "s", "m", "l", "x")
O2F_HOME = "github.com/strongwolf/o2f, README (Google Drive), and keep it under this name"
O2F_FILES = {
    "r50_1x": "ResNet-50, COCO, 12 epochs",
    "r50_3x_ms": "ResNet-50, COCO, 36 epochs",
    "r101_1x": "ResNet-101, COCO, 12 epochs",
    "r101_3x_ms": "ResNet-101, COCO, 36 epochs",
    "condinst_r50_1x": "ResNet-50 with masks, COCO, 12 epochs",
    "condinst_r50_3x": "ResNet-50 with masks, COCO, 36 epochs",
    "crowdhuman": "ResNet-50, people on CrowdHuman, 50 epochs",
}
"""Name of its settings -> what it is."""

MMDET_YOLOX = {
    "tiny": "20211124_171234-b4047906",
    "s": "20211121_095711-4592a793",
    "l": "20211126_140236-d3bd2b23",
    "x": "20211126_140254-1ef88d67",
}
"""Size -> date of the file and the first digits of its checksum."""

MMDET = "https://download.openmmlab.com/mmdetection/v2.0/yolox/"
TORCHVISION = "https://download.pytorch.org/models/"


def _mmdet_yolox(size: str, stamp: str) -> OfficialFile:
    folder = f"yolox_{size}_8x8_300e_coco"
    name = f"{folder}_{stamp}.pth"
    return OfficialFile(
        name=name,
        about=f"YOLOX-{size}, trained on COCO, mmdet",
        licence="Apache-2.0",
        url=f"{MMDET}{folder}/{name}",
        sha256=stamp.rpartition("-")[2],
        next_step=f"handful weights convert {name}",
    )


def _mpsr(variant: str) -> Iterator[OfficialFile]:
    """Yield mmfewshot's files of a division, and the authors' base behind two of them."""
    setting = f"mpsr_r101_fpn_2xb2_{variant.replace('voc', 'voc-split')}"
    base = f"base stage on {DIVISIONS[variant]}"
    row = f"{MPSR_HOME}, row {setting}_base-training"
    yield _mpsr_file(f"{variant}_base", f"{base}, mmfewshot", row)
    if variant != "coco":
        yield _mpsr_file(
            f"{variant}_base_converted",
            f"{base}, the authors', converted by mmfewshot: its fine-tuned models start from it",
            f"{row} with a star (convert_….pth)",
            licence=f"{AUTHORS_LICENCE}; mmfewshot is Apache-2.0",
        )
        yield _mpsr_file(
            f"{variant}_base_authors",
            f"{base}, the authors'",
            MPSR_AUTHORS_HOME,
            licence=AUTHORS_LICENCE,
        )
    for shots in MPSR_SHOTS[variant]:
        yield _mpsr_file(
            f"{variant}_{shots}shot",
            f"{DIVISIONS[variant]}, {shots} boxes a class, mmfewshot",
            f"{MPSR_HOME}, row {setting}_{shots}shot-fine-tuning",
        )


def _mpsr_file(part: str, about: str, where: str, *, licence: str = "Apache-2.0") -> OfficialFile:
    name = f"mpsr_{part}.pth"
    return OfficialFile(
        name=name,
        about=f"MPSR, ResNet-101 FPN, {about}",
        licence=licence,
        where=f"{where}, and keep it under this name",
        next_step=f"handful weights convert {name} --variant {part.partition('_')[0]}",
    )


CATALOGUE: tuple[OfficialFile, ...] = (
    OfficialFile(
        name="os2d_v2-train.pth",
        about="OS2D V2, ResNet-50, trained on Grozi-3.2k",
        licence="MIT",
        where=OS2D_HOME,
        next_step="handful weights convert os2d_v2-train.pth --variant v2",
    ),
    OfficialFile(
        name="os2d_v1-train.pth",
        about="OS2D V1, ResNet-101, trained on Grozi-3.2k",
        licence="MIT",
        where=OS2D_HOME,
        next_step="handful weights convert os2d_v1-train.pth --variant v1",
    ),
    OfficialFile(
        name="os2d_v2-init.pth",
        about="OS2D V2 before training: ImageNet ResNet-50, transform net of weakalign",
        licence="MIT",
        where=OS2D_HOME,
        next_step="handful weights convert os2d_v2-init.pth --variant v2",
    ),
    OfficialFile(
        name="resnet50-0676ba61.pth",
        about="ResNet-50, ImageNet, torchvision V1",
        licence="BSD-3-Clause",
        url=TORCHVISION + "resnet50-0676ba61.pth",
        sha256="0676ba61",
        next_step="handful weights convert resnet50-0676ba61.pth (O2F starts from it)",
    ),
    OfficialFile(
        name="resnet101-63fe2227.pth",
        about="ResNet-101, ImageNet, torchvision V1",
        licence="BSD-3-Clause",
        url=TORCHVISION + "resnet101-63fe2227.pth",
        sha256="63fe2227",
    ),
    OfficialFile(
        name="swin_t-704ceda3.pth",
        about="Swin, tiny, ImageNet, torchvision V1: O2F with that trunk can start from it",
        licence="BSD-3-Clause",
        url=TORCHVISION + "swin_t-704ceda3.pth",
        sha256="704ceda3",
        next_step="handful weights convert swin_t-704ceda3.pth",
    ),
    OfficialFile(
        name="swin_tiny_patch4_window7_224.pth",
        about="Swin, tiny, ImageNet, its authors': O2F with that trunk was trained from it",
        licence="MIT",
        where="github.com/microsoft/Swin-Transformer, README (no checksum is published)",
        next_step="handful weights convert swin_tiny_patch4_window7_224.pth",
    ),
    OfficialFile(
        name="resnet101-5d3b4d8f.pth",
        about="ResNet-101, ImageNet, torchvision V1: embeds boxes for DeFRCN's calibration (PCB)",
        licence="BSD-3-Clause",
        url=TORCHVISION + "resnet101-5d3b4d8f.pth",
        sha256="5d3b4d8f",
        next_step="handful weights convert resnet101-5d3b4d8f.pth",
    ),
    OfficialFile(
        name="R-101.pkl",
        about="ResNet-101, ImageNet, MSRA (Caffe): base stages of DeFRCN and TFA start from it",
        licence=MSRA_LICENCE,
        where=MSRA_HOME,
        next_step="handful weights convert R-101.pkl",
    ),
    OfficialFile(
        name="R-50.pkl",
        about="ResNet-50, ImageNet, MSRA (Caffe)",
        licence=MSRA_LICENCE,
        where=MSRA_HOME,
        next_step="handful weights convert R-50.pkl",
    ),
    *(
        OfficialFile(
            name=f"defrcn_{variant}_base.pth",
            about=f"DeFRCN, ResNet-101 C4, base stage on {set_name}",
            licence="MIT",
            where=DEFRCN_HOME,
            next_step=f"handful weights convert defrcn_{variant}_base.pth --variant {variant}",
        )
        for variant, set_name in DIVISIONS.items()
    ),
    *(
        OfficialFile(
            name=f"tfa_{variant}_base.pth",
            about=f"TFA, ResNet-101 FPN, base stage on {set_name}",
            licence="Apache-2.0",
            where=TFA_HOME,
            next_step=f"handful weights convert tfa_{variant}_base.pth --variant {variant}",
        )
        for variant, set_name in DIVISIONS.items()
    ),
    *(file for variant in DIVISIONS for file in _mpsr(variant)),
    *(
        OfficialFile(
            name=f"yolox_{size}.pth",
            about=f"YOLOX-{size}, trained on COCO, Megvii",
            licence="Apache-2.0",
            where=YOLOX_HOME,
            next_step=f"handful weights convert yolox_{size}.pth",
        )
        for size in YOLOX_SIZES
    ),
    *(
        OfficialFile(
            name=f"o2f_{settings}.pth",
            about=f"O2F, {about}",
            licence="Apache-2.0",
            where=O2F_HOME,
            next_step=f"handful weights convert o2f_{settings}.pth"
            + (" --variant crowdhuman" if settings == "crowdhuman" else ""),
        )
        for settings, about in O2F_FILES.items()
    ),
    *(_mmdet_yolox(size, stamp) for size, stamp in MMDET_YOLOX.items()),
)


def find_official(name: str) -> OfficialFile:
    """Return the catalogue's entry; raises ``WeightsError`` with the nearest name."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise WeightsError(
        "no official file of this name",
        got=f"'{name}'",
        remedy=suggest(name, [entry.name for entry in CATALOGUE]),
    )
