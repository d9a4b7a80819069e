"""``handful evaluate`` as a user runs it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_detector import scene

from handful.evaluate.coco import coco_metrics

BOXES = {
    "a.png": [(1, (8, 32, 64, 64)), (2, (128, 64, 64, 64))],
    "b.png": [(1, (80, 0, 64, 64))],
    "c.png": [],
}


def coco(pictures: dict, names: dict[int, str], *, first_id: int = 1) -> dict:
    annotations = [
        {"image_id": first_id + number, "category_id": category, "bbox": list(box)}
        for number, boxes in enumerate(pictures.values())
        for category, box in boxes
    ]
    return {
        "images": [
            {"id": first_id + number, "file_name": name, "width": 200, "height": 140}
            for number, name in enumerate(pictures)
        ],
        "annotations": [
            {"id": number, "area": 4096, "iscrowd": 0, **row}
            for number, row in enumerate(annotations, start=1)
        ],
        "categories": [{"id": number, "name": name} for number, name in names.items()],
    }


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures in ``elsewhere``; the query numbers its classes differently than the support."""
    (tmp_path / "elsewhere").mkdir()
    for name, boxes in BOXES.items():
        placed = [(seed, int(box[0]), int(box[1])) for seed, box in boxes]
        scene(*placed).save(tmp_path / "elsewhere" / name)
    support = coco({"a.png": BOXES["a.png"]}, {1: "one", 2: "two"})
    renumbered = {1: 30, 2: 20}
    query = coco(
        {name: [(renumbered[c], box) for c, box in boxes] for name, boxes in BOXES.items()},
        {30: "one", 20: "two"},
        first_id=500,
    )
    (tmp_path / "support.json").write_text(json.dumps(support))
    (tmp_path / "query.json").write_text(json.dumps(query))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(weights: Path, *more: object) -> tuple[object, ...]:
    return (
        *("evaluate", "--support", "support.json", "--query", "query.json"),
        *("--model", weights, "--images", "elsewhere"),
        *("--json", "metrics.json", "--detections", "dets.json", *more),
    )


def read(name: str):
    return json.loads(Path(name).read_text("utf-8"))


def test_coco_metrics_and_a_results_list_are_written(sets: Path, weights: Path, handful) -> None:
    code, out, err = handful(*command(weights))
    assert code == 0, err
    metrics, results = read("metrics.json"), read("dets.json")
    assert metrics["AP50"] == pytest.approx(1.0)
    assert metrics["per_class"]["two"]["AP50"] == pytest.approx(1.0)
    assert (metrics["pictures"], metrics["classes"]) == (3, 2)
    assert {row["category_id"] for row in results} == {20, 30}
    assert {row["image_id"] for row in results} <= {500, 501, 502}
    best = max((r for r in results if r["category_id"] == 20), key=lambda r: r["score"])
    assert best["image_id"] == 500 and best["bbox"][2:] == [56.0, 56.0]
    assert coco_metrics(Path("query.json"), results)["AP50"] == metrics["AP50"]
    assert "AP50" in out and "100.0" in out and "two" in out
    assert "searching the pictures: 3 of 3 done" in err


def test_os2d_protocol(sets: Path, weights: Path, handful) -> None:
    code, out, err = handful(*command(weights, "--protocol", "os2d"))
    assert code == 0, err
    metrics = read("metrics.json")
    assert metrics["map"] == metrics["ap_joint"] == metrics["recall"] == pytest.approx(1.0)
    assert metrics["per_class"]["one"] == {"AP50": 1.0, "recall": 1.0, "positives": 2}
    assert "map_weighted" in out


def test_no_score_is_cut_off_unless_asked(sets: Path, weights: Path, handful) -> None:
    assert handful(*command(weights))[0] == 0
    everything = read("dets.json")
    assert min(row["score"] for row in everything) < 0.3
    assert handful(*command(weights, "--keep-per-class", "3"))[0] == 0
    assert len(read("dets.json")) == 3 * 2 * 3
    assert handful(*command(weights, "--score", "0.99"))[0] == 0
    assert read("dets.json") == [] and read("metrics.json")["AP50"] == 0.0


def test_classes_without_counterpart_are_named(sets: Path, weights: Path, handful) -> None:
    support = read("support.json")
    support["categories"][1]["name"] = "other"
    Path("support.json").write_text(json.dumps(support))
    code, _, err = handful(*command(weights))
    assert code == 0
    assert "counted as not found (1): two" in err
    assert "not searched (1): other" in err
    metrics = read("metrics.json")
    assert metrics["without_example"] == ["two"] and metrics["without_query"] == ["other"]
    assert metrics["per_class"]["two"]["AP50"] == 0.0
    assert metrics["AP50"] == pytest.approx(0.5)


def _rename(document: dict) -> None:
    for category in document["categories"]:
        category["name"] += "!"


def _foreign_category(document: dict) -> None:
    document["annotations"][0]["category_id"] = 77


def _lost_picture(document: dict) -> None:
    document["images"][0]["file_name"] = "lost.png"


def _same_names(document: dict) -> None:
    for category in document["categories"]:
        category["name"] = "same"


def _no_boxes(document: dict) -> None:
    del document["annotations"]


@pytest.mark.parametrize(
    ("file", "spoil", "named"),
    [
        ("support.json", _rename, "no class in common"),
        ("query.json", _foreign_category, "77"),
        ("query.json", _lost_picture, "lost.png"),
        ("support.json", _same_names, "same"),
        ("query.json", _no_boxes, "annotations"),
    ],
)
def test_bad_data_sets_are_refused_and_nothing_is_written(
    file: str, spoil, named: str, sets: Path, weights: Path, handful
) -> None:
    document = read(file)
    spoil(document)
    Path(file).write_text(json.dumps(document))
    code, out, err = handful(*command(weights))
    assert code == 2 and out == ""
    assert err.startswith("error: ") and named in err and err.count("\n") == 1
    assert not Path("metrics.json").exists() and not Path("dets.json").exists()


@pytest.mark.parametrize(
    "more",
    [
        ("--query", "missing.json"),
        ("--query", "elsewhere/a.png"),
        ("--detections", "elsewhere"),
        ("--json", "support.json/metrics.json"),
        ("--images", "nowhere"),
    ],
)
def test_bad_paths_are_refused_before_any_work(
    more: tuple[str, str], sets: Path, weights: Path, handful
) -> None:
    code, _, err = handful(*command(weights, *more))
    assert code == 2
    assert err.startswith("error: ") and more[1].split("/")[0] in err
    assert not Path("metrics.json").exists()


def test_a_results_file_is_measured_without_a_model(sets: Path, weights: Path, handful) -> None:
    assert handful(*command(weights, "--images", "elsewhere"))[0] == 0
    metrics = read("metrics.json")
    code, out, err = handful(
        *("evaluate", "--query", "query.json", "--detections", "dets.json"),
        *("--json", "again.json"),
    )
    assert code == 0, err
    again = read("again.json")
    assert {name: again[name] for name in ("AP", "AP50", "per_class")} == {
        name: metrics[name] for name in ("AP", "AP50", "per_class")
    }
    assert "AP50" in out and "searching" not in err


@pytest.mark.parametrize("protocol", ["voc07", "voc12"])
def test_voc_protocols_with_base_and_novel_classes(
    protocol: str, sets: Path, weights: Path, handful
) -> None:
    code, out, err = handful(*command(weights, "--protocol", protocol, "--novel-classes", "two"))
    assert code == 0, err
    metrics = read("metrics.json")
    assert metrics["AP50"] == metrics["bAP50"] == metrics["nAP50"] == pytest.approx(1.0)
    assert metrics["per_class"]["two"]["AP50"] == pytest.approx(1.0)
    assert list(metrics["AP_by_iou"])[0] == "AP50" and len(metrics["AP_by_iou"]) == 10
    assert "base" in out and "novel" in out


def test_sides_come_from_files_too_and_html_is_written(sets: Path, weights: Path, handful) -> None:
    Path("base.txt").write_text("one\n\n", encoding="utf-8")
    code, _, err = handful(*command(weights, "--base-classes", "base.txt", "--html", "page.html"))
    assert code == 0, err
    metrics = read("metrics.json")
    assert metrics["bAP50"] == pytest.approx(1.0) and "nAP50" in metrics
    page = Path("page.html").read_text("utf-8")
    assert "novel classes" in page and "<svg" in page


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--novel-classes", "tow"), "Did you mean 'two'"),
        (("--novel-classes", "voc1"), "no novel class of this division"),
        (("--base-classes", "one", "--novel-classes", "one"), "base and novel"),
        (("--html", "elsewhere"), "elsewhere"),
        (("--detections", "missing.json"), "missing.json"),
        (("--detections", "query.json"), "not a COCO results list"),
    ],
)
def test_mistakes_about_results_and_classes_are_one_line(
    more: tuple[str, ...], named: str, sets: Path, handful
) -> None:
    Path("dets.json").write_text("[]", encoding="utf-8")
    words = ("evaluate", "--query", "query.json", "--detections", "dets.json", *more)
    code, out, err = handful(*words)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and named in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--domain", "target"),
        ("--device", "cpu"),
        ("--keep-per-class", "0"),
        ("--score", "0"),
        ("--best-class-only", None),
        ("--views", "horflip"),
    ],
)
def test_options_of_a_model_are_refused_where_none_runs(option, value, sets, handful) -> None:
    Path("dets.json").write_text("[]", encoding="utf-8")
    given = (option,) if value is None else (option, value)
    words = ("evaluate", "--query", "query.json", "--detections", "dets.json", *given)
    code, out, err = handful(*words)
    assert code == 2 and out == ""
    assert err.startswith("error: no model runs") and option[2:] in err


def test_nothing_to_measure_is_refused(sets: Path, handful) -> None:
    code, _, err = handful("evaluate", "--query", "query.json")
    assert code == 2 and "--support" in err and "--detections" in err


def test_a_one_shot_model_needs_examples(sets: Path, weights: Path, handful) -> None:
    code, _, err = handful(
        "evaluate", "--query", "query.json", "--images", "elsewhere", "--model", weights
    )
    assert code == 2 and "must be shown examples" in err


def test_crowds_are_measured_by_their_own_rules(tmp_path: Path, monkeypatch, handful) -> None:
    monkeypatch.chdir(tmp_path)
    scene((1, 8, 32)).save("a.png")
    people = [
        {"tag": "person", "fbox": [-9, 32, 80, 64], "vbox": [0, 32, 71, 64], "extra": {}},
        {"tag": "mask", "fbox": [99, 0, 90, 90], "vbox": [99, 0, 90, 90], "extra": {"ignore": 1}},
    ]
    Path("val.odgt").write_text(json.dumps({"ID": "a", "gtboxes": people}) + "\n")
    answers = [
        {"image_id": 1, "category_id": 1, "bbox": box, "score": score}
        for box, score in (([0, 32, 70, 64], 0.9), ([100, 10, 30, 30], 0.8), ([9, 99, 9, 9], 0.7))
    ]
    Path("dets.json").write_text(json.dumps(answers))
    code, out, err = handful(
        *("evaluate", "--query", "val.odgt", "--detections", "dets.json"),
        *("--protocol", "crowdhuman", "--json", "metrics.json", "--html", "page.html"),
    )
    assert code == 0, err
    metrics = read("metrics.json")
    assert (metrics["protocol"], metrics["recall"], metrics["MR-2"]) == ("crowdhuman", 1.0, 0.0)
    assert metrics["JI"] == pytest.approx(1.0, abs=1e-5)
    assert "MR-2" in out and "person" in out and "100.0" in out
    page = Path("page.html").read_text("utf-8")
    assert "Jaccard index" in page and "<svg" in page
