import math
from xml.etree import ElementTree

import pytest

from handful.report.plot import FEW_POINTS, Line, Plot, save_plot, svg, ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(plot, tag):
    return list(ElementTree.fromstring(svg(plot)).iter(SVG + tag))


def points(element):
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 5000.0, [0, 1000, 2000, 3000, 4000, 5000]),
        (-3.0, 7.0, [-2, 0, 2, 4, 6]),
        (0.0213, 0.0287, [0.022, 0.024, 0.026, 0.028]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_values_are_placed_on_the_axes():
    plot = Plot([Line("a", [0, 1, 2], [0, 5, 10])])
    (left, low), (_, middle), (right, high) = points(drawn(plot, "polyline")[0])
    assert left < right and low > high and middle == pytest.approx((low + high) / 2, abs=0.1)
    texts = [text.text for text in drawn(plot, "text")]
    assert {"0", "2", "10"} <= set(texts) and "a" not in texts


def test_several_lines_have_a_legend_and_colours_of_their_own():
    lines = [Line(f"class {n}", [0, 1], [0, n]) for n in range(3)]
    strokes = [line.get("stroke") for line in drawn(Plot(lines), "polyline")]
    assert len(set(strokes)) == 3
    assert {"class 0", "class 2"} <= {text.text for text in drawn(Plot(lines), "text")}


def test_faint_lines_are_not_named():
    lines = [Line("raw", [0, 1], [0, 1], faint=True), Line("mean", [0, 1], [0, 1], colour=0)]
    raw, mean = drawn(Plot(lines), "polyline")
    assert raw.get("stroke") == mean.get("stroke")
    assert float(raw.get("stroke-opacity")) < float(mean.get("stroke-opacity"))
    assert "raw" not in {text.text for text in drawn(Plot(lines), "text")}


def test_a_band_goes_there_and_back():
    line = Line("mean", [0, 1], [1, 2], low=[0, 1], high=[2, 3])
    (polygon,) = drawn(Plot([line]), "polygon")
    corners = points(polygon)
    assert len(corners) == 4 and corners[0][0] == corners[3][0] and corners[0][1] < corners[3][1]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [Line("none", [], [])],
        [Line("one", [3], [3])],
        [Line("gaps", [0, 1, 2], [math.nan, 1.0, math.inf])],
        [Line("flat", [0, 1], [2, 2])],
    ],
    ids=["no line", "no point", "one point", "not finite", "flat"],
)
def test_odd_data_still_gives_a_plot(lines):
    text = svg(Plot(lines))
    ElementTree.fromstring(text)
    assert "nan" not in text and "inf" not in text


def test_long_lines_are_thinned_but_keep_their_peaks():
    values = [0.0] * 50_000
    values[31_234] = 7.0
    (line,) = drawn(Plot([Line("loss", range(50_000), values)]), "polyline")
    assert len(points(line)) <= FEW_POINTS + 2
    assert min(y for _, y in points(line)) < max(y for _, y in points(line))


def test_texts_are_escaped_and_long_names_cut():
    evil = "<b>&\"'" + "x" * 40
    lines = [Line(evil, [0, 1], [0, 1]), Line("b", [0, 1], [0, 1])]
    texts = [text.text for text in drawn(Plot(lines, title=evil, x_label=evil), "text")]
    assert evil in texts and any(text.endswith("…") and len(text) == 20 for text in texts)


def test_a_file_stands_on_white(tmp_path):
    path = save_plot(Plot([Line("a", [0, 1], [0, 1])]), tmp_path / "curve.svg")
    assert 'fill="white"' in path.read_text("utf-8")
    assert 'fill="white"' not in svg(Plot([]))
