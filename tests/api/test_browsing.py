from __future__ import annotations

import pytest
from few_boxes import write_support

from handful import api
from handful.cli.main import main
from handful.errors import ConfigError, DataError


def test_the_page_of_a_data_set_is_written(tmp_path, capsys):
    source, page = write_support(tmp_path / "set", pictures=5), tmp_path / "page.html"
    words = ["data", "browse", str(source), "--out", str(page), "--pictures", "3"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert page.read_text("utf-8").count("data:image/jpeg") == 3


def test_the_seed_says_which_pictures_are_shown(tmp_path):
    source = write_support(tmp_path / "set", pictures=9)
    pages = [
        api.data_browse(source, tmp_path / f"{n}.html", pictures=2, seed=seed).read_text("utf-8")
        for n, seed in enumerate((1, 1, 2))
    ]
    assert pages[0] == pages[1] != pages[2]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"classes": ("dics",)}, DataError, "Did you mean 'disc'"),
        ({"pictures": -1}, ConfigError, "pictures"),
    ],
)
def test_what_cannot_be_shown_is_refused(tmp_path, options, error, words):
    source = write_support(tmp_path / "set", pictures=1)
    with pytest.raises(error, match=words):
        api.data_browse(source, tmp_path / "page.html", **options)
    assert not (tmp_path / "page.html").exists()
