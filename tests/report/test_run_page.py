"""The page of a run."""

from __future__ import annotations

from pathlib import Path

from handful.report.run_page import write_run_page

UPDATES = {
    "step": [1, 2, 3],
    "total": [3.0, 2.0, 1.0],
    "boxes": [1.0, 0.5, 0.25],
    "gradient": [9.0, 9.0, 9.0],
    "lr": [0.1, 0.1, 0.01],
    "time": [0.0, 1.0, 2.0],
}


def test_losses_figures_and_recipe_are_shown(tmp_path: Path) -> None:
    page = write_run_page(
        tmp_path / "index.html",
        title="cells <1>",
        updates=UPDATES,
        evaluations={"step": [3], "AP": [0.3], "AP50": [0.5], "time": [3.0]},
        recipe={"train.lr": "0.1"},
    ).read_text("utf-8")
    assert "cells &lt;1&gt;" in page and "3 updates so far" in page
    assert "total" in page and "AP50" in page and "train.lr" in page
    assert "gradient" not in page


def test_a_run_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    page = write_run_page(tmp_path / "p.html", title="x", updates={}, evaluations={}, recipe={})
    assert "0 updates so far" in page.read_text("utf-8")
