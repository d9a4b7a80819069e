"""Measuring trained detectors and results that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from handful import api
from handful.api.measuring import class_sides
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import ConfigError, DataError
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.predict.settings import SearchOptions
from handful.predict.trained import TrainedDetector
from handful.structures import Detections

SIZE = (80, 100)
BOX = [10.0, 10, 50, 40]


class Sure(TrainedDetector):
    """Finds the same box of its first class on every picture."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.names

    def detect_all(self, image: object) -> Detections:
        found = torch.tensor([BOX]), torch.tensor([0.9]), torch.tensor([0])
        return Detections(*found, SIZE, self.names)


class Notes:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, task: str, total: int | None) -> None: ...
    def advance(self, task: str, steps: int = 1, **values: float) -> None: ...
    def finish(self, task: str) -> None: ...
    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture
def query() -> Dataset:
    image = Image.new("RGB", (100, 80))
    pictures = tuple(Picture(n, f"{n}.png", 100, 80, image) for n in (4, 2))
    table = BoxTable.of([0, 1, 1], [BOX, BOX, [60.0, 20, 90, 70]], [0, 0, 1])
    return Dataset("shelf", pictures, table, ("tea", "milk"))


def test_a_trained_detector_is_measured_without_examples(query: Dataset) -> None:
    notes = Notes()
    measured = api.evaluate(Sure("tea", "soup"), query=query, reporter=notes)
    assert measured.metrics["per_class"]["tea"]["AP"] == pytest.approx(1.0)
    assert measured.metrics["AP"] == pytest.approx(0.5)
    assert (measured.without_example, measured.without_query) == (("milk",), ("soup",))
    assert measured.classes == 1 and len(measured.results) == 2
    told = " ".join(notes.told)
    assert "counted as not found (1): milk" in told and "not measured (1): soup" in told


def test_what_a_trained_detector_cannot_do_is_said(query: Dataset) -> None:
    with pytest.raises(ConfigError, match="takes no examples"):
        api.evaluate(Sure("tea"), query=query, support=query)
    with pytest.raises(DataError, match="knows no class of the query.*soup"):
        api.evaluate(Sure("soup"), query=query)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"options": SearchOptions(scales=(1.0, 2.0))}, "scales"),
        ({"options": SearchOptions(best_class_only=True)}, "best_class_only"),
        ({"keep_per_class": None}, "keep_per_class.*all"),
        ({"keep_per_class": 7}, "keep_per_class.*7"),
        ({"device": "cpu"}, "device"),
        ({"images": "pictures"}, "images"),
    ],
)
def test_what_would_go_unused_is_refused(query: Dataset, given, named) -> None:
    with pytest.raises(ConfigError, match=named):
        api.evaluate(Sure("tea"), query=query, **given)


def test_a_trained_model_is_measured_from_the_score_that_is_asked_for(query: Dataset) -> None:
    torch.manual_seed(0)
    config = YOLOXConfig(query.class_names, "nano", input_size=(64, 64), score_threshold=0.5)
    detector = TrainedDetector(YOLOX(config))
    counts = [
        len(api.evaluate(detector, query=query, options=options).results)
        for options in (None, SearchOptions(score=0.0), SearchOptions(score=1.0))
    ]
    assert counts[0] == counts[2] == 0 < counts[1]
    assert detector.model.config.score_threshold == 0.5
    with pytest.raises(ConfigError, match="score_threshold.*0 to 1"):
        api.evaluate(detector, query=query, options=SearchOptions(score=1.5))


def test_a_data_set_needs_no_other_place_for_its_pictures(query: Dataset) -> None:
    with pytest.raises(ConfigError, match="images"):
        api.evaluate_detections([], query=query, images="pictures")
    with pytest.raises(DataError, match="nowhere.json"):
        api.evaluate(Sure("tea"), support="nowhere.json", query=query, images="pictures")


@pytest.mark.parametrize("protocol", ["coco", "os2d", "voc07", "voc12", "crowdhuman"])
def test_results_are_measured_by_every_protocol(query: Dataset, protocol, tmp_path: Path) -> None:
    results = [
        {"image_id": number, "category_id": 1, "bbox": [10, 10, 40, 30], "score": 0.9}
        for number in (2, 4)
    ]
    outputs = api.Outputs(metrics=tmp_path / "m.json", page=tmp_path / "page.html")
    measured = api.evaluate_detections(
        results, query=query, protocol=protocol, novel_classes=["milk"], outputs=outputs
    )
    metrics = measured.metrics
    main = {"os2d": "map", "crowdhuman": "recall"}.get(protocol, "AP50")
    assert metrics[main] == pytest.approx(0.5)
    assert metrics["b" + main] == pytest.approx(1.0) and metrics["n" + main] == 0.0
    assert metrics["per_class"]["milk"]["recall" if protocol == "crowdhuman" else "AP50"] == 0.0
    assert outputs.metrics.is_file() and "1 of 3 objects are missed" in outputs.page.read_text()


def test_a_class_without_objects_is_named(query: Dataset) -> None:
    few = query.subset([0])
    measured = api.evaluate_detections([], query=few, protocol="voc07")
    assert measured.without_objects == ("milk",) and measured.metrics["AP50"] == 0.0


NAMES = ("sofa", "cat", "bird", "lamp")


@pytest.mark.parametrize(
    ("base", "novel", "expected"),
    [
        ((), (), ((), ())),
        (("cat",), ("bird",), (("cat",), ("bird",))),
        ((), ("cat", "bird"), (("sofa", "lamp"), ("cat", "bird"))),
        (("sofa", "cat"), (), (("sofa", "cat"), ("bird", "lamp"))),
        (("voc1",), ("voc1",), (("cat",), ("bird", "sofa"))),
        ((), ("voc2",), (("cat", "bird", "lamp"), ("sofa",))),
    ],
)
def test_base_and_novel_classes(base, novel, expected) -> None:
    sides = class_sides(NAMES, base=base, novel=novel)
    assert (sides.base, sides.novel) == expected


def test_sides_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="base and novel.*cat"):
        class_sides(NAMES, base=["cat", "sofa"], novel=["cat"])
    with pytest.raises(DataError, match="Did you mean 'lamp'"):
        class_sides(NAMES, novel=["lmp"])
    names = tmp_path / "novel.txt"
    names.write_text("cat\n lamp \n", encoding="utf-8")
    assert class_sides(NAMES, novel=[str(names)]).novel == ("cat", "lamp")
