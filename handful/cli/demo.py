"""The command ``handful demo``."""

from __future__ import annotations

from pathlib import Path


def demo(
    *, out: Path = Path("out/demo"), model: str = "os2d-lite", device: str | None = None
) -> None:
    """Draw shelves of products, show one example of each, and find them all.

    Nothing is downloaded. Pictures with boxes and a short page are written.

    Args:
        out: folder to write to.
        model: a model that comes with handful, or a weight file.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
    """
    from rich.console import Console
    from rich.table import Table

    from handful import api
    from handful.cli.terminal import terminal_reporter

    result = api.demo(out, model=model, device=device, reporter=terminal_reporter())
    table = Table("figure", "value")
    for name, value in api.result_rows(result):
        table.add_row(name, value)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"See {result.page}", soft_wrap=True, markup=False)
