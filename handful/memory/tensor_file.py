"""Files of tensors with a few texts beside them."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from handful.errors import WeightsError


def read_tensors(file: Path, *, kind: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the texts in ``file``, by name.

    kind: what it should be, for the ``WeightsError`` of a file that cannot be read or is none.
    """
    try:
        with safe_open(file, framework="pt") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            return tensors, content.metadata() or {}
    except OSError as error:
        raise WeightsError(
            f"cannot read the {kind}",
            file=file,
            got=error.strerror or str(error),
            remedy="Check the path",
        ) from error
    except SafetensorError as error:
        raise WeightsError(f"not a {kind}", file=file, got=str(error), remedy=remedy) from error
