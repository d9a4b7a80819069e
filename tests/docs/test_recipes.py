"""The tables of recipes and published figures in the docs are those that the registry gives."""

from __future__ import annotations

from pathlib import Path

from handful import api
from handful.recipes.listing import recipe_table
from handful.recipes.published import results_table

PAGE = Path(__file__).parents[2] / "docs" / "reproduce-a-paper.md"


def shown(name: str) -> str:
    """Return what the page has between the marks of a generated table."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index(begin) + len(begin) : text.index(end)]


def test_the_page_lists_every_recipe() -> None:
    assert shown("recipes") == recipe_table(api.recipes())


def test_the_page_lists_every_published_figure() -> None:
    assert shown("published") == results_table(api.published())
