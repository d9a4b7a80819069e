from __future__ import annotations

import pytest

from handful.errors import ConfigError
from handful.report.runs_page import runs_plots, write_runs_page


def log(scale: float = 1.0):
    """Return the updates and evaluations of a run, as columns."""
    updates = {"step": [1, 2], "total": [scale, scale / 2], "lr": [0.1, 0.1], "seconds": [2.0, 4.0]}
    measured = {"step": [1, 2], "time": [0, 1], "nAP50": [0.5 * scale, 0.25 * scale]}
    return updates, measured


LOGS = {"one": log(), "two": log(0.5)}


def test_a_plot_holds_a_line_of_every_run():
    plots = runs_plots(LOGS)
    assert list(plots) == ["total", "nAP50"]
    assert [line.name for line in plots["nAP50"].lines] == ["one", "two"]
    assert list(plots["total"].lines[1].y) == [0.5, 0.25]


def test_a_run_without_a_value_has_no_line_of_it():
    updates, _ = log()
    plots = runs_plots({"one": log(), "young": (updates, {})})
    assert [line.name for line in plots["nAP50"].lines] == ["one"]


def test_the_page_tells_best_from_last(tmp_path):
    page = write_runs_page(tmp_path / "runs.html", LOGS).read_text("utf-8")
    assert "nAP50, best" in page and ">0.500<" in page and ">0.250<" in page
    assert ">3.000<" in page and page.count("<svg") == 2


def test_one_value_can_be_a_picture(tmp_path):
    picture = write_runs_page(tmp_path / "total.svg", LOGS, ["total"])
    assert picture.read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("runs.svg", (), "one picture shows one value"),
        ("runs.png", (), "unknown kind of file"),
        ("runs.html", ("totl",), "Did you mean 'total'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, name, values, words):
    with pytest.raises(ConfigError, match=words):
        write_runs_page(tmp_path / name, LOGS, values)
    assert not list(tmp_path.iterdir())


def test_more_runs_than_colours_are_refused():
    with pytest.raises(ConfigError, match="too many runs"):
        runs_plots({str(number): log() for number in range(11)})
