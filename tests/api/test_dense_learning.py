"""Learning from boxes on a trained YOLOX, by every route."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from few_boxes import CLASSES, write_support

from handful import api
from handful.api.trained import read_detector, save_detector, weight_file
from handful.errors import ConfigError, NotSupported, WeightsError
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX

KNOWN = ("person", "dog")
KEPT = "only new rows learn, so that the kept classes stay as they are"
QUICK = {"train.steps": "3", "train.batch": "2", "train.warmup": "0", "views": "2"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of two other classes that was never trained."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("base") / "nano.safetensors"
    config = YOLOXConfig(class_names=KNOWN, size="nano", input_size=(96, 96))
    save_detector(YOLOX(config), file, source="chance")
    return file


@pytest.fixture(scope="module")
def support(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_support(tmp_path_factory.mktemp("data"))


def learn(support: Path, base: Path | None, out: Path, **asked):
    asked = {"changes": QUICK, "device": "cpu", **asked}
    return api.learn(support, model="yolox-nano", base=base, out=out, **asked)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("asked", "learnt", "classes"),
    [
        ({"route": "prototypes"}, set(), CLASSES),
        ({"route": "head"}, {"head"}, CLASSES),
        ({"route": "tune"}, {"backbone", "neck", "head"}, CLASSES),
        ({"keep_classes": True}, {"head"}, (*KNOWN, *CLASSES)),
    ],
    ids=["prototypes", "head", "tune", "keep classes"],
)
def test_each_route_gives_a_detector_that_can_be_loaded(
    support: Path, base: Path, tmp_path: Path, asked, learnt, classes
) -> None:
    learned = learn(support, base, tmp_path / "run", val=support, **asked)
    assert {"AP", "AP50"} <= set(learned.results)
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text("utf-8"))
    assert recipe["route"] == asked.get("route", "head") and recipe["base"] == str(base)
    assert recipe["reason"] == ("asked for" if "route" in asked else KEPT)
    before = read_detector(base).state_dict()
    after = read_detector(weight_file(tmp_path / "run"))
    moved = {
        name.split(".")[0]
        for name, value in after.state_dict().items()
        if not name.startswith("head.classes") and not torch.equal(value, before[name])
    }
    assert after.config.class_names == classes
    assert set(learned.detector.suggested) == set(CLASSES)
    assert moved == (set() if asked.get("keep_classes") else learnt)
    again = api.load(tmp_path / "run", device="cpu")
    assert again.suggested == pytest.approx(learned.detector.suggested)
    picture = support.parent / "1.png"
    first, second = (one.detect(picture, score=0.0) for one in (learned.detector, again))
    assert torch.equal(first.boxes, second.boxes) and torch.equal(first.scores, second.scores)


@pytest.mark.integration
def test_kept_classes_say_what_they_said(support: Path, base: Path, tmp_path: Path) -> None:
    learned = learn(support, base, tmp_path / "run", keep_classes=True)
    before, after = read_detector(base), learned.detector.model
    images, sizes = torch.rand(1, 3, 96, 96) * 255, torch.tensor([[96, 96]])
    with torch.no_grad():
        old, new = before.eval()(images, sizes), after(images, sizes)
    assert torch.allclose(old.class_logits, new.class_logits[..., : len(KNOWN)], atol=1e-5)
    assert torch.equal(old.objectness, new.objectness)
    assert new.class_logits.shape[-1] == len(KNOWN) + len(CLASSES)


@pytest.mark.integration
@pytest.mark.parametrize("route", ["head", "tune"])
def test_a_run_that_was_stopped_goes_on(
    support: Path, base: Path, tmp_path: Path, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handful.train.loop import Training

    changes = {**QUICK, "train.steps": "5", "train.checkpoint_every": "1", "calibrate": "no"}
    whole = learn(support, base, tmp_path / "whole", route=route, changes=changes)
    made = Training.update

    def stop(self, batches):
        if self.progress.step == 3:
            raise KeyboardInterrupt
        return made(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "update", stop)
        with pytest.raises(KeyboardInterrupt):
            learn(support, base, tmp_path / "parts", route=route, changes=changes)
    parts = learn(support, base, tmp_path / "parts", route=route, changes=changes)
    expected = whole.detector.model.state_dict()
    for name, value in parts.detector.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"base": None}, ConfigError, "weights list"),
        ({"route": "tun"}, ConfigError, "tune"),
        ({"route": "tune", "keep_classes": True}, ConfigError, "head"),
        ({"model": "yolox-s"}, WeightsError, "yolox-nano"),
        ({"model": "defrcn-lite", "base": None, "route": "head"}, NotSupported, "YOLOX"),
        ({"model": "defrcn-lite", "base": None, "keep_classes": True}, NotSupported, "YOLOX"),
    ],
)
def test_mistakes_are_found_before_any_work(
    support: Path, base: Path, tmp_path: Path, asked, error, message
) -> None:
    call = {"model": "yolox-nano", "base": base, "out": tmp_path / "run", **asked}
    with pytest.raises(error, match=message):
        api.learn(support, device="cpu", **call)
    assert not (tmp_path / "run").exists()
