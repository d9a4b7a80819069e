"""What a run shows while it is under way: its page."""

from __future__ import annotations

from handful.files import read_json
from handful.recipes.tree import flat
from handful.report.run_page import write_run_page
from handful.train.log import read_log
from handful.train.run import LOG, PAGE, RECIPE, RunFolder


def show_run(run: RunFolder) -> None:
    """Write the page of ``run`` into its folder, from its log and recipe."""
    log = run.path / LOG
    if not log.is_file():
        return
    write_run_page(
        run.path / PAGE,
        title=run.path.name,
        updates=read_log(log),
        evaluations=read_log(log, "evaluation"),
        recipe=flat(read_json(run.path / RECIPE)),
    )
