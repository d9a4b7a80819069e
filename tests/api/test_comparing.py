from __future__ import annotations

from pathlib import Path

import pytest

from handful import api
from handful.cli.main import main
from handful.errors import ConfigError, DataError
from handful.train.log import EventLog


def write_run(folder: Path, loss: float) -> Path:
    log = EventLog(folder / "log.jsonl")
    for step in (1, 2):
        log.write("step", step, {"total": loss / step, "lr": 0.1, "seconds": 1.0})
    log.write("evaluation", 2, {"nAP50": loss / 4})
    return folder


def test_runs_are_drawn_together_under_names_that_tell_them_apart(tmp_path, capsys):
    runs = [write_run(tmp_path / name / "seed0", 1.0 + n) for n, name in enumerate("ab")]
    page = tmp_path / "runs.html"
    assert main(["curves", *map(str, runs), "--out", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    text = page.read_text("utf-8")
    assert "a/seed0" in text and "b/seed0" in text and "nAP50" in text


def test_one_value_is_one_picture(tmp_path):
    run = write_run(tmp_path / "run", 1.0)
    assert api.compare([run / "log.jsonl"], out=tmp_path / "x.svg", show=["total"]).is_file()


def test_a_folder_without_a_log_and_a_run_named_twice_are_refused(tmp_path):
    run = write_run(tmp_path / "run", 1.0)
    with pytest.raises(DataError, match="no log here"):
        api.compare([tmp_path], out=tmp_path / "x.html")
    with pytest.raises(ConfigError, match="named twice"):
        api.compare([run, run], out=tmp_path / "x.html")
    with pytest.raises(ConfigError, match="no run to show"):
        api.compare([], out=tmp_path / "x.html")
