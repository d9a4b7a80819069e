from __future__ import annotations

import dataclasses

import pytest

from handful.bench.evaluation import (
    COLUMNS,
    EvaluationTask,
    bench_evaluation,
    evaluation_command,
    evaluation_markdown,
    evaluation_rows,
    random_boxes,
)
from handful.errors import ConfigError

SMALL = EvaluationTask(pictures=20, boxes=10, classes=5, repeats=2)


def test_both_evaluators_agree_and_are_timed() -> None:
    result = bench_evaluation(SMALL)
    assert result["largest_difference"] < 1e-6
    assert 0.01 < result["figures"]["AP"] < 0.9
    assert set(result["seconds"]) == {"handful", "pycocotools"}
    assert len(evaluation_rows(result)[0]) == len(COLUMNS)
    page = evaluation_markdown(result)
    assert f"`{evaluation_command(result)}`" in page and "20 pictures with 10 known" in page


def test_random_boxes_have_what_makes_matching_hard() -> None:
    truth, results = random_boxes(EvaluationTask(pictures=200, boxes=20, classes=10))
    assert any(row["iscrowd"] for row in truth["annotations"])
    assert len({row["score"] for row in results}) < len(results)
    shown = {row["category_id"] for row in truth["annotations"]}
    assert {row["category_id"] for row in results} - shown == {10}
    assert random_boxes(SMALL) == random_boxes(SMALL)
    assert random_boxes(SMALL) != random_boxes(dataclasses.replace(SMALL, seed=1))


@pytest.mark.parametrize("field", ["pictures", "boxes", "classes", "repeats"])
def test_nothing_to_measure_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        dataclasses.replace(SMALL, **{field: 0})
