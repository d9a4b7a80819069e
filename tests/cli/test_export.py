"""``handful export`` and the three parts of ``handful export-run``, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from exported_detector import ONE_SIZE, SIZES, ExportedRun, loud_nano, write_query

from handful.api import exporting
from handful.export.parity import Parity
from handful.files import read_json


@pytest.mark.integration
@pytest.mark.parametrize(("batch", "sizes"), [(1, SIZES), (3, ONE_SIZE)], ids=["alone", "batch"])
def test_the_three_parts_give_what_evaluate_gives(
    exported_run: ExportedRun, tmp_path, monkeypatch, handful, batch, sizes
) -> None:
    monkeypatch.chdir(tmp_path)
    query, graph = write_query(tmp_path / "data", sizes=sizes), exported_run.file
    sides = ("--novel-classes", "tea")
    for words in (
        ("export-run", "preprocess", query, "--model", graph, "--out", "in"),
        ("export-run", "infer", graph, "in", "--out", "raw", "--batch", batch, "--threads", 1),
        ("export-run", "postprocess", "raw", "--query", query, "--out", "result", *sides),
        ("evaluate", "--model", exported_run.folder, "--query", query, *sides)
        + ("--device", "cpu", "--json", "metrics.json", "--detections", "detections.json"),
    ):
        code, _, err = handful(*words)
        assert code == 0, err
    got, expected = read_json("result/metrics.json"), read_json("metrics.json")
    names = [name for name, value in expected.items() if isinstance(value, float)]
    names.remove("seconds")
    assert {"AP", "bAP", "nAP50"} <= set(names) and 0.05 < expected["AP"] < 0.95
    assert {name: got[name] for name in names} == pytest.approx(
        {name: expected[name] for name in names}, abs=1e-6
    )
    assert got["per_class"].keys() == expected["per_class"].keys()
    assert len(read_json("result/detections.json")) == len(read_json("detections.json"))
    assert read_json("raw/timing.json")["pictures"] == 4
    log = Path("result/log.txt").read_text("utf-8")
    assert "nAP50" in log and "juice" in log and f"{100 * got['AP']:.1f}" in log


@pytest.mark.integration
def test_export_says_how_the_graph_compares(exported_run: ExportedRun, tmp_path, handful) -> None:
    assert exported_run.file.stat().st_size > 1_000_000
    code, _, err = handful(
        "export-run", "preprocess", exported_run.folder / "pictures" / "query.json",
        "--model", exported_run.folder, "--out", tmp_path / "in", "--width", 96, "--height", 64,
    )  # fmt: skip
    assert code == 0, err
    assert read_json(tmp_path / "in" / "meta.json")["canvas"] == [64, 96]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("export", "none.safetensors"), "none.safetensors"),
        (("export-run", "infer", "none.onnx", "in"), "handful export"),
        (("export-run", "preprocess", "shelves", "--model", "none.onnx"), "none.onnx"),
        (("export-run", "preprocess", "nowhere", "--model", "none.onnx"), "nowhere"),
        (("export-run", "preprocess", "q", "--model", "m", "--width", 9), "--height"),
        (("export-run", "postprocess", "raw", "--query", "none.json"), "none.json"),
    ],
)
def test_mistakes_are_one_line(words, hint: str, shop, handful) -> None:
    code, _, err = handful(*words)
    assert code == 2 and err.count("\n") == 1 and hint in err, err


@pytest.mark.integration
def test_a_one_shot_model_is_refused_by_name(shop, weights, handful) -> None:
    code, _, err = handful("export", weights, "--out", "m.onnx")
    assert code == 2 and "OS2D" in err and "handful learn" in err
    assert not Path("m.onnx").exists()


def test_a_file_unlike_its_model_ends_in_an_error(tmp_path, monkeypatch, handful) -> None:
    apart = Parity(box_error=3.0, score_error=0.0, detections=9, unpaired=0, pictures=1)
    monkeypatch.setattr(exporting, "load", lambda model, device: loud_nano())
    monkeypatch.setattr(exporting, "export_onnx", lambda *given, **named: None)
    monkeypatch.setattr(exporting, "parity", lambda *given: apart)
    code, out, err = handful("export", tmp_path / "m.safetensors", "--json", tmp_path / "p.json")
    assert code == 2 and "NOT the same" in out and "model finds" in err
    assert (tmp_path / "p.json").is_file()
