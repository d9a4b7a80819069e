"""The table of recipes in the docs is the one that the registry gives."""

from __future__ import annotations

from pathlib import Path

from handful import api
from handful.recipes.listing import recipe_table

PAGE = Path(__file__).parents[2] / "docs" / "reproduce-a-paper.md"
BEGIN, END = "<!-- recipes: begin -->\n", "<!-- recipes: end -->"


def test_the_page_lists_every_recipe() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert shown == recipe_table(api.recipes())
