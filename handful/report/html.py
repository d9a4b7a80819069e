"""A short page of figures and pictures that needs nothing but itself and a browser."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from handful.files import write_text
from handful.report.plot import Plot, svg

STYLE = """
:root { color-scheme: light dark; --line: #d4d4d0; --soft: #6b6b68; --ground: #fcfcfa; }
@media (prefers-color-scheme: dark) {
  :root { --line: #44443f; --soft: #a5a5a0; --ground: #1b1b19; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto;
  padding: 0 1rem; background: var(--ground); }
h1 { font-size: 1.6rem; margin-bottom: .3rem; }
p.lead, figcaption, caption { color: var(--soft); }
table { border-collapse: collapse; margin: 1.5rem 0; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; }
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); }
svg { max-width: 100%; height: auto; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem; }
.gallery { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
.gallery figure { margin: 0; }
""".strip()

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under ``columns``; numbers stand on the right, None is shown as a dash."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    digits: int = 3


@dataclass(frozen=True)
class Figure:
    """A picture: a file, linked relative to the page, or pixels, put into the page itself.

    photo: keep its pixels as JPEG, which is smaller, and not exactly.
    """

    image: Path | Image.Image
    caption: str = ""
    photo: bool = False


@dataclass(frozen=True)
class Gallery:
    """Figures side by side, as many as the window is wide for."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Heading:
    """What the parts below it are about."""

    text: str


Part = Table | Figure | Gallery | Plot | Heading | str
PHOTO_QUALITY = 85


def html_page(
    title: str, parts: Sequence[Part], *, lead: str = "", folder: Path | str = "."
) -> str:
    """Return a whole HTML page; a text among ``parts`` is a paragraph.

    ``folder`` is where the page will lie: linked pictures are addressed from there. All
    texts are escaped.
    """
    body = [f"<h1>{escape(title)}</h1>"]
    if lead:
        body.append(f'<p class="lead">{escape(lead)}</p>')
    body += [_part(part, Path(folder)) for part in parts]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}\n</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def write_page(path: Path | str, title: str, parts: Sequence[Part], *, lead: str = "") -> Path:
    """Write ``html_page`` to ``path``, all or nothing; returns the path."""
    target = Path(path)
    write_text(target, html_page(title, parts, lead=lead, folder=target.parent))
    return target


def _part(part: Part, folder: Path) -> str:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Figure):
        return _figure(part, folder)
    if isinstance(part, Gallery):
        figures = [_figure(figure, folder) for figure in part.figures]
        return "\n".join(['<div class="gallery">', *figures, "</div>"])
    if isinstance(part, Plot):
        return f"<figure>{svg(part)}</figure>"
    if isinstance(part, Heading):
        return f"<h2>{escape(part.text)}</h2>"
    return f"<p>{escape(part)}</p>"


def _table(table: Table) -> str:
    numeric = [
        any(isinstance(row[column], (int, float)) for row in table.rows)
        for column in range(len(table.columns))
    ]
    kinds = [' class="figure"' if figures else "" for figures in numeric]
    heads = zip(table.columns, kinds, strict=True)
    lines = ["<table>"]
    if table.caption:
        lines.append(f"<caption>{escape(table.caption)}</caption>")
    lines.append("<thead><tr>")
    lines += [f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in heads]
    lines.append("</tr></thead>")
    lines.append("<tbody>")
    for row in table.rows:
        cells = zip(row, kinds, strict=True)
        shown = "".join(f"<td{kind}>{_cell(cell, table.digits)}</td>" for cell, kind in cells)
        lines.append(f"<tr>{shown}</tr>")
    lines += ["</tbody>", "</table>"]
    return "\n".join(lines)


def _cell(cell: Cell, digits: int) -> str:
    if cell is None or cell != cell:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.{digits}f}"
    return escape(str(cell))


def _figure(figure: Figure, folder: Path) -> str:
    source = (
        _embedded(figure.image, photo=figure.photo)
        if isinstance(figure.image, Image.Image)
        else quote(Path(os.path.relpath(figure.image, folder)).as_posix())
    )
    alternative = escape(figure.caption or "picture", quote=True)
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return f'<figure><img src="{escape(source)}" alt="{alternative}">{caption}</figure>'


def _embedded(image: Image.Image, *, photo: bool) -> str:
    buffer = io.BytesIO()
    kind, options = ("jpeg", {"quality": PHOTO_QUALITY}) if photo else ("png", {})
    image.convert("RGB").save(buffer, kind, **options)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
