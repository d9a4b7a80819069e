"""Few-shot sets of any data set, written as files: what ``handful data fewshot`` does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from handful.data.dataset import Dataset
from handful.data.formats import read_dataset, write_dataset
from handful.data.formats.output import replacing_folder
from handful.data.splits.divisions import DIVISIONS, ClassDivision, division_of
from handful.data.splits.manifest import ShotManifest, Unit, dataset_from_manifest, set_name
from handful.data.splits.names import VOC_SHOTS
from handful.data.splits.picture_sampler import named_pictures, sample_pictures
from handful.data.splits.sampler import sample_shots
from handful.errors import ConfigError, DataError
from handful.files import read_json, write_json
from handful.reporter import Reporter, SilentReporter, track

Setting = Literal["fsod", "gfsod"]
"""fsod: shots of the novel classes only. gfsod: shots of all classes."""

INDEX, SUPPORT, MANIFEST = "index.json", "support.json", "manifest.json"
INDEX_KIND = "few-shot sets"
"""How a folder is known to hold nothing but what this module wrote."""


@dataclass(frozen=True)
class FewShotSet:
    """One set in its folder.

    shots: K. fewer: classes with less than K boxes -> how many they have; of K pictures, the
    classes that none of them shows -> 0.
    """

    folder: str
    shots: int
    seed: int
    boxes: int
    pictures: int
    fewer: dict[str, int]


@dataclass(frozen=True)
class FewShotSets:
    """What ``data_fewshot`` wrote; novel: empty if the classes are not divided."""

    source: str
    out: str
    dataset: str
    setting: Setting | None
    class_names: tuple[str, ...]
    novel: tuple[str, ...]
    repetition: str
    sets: tuple[FewShotSet, ...]
    unit: Unit = "boxes"

    def to_json(self) -> dict[str, Any]:
        """Return plain Python values, ready for ``json.dumps``."""
        return {"kind": INDEX_KIND, **asdict(self)}


def data_fewshot(
    source: Path | str | Dataset,
    out: Path | str,
    *,
    shots: Sequence[int] = VOC_SHOTS,
    pictures: Sequence[int] = (),
    files: Sequence[str] = (),
    seeds: int = 1,
    novel: Sequence[str] = (),
    setting: Setting | None = None,
    format: str | None = None,
    images: Path | str | None = None,
    nested: bool = True,
    keep_others: bool = False,
    difficult: bool = False,
    allow_fewer: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> FewShotSets:
    """Draw K boxes a class for every K and for the seeds 0 to ``seeds`` - 1, and write them.

    Each ``out/shots{K}-seed{S}/`` gets ``support.json`` (COCO) and ``manifest.json`` (exactly
    which boxes); ``out/index.json`` lists them. pictures: instead of boxes, numbers of whole
    annotated pictures (see ``sample_pictures``), written as ``pictures{K}-seed{S}``. files:
    instead of a draw, the names of such pictures (see ``named_pictures``), ``pictures{K}-given``.
    novel: names of the novel classes, or voc1, voc2, voc3, coco; with them ``setting`` says whose
    shots are drawn, by default "fsod". nested to allow_fewer: see ``sample_shots``; of whole
    pictures all boxes are kept. overwrite: replace what an earlier call wrote, as a whole.
    Raises ``DataError`` and ``ConfigError``; then nothing is changed.
    """
    if seeds < 1:
        raise ConfigError("no seed to draw", field="seeds", got=seeds, expected="1 or more")
    _require_one_way(shots, pictures, files, seeds)
    if setting is not None and not novel:
        raise ConfigError(
            "a setting needs novel classes",
            field="setting",
            got=setting,
            remedy="Name them with --novel, or leave --setting out",
        )
    place = Path(out)
    _require_free(place, overwrite)
    dataset = (
        source
        if isinstance(source, Dataset)
        else read_dataset(source, format=format, images=images)
    )
    _require_apart(dataset, place)
    division = _division(dataset, novel)
    setting = (setting or "fsod") if division else None
    names = _class_names(dataset, division, setting)
    draw = (
        partial(sample_pictures, dataset, pictures)
        if pictures
        else partial(sample_shots, dataset, shots, nested=nested, keep_others=keep_others)
    )
    manifests = (
        [named_pictures(dataset, files, classes=names, difficult=difficult)]
        if files
        else [
            manifest
            for seed in range(seeds)
            for manifest in draw(
                seed=seed, classes=names, difficult=difficult, allow_fewer=allow_fewer
            ).values()
        ]
    )
    if division:
        manifests = [replace(manifest, novel=division.novel) for manifest in manifests]
    with _replaced(place, overwrite) as folder:
        steps = track(manifests, reporter or SilentReporter(), "writing few-shot sets")
        written = FewShotSets(
            source=dataset.name if isinstance(source, Dataset) else str(source),
            out=str(out),
            dataset=dataset.name,
            setting=setting,
            class_names=names,
            novel=division.novel if division else (),
            repetition=manifests[0].repetition,
            sets=tuple(_write(dataset, manifest, folder, bool(files)) for manifest in steps),
            unit=manifests[0].unit,
        )
        write_json(folder / INDEX, written.to_json())
    return written


def _division(dataset: Dataset, novel: Sequence[str]) -> ClassDivision | None:
    if not novel:
        return None
    named = len(novel) == 1 and novel[0] in DIVISIONS and novel[0] not in dataset.class_names
    return division_of(dataset.class_names, DIVISIONS[novel[0]].novel if named else novel)


def _class_names(
    dataset: Dataset, division: ClassDivision | None, setting: Setting | None
) -> tuple[str, ...]:
    if division is None:
        return dataset.class_names
    if setting not in ("fsod", "gfsod"):
        raise ConfigError("unknown setting", field="setting", got=setting, expected="fsod or gfsod")
    return division.classes("novel" if setting == "fsod" else "all")


def _require_one_way(
    shots: Sequence[int], pictures: Sequence[int], files: Sequence[str], seeds: int
) -> None:
    ways = {
        "shots": tuple(shots) != VOC_SHOTS,
        "pictures": bool(pictures),
        "files": bool(files),
    }
    asked = [way for way, is_asked in ways.items() if is_asked]
    if len(asked) > 1:
        raise ConfigError(
            "boxes a class, whole pictures and named pictures exclude each other",
            field=asked[-1],
            got=" and ".join(asked),
            expected="one of them",
        )
    if files and seeds > 1:
        raise ConfigError("named pictures are not drawn", field="seeds", got=seeds, expected=1)


def _write(dataset: Dataset, manifest: ShotManifest, root: Path, given: bool) -> FewShotSet:
    name = f"pictures{manifest.shots}-given" if given else set_name(manifest)
    support = dataset_from_manifest(dataset, manifest)
    write_dataset(support, root / name / SUPPORT, format="coco")
    write_json(root / name / MANIFEST, manifest.to_json())
    counts = manifest.counts()
    enough = manifest.shots if manifest.unit == "boxes" else 1
    return FewShotSet(
        folder=name,
        shots=manifest.shots,
        seed=manifest.seed,
        boxes=sum(counts.values()),
        pictures=len(support.pictures),
        fewer={label: count for label, count in counts.items() if count < enough},
    )


def _require_free(out: Path, overwrite: bool) -> None:
    """Raise ``DataError`` unless ``out`` is new or empty, or ours and to be overwritten."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_ours(out):
        raise DataError(
            "the destination holds other things, which are not to be mixed with few-shot sets",
            file=out,
            remedy="Name a new folder",
        )
    if not overwrite:
        raise DataError(
            "the destination holds few-shot sets already",
            file=out,
            remedy="Name a new folder, or replace all of them with --overwrite",
        )


def _is_ours(out: Path) -> bool:
    if not (out / INDEX).is_file():
        return False
    try:
        index = read_json(out / INDEX)
    except DataError:
        return False
    if not isinstance(index, dict) or index.get("kind") != INDEX_KIND:
        return False
    listed = {entry.get("folder") for entry in index.get("sets", ()) if isinstance(entry, dict)}
    return {entry.name for entry in out.iterdir()} <= listed | {INDEX}


def _require_apart(dataset: Dataset, out: Path) -> None:
    """Raise ``DataError`` if a picture lies where the sets are going to be written."""
    inside = out.resolve()
    for picture in dataset.pictures:
        if picture.path is not None and inside in picture.path.resolve().parents:
            raise DataError(
                "a picture of the data set lies in the destination",
                file=picture.path,
                remedy="Name another folder for the few-shot sets",
            )


@contextmanager
def _replaced(out: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder that takes the place of ``out`` when the block succeeds."""
    if not (overwrite and out.exists()):
        with replacing_folder(out) as folder:
            yield folder
        return
    # all three lie side by side, so that the relative paths in the files hold after the moves
    target = out.absolute()
    new, old = (_unused_sibling(target, word) for word in ("new", "old"))
    with replacing_folder(new) as folder:
        yield folder
    target.rename(old)
    new.rename(target)
    shutil.rmtree(old)


def _unused_sibling(target: Path, word: str) -> Path:
    place = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-{word}-"))
    place.rmdir()
    return place
