"""The commands ``handful weights list | fetch | convert | show``."""

from __future__ import annotations

from pathlib import Path


def list_files() -> None:
    """List the official files that are known by name."""
    from rich.console import Console
    from rich.table import Table

    from handful.weights.catalogue import CATALOGUE

    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("what it is", "licence", "where"):
        table.add_column(column)
    for entry in CATALOGUE:
        where = "fetched by name" if entry.url else entry.where
        table.add_row(entry.name, entry.about, entry.licence, where)
    Console().print(table)


def fetch(
    name: str,
    /,
    *,
    folder: Path | None = None,
    url: str | None = None,
    sha256: str | None = None,
) -> None:
    """Fetch an official file; run again to continue after a broken connection.

    Args:
        name: its name, as 'handful weights list' shows it.
        folder: where to put it; by default the cache folder.
        url: another address of the same file.
        sha256: the checksum to expect, or its first digits.
    """
    from rich.console import Console

    from handful.cli.terminal import terminal_reporter
    from handful.weights import fetch as fetch_official
    from handful.weights import find_official

    reporter = terminal_reporter()
    path = fetch_official(name, folder=folder, url=url, sha256=sha256, reporter=reporter)
    console = Console(soft_wrap=True, highlight=False)
    console.print(str(path), markup=False)
    next_step = find_official(name).next_step
    if next_step:
        console.print(f"Next: {next_step.replace(name, str(path))}", markup=False)


def convert(
    path: Path,
    /,
    *,
    variant: str | None = None,
    out: Path | None = None,
    half: bool = False,
) -> None:
    """Turn a checkpoint of an original repository into a weight file of handful.

    Args:
        path: the checkpoint.
        variant: what the file does not say: which OS2D it is (v1, v2); after which division
            the classes of DeFRCN, TFA or MPSR are named (voc1, voc2, voc3, coco), after which
            scenario those of MS2A (cityscapes-foggy, kitti-cityscapes, sim10k-cityscapes,
            indus-s-t1, indus-s-t2); that a YOLOX is of Megvii's first release, 0.1.0 (legacy),
            or that an O2F finds people in crowds (crowdhuman).
        out: the file to write; by default beside the checkpoint, ending in .safetensors.
        half: store the numbers in half precision.
    """
    import torch
    from rich.console import Console

    from handful.weights import convert as convert_official

    written = convert_official(
        path, variant=variant, out=out, dtype=torch.float16 if half else None
    )
    Console(soft_wrap=True, highlight=False).print(str(written), markup=False)


def show(path: Path, /) -> None:
    """Print the card of a weight file: method, settings, classes, licence, source.

    Args:
        path: a .safetensors file written by handful.
    """
    from rich.console import Console

    from handful.weights.store import read_card

    Console(soft_wrap=True, highlight=False).print(read_card(path).to_text(), markup=False)
