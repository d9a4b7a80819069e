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
TORCHVISION = "https://download.pytorch.org/models/"

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
