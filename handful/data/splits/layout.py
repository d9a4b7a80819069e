"""Where the field's files lie below its root, usually called ``datasets``.

    VOC2007/ VOC2012/      Annotations/ ImageSets/Main/ JPEGImages/
    vocsplit/seed0 … 29/   box_5shot_sofa_train.txt
    coco/                  trainval2014/ val2014/
    cocosplit/datasplit/   trainvalno5k.json 5k.json
    cocosplit/seed0 … 9/   full_box_5shot_potted plant_trainval.json

TFA keeps seed 0 directly in ``vocsplit`` and ``cocosplit``; both places will do, and so will
mmfewshot's, which has nothing but seed 0:

    few_shot_ann/voc/benchmark_5shot/     box_5shot_sofa_train.txt
    few_shot_ann/coco/annotations/        train.json val.json
    few_shot_ann/coco/benchmark_10shot/   full_box_10shot_potted plant_trainval.json
"""

from __future__ import annotations

import re
from pathlib import Path

from handful.data.splits.names import Family, Subset
from handful.errors import DataError

PREFIX = "datasets"
"""What the published lists call the root."""

COCO_FILES: dict[Subset, str] = {"trainval": "trainvalno5k.json", "test": "5k.json"}
BENCHMARKS = "few_shot_ann"
BENCHMARK_COCO_FILES: dict[Subset, str] = {"trainval": "train.json", "test": "val.json"}
COCO_PICTURES: dict[Subset, str] = {"trainval": "coco/trainval2014", "test": "coco/val2014"}

_IMAGE_ID = re.compile(r"(\d{4}_)?\d{6}")
_YEARS_APART = 1_000_000


def voc_year(image_id: str) -> int:
    """Return 2012 for an id with an underscore (2008_000123), else 2007."""
    return 2012 if "_" in image_id else 2007


def voc_number(image_id: str) -> int:
    """Return 123 for 000123 and 2008000123 for 2008_000123; raises ``DataError`` for others."""
    if not _IMAGE_ID.fullmatch(image_id):
        raise DataError(
            "not the id of a picture of VOC",
            got=f"'{image_id}'",
            expected="six digits, or year_six digits",
            remedy="Read other VOC folders with --format voc",
        )
    return int(image_id.replace("_", ""))


def voc_image_id(number: int) -> str:
    """Return the id that ``voc_number`` made ``number`` of."""
    year, rest = divmod(number, _YEARS_APART)
    return f"{year}_{rest:06d}" if year else f"{rest:06d}"


def voc_list_name(shots: int, class_name: str) -> str:
    """Return the file name of the K-shot list of a VOC class."""
    return f"box_{shots}shot_{class_name}_train.txt"


def coco_shots_name(shots: int, class_name: str) -> str:
    """Return the file name of the K-shot JSON of a COCO class."""
    return f"full_box_{shots}shot_{class_name}_trainval.json"


def seed_file(root: Path, family: Family, seed: int, name: str, *, shots: int) -> Path:
    """Return where the file ``name`` of a seed lies; raises ``DataError`` if it is not there."""
    folder = root / f"{family}split"
    places = [folder / f"seed{seed}" / name]
    if seed == 0:
        places += [folder / name, benchmark_folder(root, family, shots) / name]
    for place in places:
        if place.is_file():
            return place
    raise missing(places[0], f"a list of seed {seed} is not there")


def benchmark_folder(root: Path, family: Family, shots: int) -> Path:
    """Return where mmfewshot keeps the lists of K shots, whether they are there or not."""
    return root / BENCHMARKS / family / f"benchmark_{shots}shot"


def coco_file(root: Path, subset: Subset) -> Path:
    """Return the annotations of an ordinary set of COCO; raises ``DataError`` if there are none."""
    places = (
        root / "cocosplit" / "datasplit" / COCO_FILES[subset],
        root / BENCHMARKS / "coco" / "annotations" / BENCHMARK_COCO_FILES[subset],
    )
    found = next((place for place in places if place.is_file()), None)
    return found or required_file(places[0], f"the file of COCO {subset} is not there")


def required_file(path: Path, what: str) -> Path:
    """Return ``path``; raises ``DataError`` with the expected layout if there is no such file."""
    if not path.is_file():
        raise missing(path, what)
    return path


def missing(path: Path, what: str) -> DataError:
    """Return the error of a file that the layout asks for and the root lacks."""
    return DataError(
        what,
        file=path,
        expected="below the root: VOC2007/ and VOC2012/ (Annotations, ImageSets/Main, JPEGImages), "
        "vocsplit/seedN/, coco/trainval2014/, coco/val2014/, cocosplit/datasplit/, "
        "cocosplit/seedN/",
        remedy="Name the folder that holds these, or put the file there",
    )
