"""Learning a user's classes with the detector that needs no suppression."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from few_boxes import CLASSES, write_support

from handful import api
from handful.api.learn_plans import LearnOrder
from handful.api.learning import support_set
from handful.api.o2f_learning import O2FLearning
from handful.api.trained import save_detector, weight_file
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.errors import ConfigError, NotSupported, WeightsError
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.model import O2F
from handful.reporter import SilentReporter

CPU = torch.device("cpu")
QUICK = {
    "train.steps": "3",
    "train.batch": "2",
    "train.warmup": "0",
    "short": "96,96",
    "model.test_size": "96,160",
}


def learn(support: Path | Dataset, out: Path, **asked: Any) -> api.Learned:
    return api.learn(support, out=out, model="o2f-lite", device="cpu", **asked)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("base") / "base.safetensors"
    config = replace(LITE_CONFIG, class_names=("cup", "disc"))
    save_detector(O2F(config, pretrained_trunk=True), file, source="a test")
    return file


@pytest.mark.integration
def test_boxes_become_a_detector_that_can_be_loaded(tmp_path: Path) -> None:
    support = write_support(tmp_path / "data")
    learned = learn(support, tmp_path / "run", changes=QUICK, val=support)
    assert {"AP", "AP50"} <= set(learned.results) and learned.recipe.base == "imagenet"
    again = api.load(tmp_path / "run", device="cpu")
    assert again.class_names == CLASSES
    first, second = (
        one.detect(tmp_path / "data" / "1.png", score=0.0) for one in (learned.detector, again)
    )
    assert torch.equal(first.boxes, second.boxes) and torch.equal(first.scores, second.scores)


@pytest.mark.integration
@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_only_the_classifier_learns_upon_a_base_where_that_is_asked(
    base: Path, tmp_path: Path, classifier: str
) -> None:
    support = write_support(tmp_path / "data")
    changes = {
        **QUICK,
        "part": "classifier",
        "model.classifier": classifier,
        "calibrate": "no",
        "train.lr": "1e-30",
        "train.weight_decay": "0",
    }
    learned = learn(support, tmp_path / "run", base=base, changes=changes)
    before = api.load(base, device="cpu").model.state_dict()
    after = learned.detector.model.state_dict()
    same = {name for name in before if torch.allclose(before[name].float(), after[name].float())}
    fresh = {"head.classes.weight", "head.classes.bias"}
    assert after.keys() - same <= fresh and "head.classes.weight" not in same
    parameters = learned.detector.model.named_parameters()
    assert {name for name, one in parameters if one.requires_grad} >= fresh
    # "disc" is known to the base: a classifier of the same kind keeps what it says of it.
    kept = torch.allclose(after["head.classes.weight"][0], before["head.classes.weight"][1])
    assert kept == (classifier == "linear")


@pytest.mark.integration
def test_masks_are_learnt_where_the_support_has_outlines_even_on_a_base_of_boxes(
    base: Path, tmp_path: Path
) -> None:
    shelves = draw_shelves(ShelfRecipe(scenes=2, classes=2, seed=3))
    learned = learn(shelves, tmp_path / "run", base=base, changes=QUICK)
    assert learned.recipe.model.masks
    found = learned.detector.detect_all(shelves.pictures[0].read())
    assert found.masks is not None and len(found.masks) == len(found)
    boxes = replace(shelves, outlines=None)
    again = learn(boxes, tmp_path / "boxes", base=weight_file(tmp_path / "run"), changes=QUICK)
    assert not again.recipe.model.masks
    assert again.detector.detect_all(shelves.pictures[0].read()).masks is None


def order(model: str, base: Path | None = None, route: str | None = None) -> LearnOrder:
    return LearnOrder(model, base, route, False, False, 3, CPU, SilentReporter())


def test_a_large_trunk_stays_as_it_is_and_a_base_begins_with_fewer_soft_points(
    base: Path, tmp_path: Path
) -> None:
    shown = support_set(read_dataset(write_support(tmp_path)))
    fresh, based = (O2FLearning(shown, order("o2f-lite", one)).recipe() for one in (None, base))
    assert (fresh.part, based.part, fresh.train.seed) == ("all", "all", 3)
    assert (fresh.model.soft_first, based.model.soft_first) == (0.6, 0.4)
    assert based.model.class_names == CLASSES and based.short == (307, 384)
    large = tmp_path / "large.safetensors"
    config = O2FConfig(class_names=("cup",), channels=64, tower_depth=1)
    save_detector(O2F(config), large, source="a test")
    assert O2FLearning(shown, order("o2f-r50", large)).recipe().part == "head"
    with pytest.raises(WeightsError, match=r"got o2f resnet50.*o2f efficientnet_lite0"):
        O2FLearning(shown, order("o2f-lite", large))


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (order("o2f-r50"), ConfigError, "'base'.*weights convert"),
        (order("o2f-lite", route="head"), NotSupported, "'route'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, asked, error, message) -> None:
    shown = support_set(read_dataset(write_support(tmp_path)))
    with pytest.raises(error, match=message):
        O2FLearning(shown, asked)
