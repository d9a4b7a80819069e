"""The field's metrics against the originals': VOC, COCO by strata, summaries over seeds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
from defrcn_reference import KINDS
from golden_cases import file_params

from handful.data.splits.divisions import COCO_NOVEL_IDS
from handful.evaluate.coco import coco_evaluation
from handful.evaluate.seeds import published_tables
from handful.evaluate.strata import published_coco, strata
from handful.evaluate.voc import VOC_2007, VOC_2012, VocEvaluation, voc_evaluation
from handful.evaluate.voc_matching import FoundBoxes, KnownBoxes

pytestmark = pytest.mark.golden
VOC_TOLERANCE, COCO_TOLERANCE = 1e-9, 1e-6


@pytest.mark.parametrize("file", file_params("defrcn", "voc_eval", KINDS))
@pytest.mark.parametrize("year", ["2007", "2012"])
def test_voc_eval(file: Path, year: str) -> None:
    with numpy.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    cases = [name.removesuffix("_gt") for name in arrays if name.endswith("_gt")]
    assert cases
    names = arrays["classes"].tolist()
    for case in cases:
        measured = voc_evaluation(
            *voc_columns(arrays[f"{case}_gt"], arrays[f"{case}_det"]),
            names,
            rules={"2007": VOC_2007, "2012": VOC_2012}[year],
        )
        near(measured.ap, arrays[f"{case}_ap_{year}"], VOC_TOLERANCE, f"{case} AP")
        for name, curve in zip(names, measured.curves, strict=True):
            if f"{case}_rec_{name}" in arrays:
                near(curve.recall, arrays[f"{case}_rec_{name}"], VOC_TOLERANCE, name)
                near(curve.precision, arrays[f"{case}_prec_{name}"], VOC_TOLERANCE, name)
        keys = arrays[f"{case}_result_names_{year}"].tolist()
        ours = voc_result(measured, arrays)
        assert list(ours) == keys
        theirs = arrays[f"{case}_result_values_{year}"]
        near([ours[key] for key in keys], theirs, VOC_TOLERANCE, f"{case} results")


@pytest.mark.parametrize("file", file_params("defrcn", "coco_eval", KINDS))
def test_coco_eval(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    names = {row["id"]: row["name"] for row in content["gt"]["categories"]}
    novel = [names[number] for number in COCO_NOVEL_IDS if number in names]
    base = [name for name in names.values() if name not in novel]
    results = [
        {
            "image_id": int(picture),
            "category_id": int(category),
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for picture, category, left, top, right, bottom, score in content[
            "detections_image_catid_xyxy_score"
        ]
    ]
    measured = coco_evaluation(content["gt"], results)
    figures = strata(measured.figures, measured.class_names, base=base, novel=novel)
    assert content["cases"]
    for part, theirs in content["cases"].items():
        ours = published_coco(figures, part, found=measured.found)
        assert list(ours) == list(theirs)
        near(list(ours.values()), list(theirs.values()), COCO_TOLERANCE, part)


@pytest.mark.parametrize("file", file_params("defrcn", "seed_statistics", KINDS))
def test_seed_statistics(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    assert published_tables(content["header"], content["runs"]) == content["results_txt"]


def voc_result(measured: VocEvaluation, arrays: dict[str, numpy.ndarray]) -> dict[str, float]:
    """The original counts classes without objects too, and reports in percent."""
    figures = strata(
        lambda labels: measured.figures(labels, as_original=True),
        measured.class_names,
        base=arrays["base_classes"].tolist(),
        novel=arrays["novel_classes"].tolist(),
    )
    return {name: numpy.nan if value is None else 100 * value for name, value in figures.items()}


def voc_columns(known: numpy.ndarray, found: numpy.ndarray) -> tuple[KnownBoxes, FoundBoxes]:
    whole = known.astype(numpy.int64)
    return (
        KnownBoxes(whole[:, 0], whole[:, 1], known[:, 2:6].astype(float), known[:, 6] > 0),
        FoundBoxes(
            found[:, 0].astype(numpy.int64),
            found[:, 1].astype(numpy.int64),
            found[:, 2:6],
            found[:, 6],
        ),
    )


def near(ours: object, theirs: object, tolerance: float, what: str) -> None:
    numpy.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=what)
