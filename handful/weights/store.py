"""Our own weight files: safetensors with a card inside, written whole and checked when read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from handful.errors import WeightsError
from handful.files import replacing
from handful.weights.card import Card

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CARD_KEY = "card"
FOREIGN_STARTS = {b"PK": "a PyTorch checkpoint", b"\x80": "a pickle or an old PyTorch checkpoint"}


def save_weights(
    path: Path | str, state: Mapping[str, Tensor], card: Card, *, dtype: torch.dtype | None = None
) -> Card:
    """Write ``state`` with ``card`` as one safetensors file, all or nothing.

    dtype: floating tensors are stored so (``torch.float16`` halves the file); None keeps
    theirs. Returns the card as written, its ``sha256`` filled in.
    """
    from safetensors.torch import save_file

    tensors = {
        name: _storable(tensor, dtype if tensor.is_floating_point() else None)
        for name, tensor in state.items()
    }
    complete = replace(card, sha256=tensors_sha256(tensors))
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={CARD_KEY: complete.to_text()})
    return complete


def load_weights(
    path: Path | str, *, dtype: torch.dtype | None = None
) -> tuple[dict[str, Tensor], Card]:
    """Return tensors (on the CPU) and card of a weight file.

    dtype: floating tensors are returned so; None keeps the stored type. Raises
    ``WeightsError`` for a file that is missing, damaged, no safetensors file or has no card.
    """
    place = Path(path)
    state, card = _read(place, tensors=True)
    if tensors_sha256(state) != card.sha256:
        raise WeightsError(
            "the numbers in the weight file are not those it was written with",
            file=place,
            expected=f"sha256 {card.sha256[:12]}…",
            remedy="Fetch or convert it again",
        )
    if dtype is not None:
        state = {
            name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }
    return state, card


def read_card(path: Path | str) -> Card:
    """Return the card of a weight file without reading its tensors; errors as ``load_weights``."""
    return _read(Path(path), tensors=False)[1]


def tensors_sha256(state: Mapping[str, Tensor]) -> str:
    """Return one sha256 over names, types, shapes and bytes of all tensors, in order of name."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def file_sha256(path: Path | str) -> str:
    """Return the sha256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_file(path: Path) -> None:
    """Raise ``WeightsError`` unless ``path`` is a file with something in it."""
    got = None
    if path.is_dir():
        got = "a folder"
    elif not path.exists():
        got = "nothing there"
    elif path.stat().st_size == 0:
        got = "an empty file"
    if got:
        raise WeightsError(
            "no weight file", file=path, got=got, remedy="Check the path, or fetch the file again"
        )


def _storable(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    # A copy of its own for each: the format refuses tensors that share memory.
    return tensor.detach().to("cpu", dtype or tensor.dtype, copy=True).contiguous()


def _read(path: Path, *, tensors: bool) -> tuple[dict[str, Tensor], Card]:
    from safetensors import SafetensorError, safe_open

    require_file(path)
    _refuse_foreign(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            metadata = stream.metadata() or {}
            state = {name: stream.get_tensor(name) for name in stream.keys()} if tensors else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            "the weight file is damaged or no safetensors file",
            file=path,
            got=str(error),
            remedy="Fetch or convert it again",
        ) from error
    if CARD_KEY not in metadata:
        raise WeightsError(
            "the weight file has no card",
            file=path,
            expected="a file written by handful",
            remedy="Convert the original with 'handful weights convert'",
        )
    return state, Card.from_text(metadata[CARD_KEY], file=path)


def _refuse_foreign(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(2)
    for mark, kind in FOREIGN_STARTS.items():
        # A safetensors file starts with the length of its header, 8 bytes, which may be 0x80.
        if start.startswith(mark) and path.suffix != ".safetensors":
            raise WeightsError(
                "not a weight file of handful",
                file=path,
                got=kind,
                expected="a .safetensors file",
                remedy=f"Run 'handful weights convert {path.name}' first",
            )
