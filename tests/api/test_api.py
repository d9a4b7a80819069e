"""The functions that command line, Python and web share."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from tiny_detector import CONFIG, logo, save_tiny_weights, scene, tiny_detector, tiny_model

import handful
from handful import api
from handful.api import models
from handful.errors import ConfigError, DataError, WeightsError
from handful.predict.settings import SearchOptions
from handful.weights import Card, load_weights, save_weights


def shelf() -> object:
    return scene((1, 8, 32), (2, 128, 64), (1, 80, 0))


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packaged model that is quickly made: only what is not the trunk."""
    monkeypatch.setattr(models, "packaged_folder", lambda: tmp_path)
    return save_tiny_weights(tmp_path / "os2d-lite.safetensors")


def test_the_packaged_model_loads_remembers_and_detects(packaged: Path) -> None:
    detector = handful.load("os2d-lite", device="cpu")
    detector.remember({"one": [logo(1)], "two": [logo(2)]})
    found = detector.detect(shelf())
    assert isinstance(found, handful.Detections)
    assert sorted(found.names()) == ["one", "one", "two"]
    assert detector.settings.score == CONFIG.score_threshold
    assert not detector.model.training


def test_weights_without_a_trunk_lie_over_the_trunks_package(tmp_path: Path) -> None:
    expected = tiny_model().state_dict()
    for with_trunk in (False, True):
        file = save_tiny_weights(tmp_path / "m.safetensors", with_trunk=with_trunk)
        state = api.load(file, device="cpu").model.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[key], expected[key]) for key in expected)


def test_half_precision_weights_become_single(tmp_path: Path) -> None:
    state = {k: v for k, v in tiny_model().state_dict().items() if not k.startswith("trunk.")}
    card = Card(method="os2d", config=asdict(CONFIG))
    save_weights(tmp_path / "m.safetensors", state, card, dtype=torch.float16)
    model = api.load(tmp_path / "m.safetensors", device="cpu").model
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_missing_packaged_model_names_the_remedy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(models, "packaged_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="handful train os2d-lite"):
        api.load()


def test_an_official_model_loads_by_its_short_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDFUL_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="not here yet.*weights fetch os2d_v2-train.pth"):
        api.load("os2d_v2-train")
    expected = save_tiny_weights(tmp_path / "os2d_v2-train.safetensors", with_trunk=True)
    loaded = api.load("os2d_v2-train", device="cpu")
    assert torch.equal(loaded.model.state_dict()[HEAD], load_weights(expected)[0][HEAD])


@pytest.mark.parametrize(
    ("name", "meant"), [("os2d-lit", "os2d-lite"), ("mpsr_voc1_5shots", "mpsr_voc1_5shot")]
)
def test_a_name_that_is_not_known_is_refused_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(WeightsError, match=f"no model of this name.*Did you mean '{meant}'"):
        api.load(name)


HEAD = "head.transform_net.output.bias"


@pytest.mark.parametrize(
    ("change", "card", "message"),
    [
        ({HEAD: None}, {}, f"lacks an entry.*{HEAD}"),
        ({"extra": torch.zeros(1)}, {}, "unknown entry.*extra"),
        ({HEAD: torch.zeros(9)}, {}, rf"wrong shape.*{HEAD}.*\[9\].*\[6\]"),
        ({"trunk.network.nonsense": torch.zeros(1)}, {}, "unknown entry.*nonsense"),
        ({}, {"method": "centernet"}, "does not know.*centernet"),
        ({}, {"config": {"trunk": "resnet18x"}}, "resnet18x"),
        ({}, {"config": {"nonsense": 1}}, "describes no network"),
        ({}, {"config": {"trunk": "resnet50"}}, "lacks an entry.*trunk"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    change: dict, card: dict, message: str, tmp_path: Path
) -> None:
    kept = {k: v for k, v in tiny_model().state_dict().items() if not k.startswith("trunk.")}
    state = {k: v for k, v in {**kept, **change}.items() if v is not None}
    written = replace(Card(method="os2d", config=asdict(CONFIG)), **card)
    save_weights(tmp_path / "bad.safetensors", state, written)
    with pytest.raises((WeightsError, ConfigError), match=message):
        api.load(tmp_path / "bad.safetensors")


def test_detect_takes_a_detector_and_options_and_writes_files(tmp_path: Path) -> None:
    shelf().save(tmp_path / "shelf.png")
    found = api.detect(
        tmp_path / "shelf.png",
        like={"one": logo(1)},
        model=tiny_detector(),
        options=SearchOptions(score=0.0, nms_iou=0.1),
        json=tmp_path / "found.json",
        picture=tmp_path / "found.png",
    )
    assert [one.file for one in found] == [tmp_path / "shelf.png"]
    assert len(found[0].detections) > 2
    written = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert written == found[0].to_json()


def test_a_picture_that_breaks_midway_leaves_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shelf().save(tmp_path / "in" / "a.png")
    whole = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="b.png"):
        api.detect(
            tmp_path / "in",
            like={"one": logo(1)},
            model=tiny_detector(),
            json=tmp_path / "all.json",
            picture=tmp_path / "drawn",
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_evaluate_leaves_the_detector_it_was_given_alone(tmp_path: Path) -> None:
    scenes = replace(
        api.DEMO_SCENES, scenes=1, classes=2, width=240, height=180, objects=(1, 2), side=64
    )
    from handful.data.synthetic import draw_shelves

    dataset = draw_shelves(scenes, polygons=False)
    detector = tiny_detector()
    measured = api.evaluate(detector, support=dataset, query=dataset, protocol="os2d")
    assert detector.class_names == () and detector.settings.score == CONFIG.score_threshold
    assert set(measured.metrics["per_class"]) == set(dataset.class_names)
    assert {row["image_id"] for row in measured.results} == {1}
    with pytest.raises(ConfigError, match="protocol"):
        api.evaluate(detector, support=dataset, query=dataset, protocol="voc")  # type: ignore[arg-type]


def test_public_names_are_there() -> None:
    for name in handful.__all__:
        assert getattr(handful, name) is not None
    assert set(handful.__all__) < set(dir(handful))
    with pytest.raises(AttributeError, match="nonsense"):
        handful.nonsense  # noqa: B018
