import re

import pytest
import torch
import tyro

from handful.cli import weights as command
from handful.data.splits.divisions import DIVISIONS
from handful.errors import NotSupported, WeightsError
from handful.methods.ms2a.scenarios import SCENARIOS
from handful.methods.o2f.weights import CROWDHUMAN
from handful.methods.os2d.weights import VARIANTS
from handful.methods.yolox.weights import LEGACY
from handful.weights import CATALOGUE, Card, save_weights


def test_list_names_every_official_file(capsys):
    tyro.cli(command.list_files, args=[])
    shown = capsys.readouterr().out
    assert all(entry.name in shown for entry in CATALOGUE)


def test_show_prints_the_card(tmp_path, capsys):
    path = tmp_path / "a.safetensors"
    card = save_weights(path, {"a": torch.zeros(2)}, Card("os2d", {"trunk": "resnet50"}, ("tea",)))
    tyro.cli(command.show, args=[str(path)])
    assert Card.from_text(capsys.readouterr().out) == card


def test_fetch_gives_the_place_and_the_next_step(tmp_path, capsys):
    path = tmp_path / "os2d_v2-train.pth"
    path.write_bytes(b"fetched by hand")
    tyro.cli(command.fetch, args=["os2d_v2-train.pth", "--folder", str(tmp_path)])
    assert capsys.readouterr().out == (
        f"{path}\nNext: handful weights convert {path} --variant v2\n"
    )


def test_fetch_of_a_file_without_an_address_is_refused(tmp_path):
    with pytest.raises(NotSupported, match="Get it from"):
        tyro.cli(command.fetch, args=["os2d_v1-train.pth", "--folder", str(tmp_path)])


def test_convert_refuses_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"hello")
    with pytest.raises(WeightsError, match="damaged or is none"):
        tyro.cli(command.convert, args=[str(path), "--variant", "v2", "--half"])


def test_convert_needs_a_file(capsys):
    with pytest.raises(SystemExit) as caught:
        tyro.cli(command.convert, args=[])
    assert caught.value.code == 2


@pytest.mark.parametrize("names", [VARIANTS, DIVISIONS, SCENARIOS, (LEGACY, CROWDHUMAN)])
def test_help_of_convert_lists_the_variants_of_every_method(names):
    words = re.findall(r"[\w-]+", command.convert.__doc__ or "")
    assert not set(names) - set(words)


def test_convert_takes_the_variant_to_the_method(tmp_path, monkeypatch, capsys):
    asked = []

    def convert(path, *, variant, out, dtype):
        asked.append(variant)
        return tmp_path / "a.safetensors"

    monkeypatch.setattr("handful.weights.convert", convert)
    for variant in ("v2", "cityscapes-foggy"):
        tyro.cli(command.convert, args=["a.pth", "--variant", variant])
    assert asked == ["v2", "cityscapes-foggy"]
