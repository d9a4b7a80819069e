"""All recipes as a table, for a page or for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handful.recipes.registry import RecipeEntry
from handful.recipes.values import write_value

HEADS = ("recipe", "what it runs", "choices")


def recipe_table(entries: Iterable[RecipeEntry]) -> str:
    """Return ``entries`` as Markdown: name, a sentence, choices and what they are if unsaid."""
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for entry in entries:
        choices = ", ".join(_choice(name, entry.defaults) for name in entry.types)
        lines.append(f"| `{entry.name}` | {entry.summary} | {choices} |")
    return "\n".join(lines) + "\n"


def recipe_lines(entries: Iterable[RecipeEntry]) -> str:
    """Return ``entries`` as plain text: a line with name and sentence, and one with choices."""
    lines = []
    for entry in entries:
        choices = " ".join(
            f"{name}={write_value(entry.defaults[name])}" if name in entry.defaults else f"{name}="
            for name in entry.types
        )
        lines += [f"{entry.name}: {entry.summary.replace('``', '')}", f"    {choices}"]
    return "\n".join(lines) + "\n"


def _choice(name: str, defaults: dict[str, Any]) -> str:
    return f"`{name}` {write_value(defaults[name])}" if name in defaults else f"`{name}`"
