"""The official files that are known by name."""

from __future__ import annotations

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
MSRA_LICENCE = "CC BY-SA 3.0 (detectron2's model zoo), made from MSRA's, MIT"
MSRA_HOME = (
    "dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/MSRA (detectron2's model zoo; "
    "no checksum is published)"
)
YOLOX_HOME = "github.com/Megvii-BaseDetection/YOLOX, release 0.1.1rc0 (no checksum is published)"
YOLOX_SIZES = ("nano", "tiny", "s", "m", "l", "x")
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
    ),
    OfficialFile(
        name="resnet101-63fe2227.pth",
        about="ResNet-101, ImageNet, torchvision V1",
        licence="BSD-3-Clause",
        url=TORCHVISION + "resnet101-63fe2227.pth",
        sha256="63fe2227",
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
