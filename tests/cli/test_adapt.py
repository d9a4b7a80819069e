"""``handful adapt``, then ``detect`` and ``evaluate`` in both domains, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_domains import ADAPT_QUICKLY, write_domains

SEES_ALL = {"model.score_threshold": 0, "model.least_score": 0, "start": "original"}
CHANGES = {**ADAPT_QUICKLY, **SEES_ALL}


@pytest.mark.integration
def test_adapt_then_detect_in_a_domain(tmp_path: Path, monkeypatch, handful) -> None:
    monkeypatch.chdir(tmp_path)
    write_domains(Path())
    fields = [word for name, value in CHANGES.items() for word in ("--set", f"{name}={value}")]
    places = ("--source", "source/all.json", "--target-few", "few/all.json")
    words = ("adapt", *places, "--target-images", "target/images", "--out", "run", *fields)
    code, out, err = handful(*words, "--base", "base.safetensors", "--val", "target/all.json")
    assert code == 0, err
    assert "after step" in out and "handful detect PICTURE --model run" in out
    picture = next(Path("target/images").iterdir())
    for domain in ("source", "target"):
        detect = ("detect", picture, "--model", "run", "--domain", domain, "--score", 0)
        code, _, err = handful(*detect, "--json", f"{domain}.json")
        assert code == 0, err
    assert Path("source.json").read_text("utf-8") != Path("target.json").read_text("utf-8")
    measure = ("evaluate", "--query", "target/all.json", "--model", "run")
    code, _, err = handful(*measure, "--domain", "source", "--json", "measured.json")
    assert code == 0, err
    assert json.loads(Path("measured.json").read_text("utf-8"))["pictures"] == 5
    code, _, err = handful(*measure[:-1], "base.safetensors", "--domain", "source")
    assert code == 2 and "no domains" in err
    code, _, err = handful(*words, "--base", "base.safetensors", "--source.train.lr", 0.1)
    assert code == 2 and "source.train.lr" in err and "Traceback" not in err
