import contextlib
import copy
import io
import json
import sys

import numpy
import pytest
import torch

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import ConfigError, DataError, NotSupported
from handful.evaluate import groups
from handful.evaluate.coco import (
    BACKENDS,
    coco_evaluation,
    coco_metrics,
    ground_truth_of,
    to_coco_results,
)
from handful.evaluate.records import from_coco_results
from handful.structures import Detections

ORDER = ["AP", "AP50", "AP75", "APs", "APm", "APl"]
ORDER += ["AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def oracle(truth, results):
    """pycocotools' own twelve figures, and its precision array."""
    run = oracle_run(truth, results)
    run.summarize()
    return run.stats, run.eval["precision"]


def oracle_run(truth, results, *, limits=(1, 10, 100)):
    """pycocotools' evaluator, having run."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    found = dict(truth, annotations=[])
    for number, row in enumerate(results, start=1):
        area = row["bbox"][2] * row["bbox"][3]
        found["annotations"].append({**row, "id": number, "area": area, "iscrowd": 0})
    tables = []
    with contextlib.redirect_stdout(io.StringIO()):
        for content in (truth, found):
            table = COCO()
            table.dataset = copy.deepcopy(content)
            table.createIndex()
            tables.append(table)
        run = COCOeval(*tables, "bbox")
        run.params.maxDets = list(limits)
        run.evaluate()
        run.accumulate()
    return run


def random_case(seed, *, pictures=12, categories=4, objects=60, found=150, levels=0):
    """Boxes of all three sizes, crowd regions; half of the detections are near real boxes."""
    rng = numpy.random.default_rng(seed)
    numbers = [3 * index + 2 for index in range(categories)]
    truth = {
        "images": [{"id": 10 + i, "width": 400, "height": 300} for i in range(pictures)],
        "categories": [{"id": n, "name": f"class {n}"} for n in reversed(numbers)],
        "annotations": [],
    }
    for number in range(1, objects + 1):
        side = rng.uniform(8, 160, 2)
        corner = rng.uniform(0, 240, 2)
        truth["annotations"].append(
            {
                "id": number,
                "image_id": 10 + int(rng.integers(pictures)),
                "category_id": numbers[int(rng.integers(categories))],
                "bbox": [*corner.tolist(), *side.tolist()],
                "area": float(side.prod() * rng.uniform(0.5, 1)),
                "iscrowd": int(rng.random() < 0.15),
            }
        )
    results = []
    for _ in range(found):
        near = truth["annotations"][int(rng.integers(objects))] if objects else None
        if near is not None and rng.random() < 0.6:
            box = (numpy.array(near["bbox"]) + rng.normal(0, 5, 4)).clip(1).tolist()
            place = near["image_id"], near["category_id"]
        else:
            box = [*rng.uniform(0, 240, 2).tolist(), *rng.uniform(8, 160, 2).tolist()]
            place = 10 + int(rng.integers(pictures)), numbers[int(rng.integers(categories))]
        score = float(rng.random())
        score = round(score * levels) / levels if levels else score
        results.append({"image_id": place[0], "category_id": place[1], "bbox": box, "score": score})
    return truth, results


CASES = {
    "many objects": random_case(0),
    "another seed": random_case(1, categories=7),
    "more than a hundred detections a picture": random_case(2, pictures=1, found=400),
    "equal scores": random_case(3, levels=3),
    "one score for all": random_case(4, levels=1),
    "no detections": random_case(5, found=0),
    "no ground truth": random_case(6, objects=0),
    "neither": random_case(7, objects=0, found=0),
    "a class without objects": random_case(8, categories=9, objects=5),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_figures_equal_pycocotools(name, backend):
    truth, results = CASES[name]
    stats, precision = oracle(truth, results)
    metrics = coco_metrics(truth, results, backend=backend)
    ours = [-1 if metrics[key] is None else metrics[key] for key in ORDER]
    numpy.testing.assert_allclose(ours, stats, rtol=0, atol=1e-12)
    for row, category in enumerate(sorted(truth["categories"], key=lambda c: c["id"])):
        own = precision[:, :, row, 0, 2]
        if (own < 0).all():
            assert metrics["per_class"][category["name"]] == {"AP": None, "AP50": None}
        else:
            expected = {"AP": own[own > -1].mean(), "AP50": own[0][own[0] > -1].mean()}
            assert metrics["per_class"][category["name"]] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("limits", [(1, 3, 5), (100, 300, 1000)])
def test_any_number_of_detections_may_count(backend, limits):
    case = random_case(11, pictures=2, categories=1, objects=60, found=500)
    theirs = oracle_run(*case, limits=limits).eval
    ours = coco_evaluation(*case, limits=limits, backend=backend)
    numpy.testing.assert_allclose(
        ours.curves.precision, theirs["precision"][..., -1], rtol=0, atol=1e-12
    )
    numpy.testing.assert_allclose(ours.curves.recall, theirs["recall"], rtol=0, atol=1e-12)
    names = [name for name in ours.figures() if name[:2] == "AR" and name[2:].isdigit()]
    assert names == [f"AR{limit}" for limit in limits]
    assert ours.figures() != coco_evaluation(*case, backend=backend).figures()


@pytest.mark.parametrize("limits", [(), (0, 10), (10, 5)])
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(ConfigError, match="limits of detections.*in rising order"):
        coco_evaluation(*random_case(0), limits=limits)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_crowd_ground_truth_equals_pycocotools(backend):
    truth, results = random_case(9)
    for row in truth["annotations"]:
        row["iscrowd"] = 1
    assert oracle(truth, results)[0][0] == -1
    assert coco_metrics(truth, results, backend=backend)["AP"] is None


def test_random_cases_are_neither_trivial_nor_perfect():
    metrics = coco_metrics(*CASES["many objects"])
    assert 0.05 < metrics["AP"] < metrics["AP50"] < 0.95


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_printed_and_inputs_stay(backend, capfd):
    truth, results = random_case(0)
    kept = copy.deepcopy((truth, results))
    coco_metrics(truth, results, backend=backend)
    assert capfd.readouterr() == ("", "")
    assert (truth, results) == kept


def test_ground_truth_may_be_a_file_and_metrics_are_json(tmp_path):
    truth, results = random_case(8, categories=9, objects=5)
    path = tmp_path / "query.json"
    path.write_text(json.dumps(truth), encoding="utf-8")
    metrics = coco_metrics(path, results)
    assert metrics == coco_metrics(truth, results)
    json.dumps(metrics, allow_nan=False)


def test_area_and_crowd_are_optional_in_ground_truth():
    truth, results = random_case(0)
    bare = copy.deepcopy(truth)
    for row, full in zip(bare["annotations"], truth["annotations"], strict=True):
        del row["area"], row["iscrowd"], row["id"]
        full["area"], full["iscrowd"] = full["bbox"][2] * full["bbox"][3], 0
    assert coco_metrics(bare, results) == coco_metrics(truth, results)


@pytest.mark.parametrize("seed", range(20, 40))
def test_curves_equal_pycocotools_in_crowded_pictures(seed, monkeypatch):
    monkeypatch.setattr(groups, "PAIRS_AT_ONCE", 40)
    case = random_case(seed, pictures=3, categories=2, objects=50, found=250, levels=9 * (seed % 2))
    if seed % 4 == 0:
        move_onto_few_places(*case)
    _, precision = oracle(*case)
    curves = coco_evaluation(*case).curves
    numpy.testing.assert_allclose(curves.precision, precision[..., 2], rtol=0, atol=1e-12)


def move_onto_few_places(truth, results):
    """Snap boxes to a grid, so that overlaps are often equal."""
    for row in (*truth["annotations"], *results):
        x, y, width, height = row["bbox"]
        row["bbox"] = [x // 60 * 60, y // 60 * 60, 40 + width // 80 * 40, 40 + height // 80 * 40]


def test_base_and_novel_figures_are_those_of_their_classes_alone():
    truth, results = random_case(1, categories=7)
    names = [row["name"] for row in truth["categories"]]
    metrics = coco_metrics(truth, results, base=names[:4], novel=names[4:])
    for prefix, part in (("b", names[:4]), ("n", names[4:])):
        ids = {row["id"] for row in truth["categories"] if row["name"] in part}
        alone = dict(truth, categories=[c for c in truth["categories"] if c["id"] in ids])
        alone["annotations"] = [a for a in truth["annotations"] if a["category_id"] in ids]
        own = coco_metrics(alone, [row for row in results if row["category_id"] in ids])
        for key in ORDER:
            assert metrics[prefix + key] == pytest.approx(own[key], abs=1e-12)


def test_classes_without_objects_are_named():
    truth, results = random_case(8, categories=9, objects=5)
    measured = coco_evaluation(truth, results)
    shown = {a["category_id"] for a in truth["annotations"] if not a["iscrowd"]}
    empty = {c["name"] for c in truth["categories"] if c["id"] not in shown}
    assert set(measured.without_objects()) == empty != set()
    per_class = measured.per_class()
    assert {name for name in per_class if per_class[name]["AP"] is None} == empty


@pytest.mark.parametrize("name", ["hotcoco", "faster-coco-eval"])
def test_evaluators_that_are_not_installed_are_named(name, monkeypatch):
    for module in ("hotcoco", "faster_coco_eval"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotSupported, match=f"pip install {name}"):
        coco_metrics(*CASES["many objects"], backend=name)
    assert coco_metrics(*CASES["many objects"])["AP"] > 0


def test_results_may_be_a_file_and_its_faults_name_it(tmp_path):
    truth, results = random_case(0)
    path = tmp_path / "detections.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    assert coco_metrics(truth, path) == coco_metrics(truth, results)
    path.write_text(json.dumps([*results, {"image_id": 10}]), encoding="utf-8")
    with pytest.raises(DataError, match=r"detections\.json.*results\[150\].*no category_id"):
        coco_metrics(truth, path)
    path.write_text(json.dumps(truth), encoding="utf-8")
    with pytest.raises(DataError, match="not a COCO results list"):
        coco_metrics(truth, path)


def test_unknown_backend_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="Did you mean 'hotcoco'"):
        coco_metrics(*CASES["neither"], backend="hotcocoa")


def broken(change):
    truth, results = random_case(0, objects=3, found=3)
    change(truth, results)
    return truth, results


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, r: t.pop("images"), "not a COCO data set"),
        (lambda t, r: t["images"][0].pop("id"), r"images\[0\].*no id"),
        (lambda t, r: t["annotations"][1].pop("bbox"), r"annotations\[1\].*no bbox"),
        (lambda t, r: t["annotations"][2].update(category_id=99), r"unknown category_id.*99"),
        (lambda t, r: r[1].update(image_id=77), r"unknown image_id.*results\[1\].*77"),
        (lambda t, r: r[0].update(category_id=[2]), "unknown category_id"),
        (lambda t, r: r[2].pop("score"), r"results\[2\].*no score"),
        (lambda t, r: r[2].update(score=float("nan")), "score is not a number"),
        (lambda t, r: r[2].update(score="0.5"), "score is not a number"),
        (lambda t, r: t["annotations"][0].update(area="wide"), "area is not a number"),
        (lambda t, r: t["annotations"][0].update(area=-float("inf")), "area is not a number"),
        (lambda t, r: r[1].update(bbox=["1", 2, 3, 4]), r"four numbers.*results\[1\]"),
        (lambda t, r: r[1].update(bbox=None), r"results\[1\].*no bbox"),
        (lambda t, r: r[1].update(bbox=[1, 2, 3, 10**400]), "four numbers"),
        (lambda t, r: r.insert(1, 7), r"results\[1\].*no image_id"),
        (lambda t, r: r[0].update(bbox=[1, 2, 3]), "four numbers"),
        (lambda t, r: r[0].update(bbox=[1, 2, 3, float("inf")]), "four numbers"),
    ],
)
def test_broken_input_is_named(change, message):
    truth, results = broken(change)
    with pytest.raises(DataError, match=message):
        coco_metrics(truth, results)


def test_a_results_file_given_as_ground_truth_is_refused(tmp_path):
    path = tmp_path / "detections.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"detections\.json.*Give the annotation file"):
        coco_metrics(path, [])


def shelf():
    """Two pictures with file numbers 7 and 4, classes with file numbers 30 and 20."""
    pictures = tuple(
        Picture(number, f"{number}.png", 100, 80, source=f"{number}.png") for number in (7, 4)
    )
    table = BoxTable.of(
        [0, 1, 1],
        [[10, 10, 50, 40], [5, 5, 25, 35], [60, 20, 90, 70]],
        [0, 1, 0],
        difficult=[False, False, True],
    )
    return Dataset("shelf", pictures, table, ("tea", "milk"), class_ids=(30, 20))


def found_on(boxes, labels, names=()):
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.linspace(0.9, 0.5, len(labels)),
        torch.tensor(labels, dtype=torch.long),
        (80, 100),
        names,
    )


def test_results_carry_the_data_sets_own_numbers():
    predictions = [
        found_on([[10, 10, 50, 40]], [1], ("milk", "tea")),
        found_on([[5, 5, 25, 35]], [1]),
    ]
    results = to_coco_results(shelf(), predictions)
    assert [(row["image_id"], row["category_id"], row["bbox"]) for row in results] == [
        (7, 30, [10, 10, 40, 30]),
        (4, 20, [5, 5, 20, 30]),
    ]
    metrics = coco_metrics(ground_truth_of(shelf()), results)
    # The difficult box is not counted, so two hits out of two.
    assert metrics["AP"] == pytest.approx(1.0)
    assert metrics["per_class"] == {
        "milk": pytest.approx({"AP": 1.0, "AP50": 1.0}),
        "tea": pytest.approx({"AP": 1.0, "AP50": 1.0}),
    }


def test_ground_truth_marks_difficult_boxes_as_crowd():
    truth = ground_truth_of(shelf())
    assert [row["iscrowd"] for row in truth["annotations"]] == [0, 0, 1]
    assert truth["annotations"][2]["area"] == 1500
    assert truth["categories"] == [{"id": 30, "name": "tea"}, {"id": 20, "name": "milk"}]


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([found_on([], [])], "differ in number.*got 1, expected 2"),
        ([found_on([], []), found_on([[0, 0, 9, 9]], [0], ("mlik",))], "Did you mean 'milk'"),
    ],
)
def test_predictions_that_do_not_fit_the_set_are_refused(predictions, message):
    with pytest.raises(DataError, match=message):
        to_coco_results(shelf(), predictions)


def test_results_come_back_as_the_detections_they_were():
    predictions = [
        found_on([[10, 10, 50, 40], [1, 2, 3, 5]], [1, 0]),
        found_on([], []),
    ]
    back = from_coco_results(shelf(), to_coco_results(shelf(), predictions)[::-1])
    assert [len(one) for one in back] == [2, 0]
    assert back[0].boxes.tolist() == [[1, 2, 3, 5], [10, 10, 50, 40]]
    assert back[0].names() == ["tea", "milk"]
    assert back[0].image_size == (80, 100)
    with pytest.raises(DataError, match="unknown image_id"):
        from_coco_results(
            shelf(), [{"image_id": 1, "category_id": 30, "bbox": [0] * 4, "score": 1}]
        )
