"""Showing examples and finding them: the Python interface."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from tiny_detector import logo, scene, tiny_detector, tiny_model

from handful.boxes import box_iou
from handful.errors import ConfigError, DataError, WeightsError
from handful.predict.oneshot import OneShotDetector
from handful.structures import Detections, Exemplar

PLACES = ((1, 8, 32), (2, 128, 64), (1, 80, 0))


def truth(*places: tuple[int, int, int]) -> torch.Tensor:
    return torch.tensor([[x, y, x + 64, y + 64] for _, x, y in places]).float()


def assert_found(found: Detections, places: dict[str, list[tuple[int, int, int]]]) -> None:
    assert sorted(found.names()) == sorted(n for n, some in places.items() for _ in some)
    for name, some in places.items():
        rows = [index for index, other in enumerate(found.names()) if other == name]
        best = box_iou(truth(*some), found[rows].boxes).max(dim=1).values
        assert float(best.min()) > 0.5


def test_every_instance_of_every_class_is_found_at_its_place() -> None:
    detector = tiny_detector().remember({"one": logo(1), "two": [logo(2)]})
    found = detector.detect(scene(*PLACES))
    assert_found(found, {"one": [PLACES[0], PLACES[2]], "two": [PLACES[1]]})
    assert found.class_names == ("one", "two") and found.image_size == (140, 200)
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert all(0.72 < score <= 1 for score in found.scores.tolist())


def test_nothing_there_is_an_empty_answer() -> None:
    found = tiny_detector().remember({"one": logo(1)}).detect(scene())
    assert len(found) == 0 and found.class_names == ("one",)


def test_a_box_in_a_larger_picture_is_the_same_example_as_its_crop(tmp_path: Path) -> None:
    scene((1, 8, 32)).save(tmp_path / "shelf.png")
    boxed = Exemplar("ignored", tmp_path / "shelf.png", (8, 32, 72, 96))
    cut = tiny_detector().remember({"one": [boxed]})
    whole = tiny_detector().remember({"one": [logo(1)]})
    assert cut.class_names == ("one",)
    torch.testing.assert_close(cut.memory.features, whole.memory.features)


def test_every_kind_of_picture_is_taken(tmp_path: Path) -> None:
    logo(1).save(tmp_path / "one.png")
    array = numpy.asarray(logo(1))
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    path = tmp_path / "one.png"
    detector = tiny_detector().remember({"one": [path, str(path), logo(1), array, tensor]})
    detector.remember({"single": array}).remember({"one": path})
    assert detector.memory.owner.tolist() == [0] * 6 + [1]
    torch.testing.assert_close(
        detector.memory.features[:6], detector.memory.features[:1].expand(6, -1, -1, -1)
    )


@pytest.mark.parametrize(
    ("views", "count"), [("", 1), ("horflip", 2), ("rotation90", 4), ("horflip_rotation90", 8)]
)
def test_views_find_turned_objects_as_the_same_class(views: str, count: int) -> None:
    detector = tiny_detector(views=views).remember({"one": logo(1)})
    assert detector.memory.owner.tolist() == [0] * count
    turned = scene()
    turned.paste(logo(1).rotate(90), (8, 32))
    names = detector.detect(turned).names()
    assert names == (["one"] if "rotation90" in views else [])


def test_image_features_are_computed_once_a_level_and_classes_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model()
    calls = []
    features = model.features
    monkeypatch.setattr(model, "features", lambda image: calls.append(1) or features(image))
    detector = tiny_detector(max_bytes=1).remember({str(n): logo(n) for n in range(6)})
    assert len(calls) == 6
    detector.detect(scene(*PLACES))
    assert len(calls) == 6 + len(detector.settings.scales)


@pytest.mark.parametrize(
    ("examples", "error"),
    [
        ({"one": logo(1), "two": "missing.png"}, DataError),
        ({"one": logo(1), "two": logo(2).resize((5, 30))}, DataError),
        ({"one": logo(1), "two": []}, ConfigError),
        ({"one": logo(1), "two": Exemplar("two", logo(2), (60, 0, 90, 30))}, DataError),
    ],
)
def test_a_bad_example_leaves_nothing_remembered(examples, error) -> None:
    detector = tiny_detector()
    with pytest.raises(error, match="two|missing.png"):
        detector.remember(examples)
    assert detector.class_names == ()


def test_searching_before_showing_anything_is_refused() -> None:
    with pytest.raises(ConfigError, match="remember"):
        tiny_detector().detect(scene())


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (9, 9)])
def test_tiny_scenes_are_searched_in_vain(size: tuple[int, int]) -> None:
    detector = tiny_detector().remember({"one": logo(1)})
    found = detector.detect(Image.new("RGB", size, "white"))
    assert found.image_size == (size[1], size[0])
    assert len(found) == 0


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "L", "P", "I;16"])
def test_pictures_of_any_mode_are_searched(mode: str, tmp_path: Path) -> None:
    picture = scene(*PLACES)
    if mode == "I;16":
        grey = numpy.asarray(picture.convert("L")).astype(numpy.uint16) * 257
        picture = Image.fromarray(grey)
    else:
        picture = picture.convert(mode, palette=Image.Palette.ADAPTIVE)
    picture.save(tmp_path / "scene.tif")
    example = logo(1).convert("L") if mode in ("L", "I;16") else logo(1)
    detector = tiny_detector(score=0.4).remember({"one": example})
    best = detector.detect(tmp_path / "scene.tif")[:2]
    assert_found(best, {"one": [PLACES[0], PLACES[2]]})


def test_a_picture_over_the_limit_is_shrunk_and_the_user_told() -> None:
    class Notes:
        texts: list[str] = []

        def note(self, text: str) -> None:
            self.texts.append(text)

    detector = tiny_detector(max_level_pixels=28_000).remember({"one": logo(1)})
    detector.reporter = Notes()  # type: ignore[assignment]
    large = scene(*PLACES).resize((400, 280), Image.Resampling.NEAREST)
    found = detector.detect(large)
    assert len(found) == 2 and float(found.boxes[0, 2] - found.boxes[0, 0]) > 90
    assert len(Notes.texts) == 1 and "400 x 280" in Notes.texts[0]


def test_saved_classes_find_the_same(tmp_path: Path) -> None:
    shown = tiny_detector().remember({"one": logo(1), "two": logo(2)})
    shown.save_classes(tmp_path / "classes.safetensors")
    fresh = tiny_detector().load_classes(tmp_path / "classes.safetensors")
    first, second = (detector.detect(scene(*PLACES)) for detector in (shown, fresh))
    assert first.names() == second.names()
    assert torch.equal(first.boxes, second.boxes) and torch.equal(first.scores, second.scores)


def test_another_models_classes_are_refused(tmp_path: Path) -> None:
    tiny_detector().remember({"one": logo(1)}).save_classes(tmp_path / "classes.safetensors")
    with pytest.raises(WeightsError, match="another model"):
        OneShotDetector(tiny_model(seed=1)).load_classes(tmp_path / "classes.safetensors")


def test_answers_are_ordinary_tensors() -> None:
    found = tiny_detector().remember({"one": logo(1)}).detect(scene(*PLACES))
    found.boxes.mul_(2)
    found.scores.requires_grad_()
    assert not found.boxes.is_inference()
