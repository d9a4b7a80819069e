import base64
import io
import math
from html.parser import HTMLParser

import pytest
from PIL import Image

from handful.report.html import Figure, Gallery, Heading, Table, html_page, write_page
from handful.report.plot import Line, Plot

VOID = {"meta", "img"}


class Outline(HTMLParser):
    """Collects tags and text and notices tags that are not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.images, self.texts, self.faults = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())


def test_the_page_is_whole_and_well_formed(tmp_path):
    page = html_page(
        "Demo", [Table(["a"], [[1]], "numbers"), "words", Figure(Image.new("RGB", (2, 2)))]
    )
    outline = Outline(page)
    assert page.startswith("<!DOCTYPE html>")
    assert outline.open == [] and outline.faults == []
    assert {"Demo", "numbers", "words", "1"} <= set(outline.texts)


@pytest.mark.parametrize("place", ["title", "lead", "text", "caption", "column", "cell", "picture"])
def test_every_text_is_escaped(place):
    evil = '<script>alert("1")</script>&"\''
    texts = dict.fromkeys(["title", "lead", "text", "caption", "column", "cell", "picture"], "ok")
    texts[place] = evil
    page = html_page(
        texts["title"],
        [
            texts["text"],
            Table([texts["column"]], [[texts["cell"]]], texts["caption"]),
            Figure(Image.new("RGB", (1, 1)), texts["picture"]),
        ],
        lead=texts["lead"],
    )
    assert "<script" not in page
    outline = Outline(page)
    assert evil in outline.texts
    assert outline.faults == []


@pytest.mark.parametrize(
    ("cell", "shown"),
    [(0.12345, "0.123"), (7, "7"), (None, "–"), (math.nan, "–"), ("tea", "tea"), (True, "True")],
)
def test_cells_are_shown_as_people_read_them(cell, shown):
    assert shown in Outline(html_page("t", [Table(["column"], [[cell]])])).texts


def test_numbers_stand_on_the_right():
    page = html_page("t", [Table(["name", "AP"], [["tea", 0.5], ["all", None]])])
    assert page.count('<td class="figure">') == 2
    assert '<th scope="col" class="figure">AP</th>' in page


def test_pixels_are_put_into_the_page():
    page = html_page("t", [Figure(Image.new("RGB", (3, 2), (9, 8, 7)), "seen")])
    (attributes,) = Outline(page).images
    kind, _, data = attributes["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).getpixel((0, 0)) == (9, 8, 7)
    assert attributes["alt"] == "seen"


def test_files_are_linked_from_where_the_page_lies(tmp_path):
    picture = tmp_path / "out" / "pictures" / "a #1.png"
    page = write_page(tmp_path / "out" / "index.html", "t", [Figure(picture)])
    (attributes,) = Outline(page.read_text(encoding="utf-8")).images
    assert attributes["src"] == "pictures/a%20%231.png"


def test_nothing_is_fetched_from_elsewhere():
    page = html_page("t", [Figure(Image.new("RGB", (1, 1)))])
    assert "http" not in page and "<link" not in page and "<script" not in page


def test_plots_headings_and_galleries_are_parts(tmp_path):
    photo = Figure(Image.new("RGB", (3, 2)), "two & three", photo=True)
    page = html_page(
        "Demo",
        [Heading("a < b"), Plot([Line("loss", [0, 1], [1, 0])]), Gallery([photo, photo])],
    )
    outline = Outline(page)
    assert outline.open == [] and outline.faults == []
    assert "a < b" in outline.texts and "<svg" in page
    assert [image["alt"] for image in outline.images] == ["two & three"] * 2
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in outline.images)
