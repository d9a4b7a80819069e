import json
import math
import struct

import pytest
import torch
from safetensors.torch import save_file

from handful.errors import DataError, WeightsError
from handful.weights import Card, load_weights, read_card, save_weights
from handful.weights.store import tensors_sha256

CARD = Card(
    method="os2d",
    config={"trunk": "resnet50", "score_threshold": -math.inf, "pyramid": (0.5, 1.0), "none": None},
    class_names=("tea", "Öl"),
    licence="MIT",
    source="drawn",
)


def state():
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 2, 2),
        "bn.count": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    }


def test_what_was_saved_is_loaded(tmp_path):
    path = tmp_path / "new" / "a.safetensors"
    written = save_weights(path, state(), CARD)
    loaded, card = load_weights(path)
    assert card == written == read_card(path)
    assert card.config == {
        "trunk": "resnet50", "score_threshold": -math.inf, "pyramid": [0.5, 1.0], "none": None
    }  # fmt: skip
    assert card.class_names == ("tea", "Öl")
    assert len(card.sha256) == 64
    for name, tensor in state().items():
        assert torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype
    assert [entry.name for entry in path.parent.iterdir()] == ["a.safetensors"]


def test_half_precision_keeps_whole_numbers_and_can_be_read_as_single(tmp_path):
    path = tmp_path / "half.safetensors"
    save_weights(path, state(), CARD, dtype=torch.float16)
    stored, _ = load_weights(path)
    assert stored["conv.weight"].dtype == torch.float16
    assert stored["bn.count"].dtype == torch.int64
    single, _ = load_weights(path, dtype=torch.float32)
    assert single["conv.weight"].dtype == torch.float32
    torch.testing.assert_close(single["conv.weight"], state()["conv.weight"], rtol=1e-3, atol=1e-3)
    assert single["mask"].dtype == torch.bool


def test_shared_and_strided_tensors_can_be_saved(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    save_weights(tmp_path / "a.safetensors", {"a": base, "b": base, "c": base.t()}, CARD)
    loaded, _ = load_weights(tmp_path / "a.safetensors")
    assert torch.equal(loaded["c"], base.t())


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(mask=torch.tensor([True, True])),
        lambda s: s.update(other=s.pop("mask")),
        lambda s: s.update(empty=torch.zeros(3, 0)),
        lambda s: s.update(mask=torch.tensor([1, 0], dtype=torch.uint8)),
    ],
)
def test_the_digest_sees_values_names_shapes_and_types(change):
    changed = state()
    change(changed)
    assert tensors_sha256(changed) != tensors_sha256(state())


def test_the_digest_does_not_depend_on_order():
    assert tensors_sha256(dict(reversed(state().items()))) == tensors_sha256(state())


def good(path):
    save_weights(path, state(), CARD)
    return path.read_bytes()


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def without_card(data, path):
    save_file({"a": torch.zeros(2)}, path)
    return path.read_bytes()


def with_card(text):
    def write(data, path):
        save_file({"a": torch.zeros(2)}, path, metadata={"card": text})
        return path.read_bytes()

    return write


def overlapping(data, path):
    header = {
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(12)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("empty", lambda d, p: b"", "an empty file"),
        ("one byte", lambda d, p: b"x", "damaged"),
        ("text", lambda d, p: b"hello, these are no weights at all", "damaged"),
        ("truncated header", lambda d, p: d[:20], "damaged"),
        ("truncated tensors", lambda d, p: d[:-10], "damaged"),
        ("header of 2^60 bytes", lambda d, p: struct.pack("<Q", 1 << 60) + d[8:], "damaged"),
        ("overlapping tensors", overlapping, "damaged"),
        ("a changed bit", lambda d, p: flipped(d), "not those it was written with"),
        ("no card", without_card, "has no card"),
        ("card is no JSON", with_card("{"), "card in the weight file cannot be read"),
        ("card is a list", with_card("[]"), "card in the weight file cannot be read"),
        ("card lacks fields", with_card("{}"), "card in the weight file cannot be read"),
        ("card has strange fields", with_card('{"method":"a","class_names":[],"x":1}'), "newer"),
        ("card has wrong types", with_card('{"method":1,"class_names":[]}'), "wrong type"),
    ],
)
def test_damaged_and_hostile_files_are_refused(tmp_path, name, make, message):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(make(good(path), path))
    with pytest.raises(WeightsError, match=message) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)


def test_a_checkpoint_is_sent_to_the_converter(tmp_path):
    path = tmp_path / "os2d.pth"
    torch.save({"net": state()}, path)
    with pytest.raises(WeightsError, match="PyTorch checkpoint.*weights convert os2d.pth"):
        load_weights(path)


@pytest.mark.parametrize("place", ["missing.safetensors", "."])
def test_no_file_there(tmp_path, place):
    with pytest.raises(WeightsError, match="no weight file"):
        load_weights(tmp_path / place)


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="cannot write"):
        save_weights(tmp_path / "file" / "a.safetensors", state(), CARD)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
