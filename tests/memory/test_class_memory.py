"""Class features: kept together by class, saved, loaded, never mixed between models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from handful.errors import DataError, WeightsError
from handful.memory import ClassMemory


def features(count: int, value: float = 0.0) -> torch.Tensor:
    return torch.full((count, 4, 3, 3), value)


def two_classes() -> ClassMemory:
    return ClassMemory.empty("m1").add("cola", features(2, 1.0)).add("tea", features(1, 2.0))


def test_views_of_a_class_lie_together_even_when_added_later() -> None:
    memory = two_classes().add("cola", features(2, 3.0))
    assert memory.names == ("cola", "tea")
    assert memory.owner.tolist() == [0, 0, 0, 0, 1]
    assert memory.features[:, 0, 0, 0].tolist() == [1.0, 1.0, 3.0, 3.0, 2.0]


def test_many_classes_added_at_once_are_as_if_added_one_by_one() -> None:
    at_once = two_classes().add_all({"cola": features(1, 3.0), "milk": features(2, 4.0)})
    singly = two_classes().add("cola", features(1, 3.0)).add("milk", features(2, 4.0))
    assert at_once.names == singly.names == ("cola", "tea", "milk")
    assert at_once.owner.tolist() == singly.owner.tolist() == [0, 0, 0, 1, 2, 2]
    assert torch.equal(at_once.features, singly.features)


def test_a_prototype_is_the_mean_view_of_its_class() -> None:
    memory = two_classes().add("cola", features(1, 4.0))
    assert memory.prototypes().shape == (2, 4, 3, 3)
    assert memory.prototypes()[:, 0, 0, 0].tolist() == [2.0, 2.0]


def test_adding_leaves_the_old_memory_as_it_was() -> None:
    memory = two_classes()
    memory.add("milk", features(1))
    assert memory.names == ("cola", "tea") and len(memory) == 2


def test_features_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="wrong shape"):
        two_classes().add("milk", torch.zeros(1, 5, 3, 3))


@pytest.mark.parametrize(
    ("names", "owner", "message"),
    [
        (("a", "a"), [0, 1], "one name"),
        (("a", "b"), [0, 0], "do not fit"),
        (("a", "b"), [0, 2], "do not fit"),
        (("a", "b"), [1, 0], "do not lie together"),
        (("a", "b"), [0], "do not fit"),
    ],
)
def test_inconsistent_parts_are_refused(
    names: tuple[str, ...], owner: list[int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        ClassMemory(names, features(2), torch.tensor(owner), "m1")


def test_saved_and_loaded_memory_is_equal(tmp_path: Path) -> None:
    memory = two_classes().add("grün, ☕", features(1, 0.25).half().float())
    memory.save(tmp_path / "deep" / "classes.safetensors")
    loaded = ClassMemory.load(tmp_path / "deep" / "classes.safetensors", model="m1")
    assert loaded.names == memory.names and loaded.model == "m1"
    assert torch.equal(loaded.features, memory.features)
    assert torch.equal(loaded.owner, memory.owner)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["classes.safetensors"]


def test_an_empty_memory_survives_the_round_trip(tmp_path: Path) -> None:
    ClassMemory.empty("m1").save(tmp_path / "none.safetensors")
    assert len(ClassMemory.load(tmp_path / "none.safetensors")) == 0


def test_another_models_memory_is_refused(tmp_path: Path) -> None:
    two_classes().save(tmp_path / "classes.safetensors")
    with pytest.raises(WeightsError, match="another model.*remember the classes again"):
        ClassMemory.load(tmp_path / "classes.safetensors", model="m2")


def _truncated(path: Path) -> None:
    two_classes().save(path)
    path.write_bytes(path.read_bytes()[:-20])


def _other_safetensors(path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, path)


def _lost_class(path: Path) -> None:
    metadata = {"kind": "handful class memory", "version": "1", "model": "m1", "names": '["a"]'}
    save_file({"features": features(2), "owner": torch.tensor([0, 1])}, path, metadata=metadata)


def _names_not_json(path: Path) -> None:
    metadata = {"kind": "handful class memory", "version": "1", "model": "m1", "names": "[a"}
    save_file({"features": features(1), "owner": torch.tensor([0])}, path, metadata=metadata)


def _newer(path: Path) -> None:
    metadata = {"kind": "handful class memory", "version": "2", "model": "m1", "names": '["a"]'}
    save_file({"features": features(1), "owner": torch.tensor([0])}, path, metadata=metadata)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: None, "cannot read"),
        (lambda path: path.write_bytes(b""), "not a class memory"),
        (lambda path: path.write_text("hello"), "not a class memory"),
        (_truncated, "not a class memory"),
        (_other_safetensors, "not a class memory"),
        (_lost_class, "damaged"),
        (_names_not_json, "damaged"),
        (_newer, "unknown version"),
    ],
)
def test_files_that_are_no_memory_are_refused_by_name(tmp_path: Path, spoil, message: str) -> None:
    file = tmp_path / "classes.safetensors"
    spoil(file)
    with pytest.raises(WeightsError, match=message) as error:
        ClassMemory.load(file)
    assert "classes.safetensors" in str(error.value)
