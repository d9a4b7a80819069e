"""Files of tensors with a few texts beside them: what they are, and which model made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from handful.errors import WeightsError


@dataclass(frozen=True)
class MemoryKind:
    """What a file of tensors must say of itself.

    name: in messages, "class memory". version: of its form. remedy: for a file that is no such
    memory; again: how to get one of this version or model.
    """

    name: str
    version: str
    remedy: str
    again: str

    @property
    def title(self) -> str:
        """The text by which such a file is known."""
        return f"handful {self.name}"

    def card(self, model: str) -> dict[str, str]:
        """Return the texts that every such file holds."""
        return {"kind": self.title, "version": self.version, "model": model}


def read_memory(
    file: Path, kind: MemoryKind, *, model: str | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the texts of a saved memory.

    Raises ``WeightsError`` for a file that is no memory of this ``kind`` and version, or was made
    by another ``model``.
    """
    tensors, card = read_tensors(file, kind=kind.name, remedy=kind.remedy)
    if card.get("kind") != kind.title:
        raise WeightsError(
            f"not a {kind.name}",
            file=file,
            got=card.get("kind", "a file without card"),
            expected=kind.title,
            remedy=kind.remedy,
        )
    if card.get("version") != kind.version:
        raise WeightsError(
            f"a {kind.name} of an unknown version",
            file=file,
            got=card.get("version"),
            expected=kind.version,
            remedy=f"Update handful, or {kind.again}",
        )
    if model is not None and card.get("model") != model:
        raise WeightsError(
            f"this {kind.name} was made by another model",
            file=file,
            got=card.get("model"),
            expected=model,
            remedy=f"Give the model it was made with, or {kind.again}",
        )
    return tensors, card


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
