from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_set import drawn_set

from handful.data.describe import describe
from handful.report.dataset_page import size_plots, write_dataset_page

DATASET = drawn_set([(0, 0), (0, 1), (1, 1), (2, 1)], difficult=[False, True, False, False])


def page_of(folder: Path, dataset=DATASET, shown=(0, 2)) -> str:
    facts = describe(dataset, path="there", format="coco")
    return write_dataset_page(folder / "page.html", dataset, facts, shown=shown).read_text("utf-8")


def test_the_page_holds_counts_plots_and_pictures_and_needs_nothing_else(tmp_path):
    page = page_of(tmp_path)
    assert page.count("data:image/jpeg;base64") == 2 and page.count("<svg") == 3
    assert "0.png: 2 boxes" in page and "2.png: 1 boxes" in page and "1.png" not in page
    assert page.index("<td>key") < page.index("<td>cup")
    assert 'src="http' not in page and [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_shares_rise_from_the_smallest_to_the_largest_box():
    side = size_plots(DATASET)[0]
    assert [line.name for line in side.lines] == ["all", "key", "cup"]
    for line in side.lines:
        assert list(line.x) == sorted(line.x) and list(line.y) == sorted(line.y)
        assert line.y[0] == 0 and line.y[-1] == 100


def test_pictures_that_cannot_be_read_are_named(tmp_path):
    lost = replace(DATASET.pictures[2], source=tmp_path / "lost.png")
    page = page_of(tmp_path, replace(DATASET, pictures=(*DATASET.pictures[:2], lost)))
    assert "cannot be read (1)" in page and "lost.png" in page


@pytest.mark.parametrize("rows", [[], [(0, 0)]])
def test_a_set_with_hardly_a_box_has_a_page(tmp_path, rows):
    page = page_of(tmp_path, drawn_set(rows), shown=())
    assert ("<svg" in page) == bool(rows) and "No picture is shown" in page


def test_outlines_are_laid_over_their_pictures(tmp_path):
    outlines = tuple(((0.0, 0.0, 20.0, 0.0, 20.0, 20.0, 0.0, 20.0),) for _ in range(4))
    plain = page_of(tmp_path, shown=(2,))
    assert page_of(tmp_path, replace(DATASET, outlines=outlines), shown=(2,)) != plain
