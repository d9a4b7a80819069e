"""The commands ``handful surgery remove | randinit | combine``."""

from __future__ import annotations

from pathlib import Path


def remove(base: Path, /, *, out: Path) -> None:
    """Write a base detector without its last layer, to be fine-tuned on novel classes alone.

    Args:
        base: weights of the detector, a .safetensors file.
        out: the file to write.
    """
    from handful import api

    _say(api.surgery("remove", base, out=out))


def randinit(base: Path, /, *, out: Path, classes: tuple[str, ...], seed: int = 0) -> None:
    """Write a base detector with a last layer for more classes; known ones keep their rows.

    Args:
        base: weights of the detector, a .safetensors file.
        out: the file to write.
        classes: All classes in the order of the new head, or voc1, voc2, voc3 or coco.
        seed: Of the new rows.
    """
    from handful import api

    _say(api.surgery("randinit", base, out=out, classes=classes, seed=seed))


def combine(base: Path, novel: Path, /, *, out: Path, classes: tuple[str, ...] = ()) -> None:
    """Write a base detector with the last layers of both detectors as one.

    Args:
        base: weights of the detector that gives everything but the rows of novel classes.
        novel: weights of the detector that gives these.
        out: the file to write.
        classes: All classes in the order of the new head, or voc1, voc2, voc3 or coco; by
            default those of the second detector follow those of the first.
    """
    from handful import api

    _say(api.surgery("combine", base, novel, out=out, classes=classes))


def _say(written: Path) -> None:
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(str(written), markup=False)
