"""What the three parts of an exported run hand on: ``meta.json`` in a folder of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from handful.errors import ConfigError, DataError
from handful.export.card import GraphCard
from handful.files import read_json, require_writable, write_json
from handful.recipes.tree import from_dict, to_dict

META = "meta.json"
Kind = Literal["inputs", "outputs"]
ENDINGS: dict[Kind, str] = {"inputs": ".npy", "outputs": ".npz"}
MADE_BY: dict[Kind, str] = {
    "inputs": "handful export-run preprocess",
    "outputs": "handful export-run infer",
}


@dataclass(frozen=True)
class PreparedPicture:
    """One picture of a run.

    id: as in the data set. original: (height, width) as read. size: as it is shown, padding
    excluded. scale: size over original, down and across. file: of its array, in the folder.
    """

    id: int
    file_name: str
    original: tuple[int, int]
    size: tuple[int, int]
    scale: tuple[float, float]
    file: str


@dataclass(frozen=True)
class Heading:
    """What holds for all pictures of a run.

    kind: whether the folder holds prepared pictures or what a graph gave for them. canvas:
    (height, width) that every picture is padded to, None for its own size. graph: sha256 of
    the graph that made the outputs.
    """

    kind: Kind
    dataset: str
    card: GraphCard
    canvas: tuple[int, int] | None
    graph: str = ""


@dataclass(frozen=True)
class Manifest(Heading):
    """All pictures of a run, and the graph they are for."""

    pictures: tuple[PreparedPicture, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        heading = to_dict(replace(self, pictures=()))
        return {**heading, "pictures": [to_dict(picture) for picture in self.pictures]}

    def as_outputs(self, card: GraphCard, *, graph: str) -> Manifest:
        """Return the manifest of what the graph of ``card`` gives for these pictures."""
        pictures = tuple(
            replace(picture, file=file_of("outputs", picture.id)) for picture in self.pictures
        )
        return replace(self, kind="outputs", card=card, graph=graph, pictures=pictures)


def file_of(kind: Kind, number: int) -> str:
    """Return where in its folder the array of picture ``number`` lies."""
    return f"{kind}/{number}{ENDINGS[kind]}"


def open_folder(folder: Path, manifest: Manifest) -> None:
    """Make ``folder`` that of ``manifest``, or go on in the one that is there.

    Raises ``DataError`` if it holds anything else, so that two runs are never mixed.
    """
    meta = folder / META
    if not meta.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _occupied(folder, "something else")
        require_writable(meta)
        write_json(meta, manifest.to_json())
    elif read_manifest(folder, manifest.kind) != manifest:
        raise _occupied(folder, "a run with other pictures, another model or other sizes")


def read_manifest(folder: Path, kind: Kind) -> Manifest:
    """Return the manifest of a folder of ``kind``; raises ``DataError`` if it is none."""
    file = folder / META
    if not file.is_file():
        raise DataError(
            f"not a folder with {kind} of an exported run",
            file=folder,
            got=f"no {META}",
            remedy=f"Make one with '{MADE_BY[kind]}'",
        )
    content = read_json(file)
    try:
        manifest = _built(content)
    except (ConfigError, TypeError, ValueError) as error:
        raise DataError(
            "the description of the folder cannot be read",
            file=file,
            got=str(error),
            remedy=f"Make the folder again with '{MADE_BY[kind]}'",
        ) from error
    if manifest.kind != kind:
        raise DataError(
            "the folder is of another part of the run",
            file=folder,
            got=manifest.kind,
            expected=kind,
            remedy=f"Give the folder that '{MADE_BY[kind]}' wrote",
        )
    for picture in manifest.pictures:
        # Names are made, not believed: they must not lead out of the folder.
        if picture.file != file_of(kind, picture.id):
            raise DataError(
                "a file name in the description is not the one of its picture",
                file=file,
                field=f"picture {picture.id}",
                got=picture.file,
                expected=file_of(kind, picture.id),
            )
    return manifest


def _built(content: object) -> Manifest:
    if not isinstance(content, Mapping):
        raise ValueError("no table of fields")
    entries = dict(cast(Mapping[str, Any], content))
    pictures = entries.pop("pictures", None)
    if not isinstance(pictures, list):
        raise ValueError("no list of pictures")
    return Manifest(
        **vars(from_dict(Heading, entries)),
        pictures=tuple(
            from_dict(PreparedPicture, picture, place=f"pictures.{index}")
            for index, picture in enumerate(pictures)
        ),
    )


def _occupied(folder: Path, got: str) -> DataError:
    return DataError(
        "the output folder is not empty",
        file=folder,
        got=got,
        expected="nothing, or the same run to go on with",
        remedy="Name another folder, or remove this one",
    )
