"""From one domain to another, through the function that command line and Python share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_domains import ADAPT_QUICKLY, TINY, domain_pictures, tiny_network, write_tiny_base

from handful import api
from handful.api.domain_data import domain_pictures as read_domains
from handful.api.domain_data import unlabelled_pictures
from handful.api.domains import in_domain
from handful.api.trained import load_detector, save_detector
from handful.data.dataset import Dataset
from handful.errors import ConfigError, DataError, WeightsError
from handful.files import read_json
from handful.memory.domain_memory import DomainMemories
from handful.predict.trained import TrainedDetector
from handful.reporter import SilentReporter

BRIGHT = domain_pictures(4, background=200, name="bright")
DARK = domain_pictures(5, background=20, name="dark")
FEW = DARK.subset([0, 1])


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tasks: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)

    def start(self, task: str, total: int | None) -> None:
        self.tasks.append(task)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "base.safetensors")


def loaded(place: Path) -> Any:
    return load_detector(place, device=torch.device("cpu")).model


def adapt(out: Path, **changes):
    given = {"target_images": DARK, "target_few": FEW, "changes": ADAPT_QUICKLY, "device": "cpu"}
    return api.adapt(BRIGHT, out=out, **{**given, **changes})


@pytest.mark.integration
def test_four_steps_that_stop_go_on_and_share_their_base(tmp_path: Path, base: Path) -> None:
    first = adapt(tmp_path / "run", base=base, until="base", val=DARK)
    assert list(first.results) == ["base"] and first.class_names == ("disc", "bar")
    assert loaded(tmp_path / "run").method == "yolox"

    notes = Notes()
    whole = adapt(tmp_path / "run", base=base, val=DARK, reporter=notes)
    assert "base is finished" in notes.texts
    assert list(whole.results) == ["base", "source", "target"]
    assert {path.name for path in (tmp_path / "run" / "memory").iterdir()} == {
        "memory.safetensors",
        "recipe.json",
    }
    network = loaded(tmp_path / "run")
    assert network.config.domains == ("source", "target")

    again = Notes()
    adapt(tmp_path / "run", base=base, val=DARK, reporter=again)
    assert not again.tasks

    tuned = adapt(tmp_path / "tuned", base_run=tmp_path / "run", method="fine-tune")
    assert not (tmp_path / "tuned" / "base").exists()
    assert tuned.weights.read_bytes() != first.weights.read_bytes()
    shots: Any = read_json(tmp_path / "tuned" / "shots.json")
    assert shots["unit"] == "pictures" and len(shots["boxes"]) == 4


@pytest.mark.integration
@pytest.mark.parametrize("classes", [("cat", "disc"), ("bar", "cat", "disc")])
def test_a_run_on_anothers_base_recalls_whether_that_knew_the_classes(tmp_path, classes):
    base = write_tiny_base(tmp_path / "base.safetensors", classes)
    notes = Notes()
    adapt(tmp_path / "run", base=base, until="base", reporter=notes)
    adapt(tmp_path / "tuned", base_run=tmp_path / "run", method="fine-tune")
    adapt(tmp_path / "alone", base_run=tmp_path / "run" / "last.safetensors", until="base")
    knows = {"bar", "disc"} <= set(classes)
    said: Any = {n: read_json(tmp_path / n / "recipe.json") for n in ("run", "tuned", "alone")}
    assert {n: one["known"] for n, one in said.items()} == {
        "run": knows,
        "tuned": knows,
        "alone": False,
    }
    assert any("small steps" in text for text in notes.texts) == knows


@pytest.mark.integration
def test_new_parts_start_as_if_they_were_not_there(tmp_path: Path, base: Path) -> None:
    still = {f"source.train.{name}": 1e-30 for name in ("lr", "weight_decay")}
    changes = {**ADAPT_QUICKLY, **still, "source.train.ema": None}
    run = adapt(tmp_path / "run", base=base, until="source", changes=changes)
    images = torch.rand(2, 3, *TINY.input_size) * 255
    sizes = torch.tensor([TINY.input_size] * 2)
    plain = loaded(tmp_path / "run" / "base")(images, sizes)
    network = loaded(run.weights)
    for one in network.adaptations:
        norm = one.feature_input.norm
        # Statistics have moved in training; what they began as is in weight and bias.
        norm.running_mean.copy_(norm.bias.detach())
        norm.running_var.copy_(norm.weight.detach().square() - norm.eps)
    adapted = network(images, sizes)
    assert torch.allclose(plain.class_logits, adapted.class_logits, atol=1e-3)
    assert torch.allclose(plain.box_values, adapted.box_values, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"base_run": "elsewhere"}, ConfigError, "--base-run"),
        ({"base": None}, ConfigError, "--base with weights"),
        ({"method": "fine-tun"}, ConfigError, "fine-tune"),
        ({"until": "fine-tune"}, ConfigError, "base, memory, source, target"),
        ({"pictures": 3}, DataError, "got 2 of its 2 pictures .*--pictures"),
        ({"target_few": replace(FEW, class_names=("a", "b"))}, DataError, "disc, bar against a, b"),
        ({"changes": {"model.norm": "batch"}}, ConfigError, "folded"),
        ({"changes": {"model.clusters": 7}}, ConfigError, "memory.kmeans.clusters"),
        ({"changes": {"target.train.step": 7}}, ConfigError, "target.train.steps"),
    ],
)
def test_mistakes_are_found_before_any_work(tmp_path, base, call, error, message) -> None:
    with pytest.raises(error, match=message):
        adapt(tmp_path / "run", **{"base": base, **call})
    assert not (tmp_path / "run").exists()


@pytest.mark.integration
def test_too_few_pictures_for_a_memory_name_the_domain_and_a_way_out(tmp_path, base) -> None:
    changes = {**ADAPT_QUICKLY, "memory.kmeans.batch": 300}
    with pytest.raises(DataError, match="source: .*got 4, expected 5.*memory.kmeans.batch to 256"):
        adapt(tmp_path / "run", base=base, changes=changes)


def test_another_detector_is_no_base(tmp_path: Path) -> None:
    save_detector(tiny_network(), tmp_path / "adapted.safetensors", source="chance")
    with pytest.raises(WeightsError, match="ms2a"):
        adapt(tmp_path / "run", base=tmp_path / "adapted.safetensors")


def test_classes_are_matched_by_name_and_the_rest_is_told() -> None:
    few = replace(FEW, class_names=("bar", "ring"))
    notes = Notes()
    found = read_domains(BRIGHT, DARK, few, val=DARK, reporter=notes)
    assert found.source.class_names == found.few.class_names == ("bar",)
    assert found.unmatched == ("disc", "ring") and "disc, ring" in notes.texts[0]
    assert len(found.target.table) == 0


def test_a_folder_gives_what_can_be_read_of_it(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no usable picture"):
        unlabelled_pictures(tmp_path, reporter=SilentReporter())
    Image.new("L", (30, 20)).save(tmp_path / "grey.png")
    Image.new("RGB", (3, 20)).save(tmp_path / "thin.png")
    notes = Notes()
    found = unlabelled_pictures(tmp_path, reporter=notes)
    assert [(one.file_name, one.width, one.height) for one in found.pictures] == [
        ("grey.png", 30, 20)
    ]
    assert "broken.png, thin.png" in notes.texts[0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no pictures in the folder"),
        (("broken.png", "also.jpg"), "no usable picture.*got 2 that cannot be used"),
        (None, "target"),
    ],
    ids=["empty", "damaged", "not there"],
)
def test_a_target_without_usable_pictures_is_refused_before_any_work(
    tmp_path: Path, base: Path, names, message
) -> None:
    folder = tmp_path / "target"
    for name in names or ():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture")
    if names is not None:
        folder.mkdir(exist_ok=True)
    with pytest.raises(DataError, match=message):
        adapt(tmp_path / "run", base=base, target_images=folder)
    assert not (tmp_path / "run").exists()


@pytest.mark.integration
def test_a_memory_file_of_another_size_or_model_is_refused(tmp_path: Path, base: Path) -> None:
    adapt(tmp_path / "run", base=base, until="memory")
    place = tmp_path / "run" / "memory" / "memory.safetensors"
    whole = DomainMemories.load(place)
    torn = {name: patterns[:2] for name, patterns in whole.domains.items()}
    for damaged, message in (
        (replace(whole, model="another"), "made by another model"),
        (replace(whole, domains=torn), "another size"),
        (replace(whole, domains={"source": whole.domains["source"]}), "nothing is remembered"),
    ):
        damaged.save(place)
        with pytest.raises(WeightsError, match=message):
            adapt(tmp_path / "run", base=base)


def test_a_detector_is_told_the_domain_and_keeps_its_own() -> None:
    detector = TrainedDetector(tiny_network(score_threshold=0.0, least_score=0.0), score=None)
    told = in_domain(detector, "source")
    picture: Dataset = BRIGHT
    image = picture.pictures[0].read()
    assert detector.model.config.default_domain == "target"
    with torch.no_grad():
        images = torch.rand(1, 3, *TINY.input_size)
        as_source = told.model(images, torch.tensor([TINY.input_size])).class_logits
        explicit = detector.model(
            images, torch.tensor([TINY.input_size]), torch.tensor([0])
        ).class_logits
    assert torch.equal(as_source, explicit)
    assert not torch.equal(told.detect(image).scores, detector.detect(image).scores)
    with pytest.raises(ConfigError, match="target"):
        in_domain(detector, "targe")
    detector.model.config = "plain"
    with pytest.raises(ConfigError, match="no domains"):
        in_domain(detector, "source")
