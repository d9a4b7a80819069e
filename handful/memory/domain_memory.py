"""What is remembered of each domain: patterns of every level, kept in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from handful.errors import WeightsError
from handful.files import replacing
from handful.memory.tensor_file import MemoryKind, read_memory

KIND = MemoryKind(
    "domain memory",
    "1",
    remedy="Make it again with the stage memory",
    again="make it again with the stage memory",
)

Patterns = tuple[Tensor, ...]
"""The patterns ``[K, h, w]`` of each level, fine to coarse."""


@dataclass(frozen=True)
class DomainMemories:
    """The patterns of every domain, by name. model: fingerprint of the network that saw them."""

    domains: Mapping[str, Patterns]
    model: str

    def save(self, path: Path | str) -> None:
        """Write all as one safetensors file with a card, all or nothing."""
        names = list(self.domains)
        metadata = {**KIND.card(self.model), "domains": json.dumps(names, ensure_ascii=False)}
        tensors = {
            f"{number}.{level}": one.detach().float().cpu().contiguous()
            for number, name in enumerate(names)
            for level, one in enumerate(self.domains[name])
        }
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata=metadata)

    @classmethod
    def load(cls, path: Path | str, *, model: str | None = None) -> DomainMemories:
        """Read a saved memory; raises ``WeightsError`` if it is none, or of another ``model``."""
        file = Path(path)
        tensors, card = read_memory(file, KIND, model=model)
        try:
            names = json.loads(card.get("domains", ""))
            grouped = {
                str(name): tuple(tensors[key] for key in _levels(tensors, number))
                for number, name in enumerate(names)
            }
        except (ValueError, TypeError) as error:
            raise WeightsError(
                "a damaged domain memory", file=file, got=str(error), remedy=KIND.remedy
            ) from error
        if not grouped or not all(grouped.values()):
            raise WeightsError("a domain memory without patterns", file=file, remedy=KIND.remedy)
        return cls(grouped, card.get("model", ""))

    def require_shapes(
        self, clusters: int, sizes: tuple[tuple[int, int], ...], *, file: Path | str | None = None
    ) -> None:
        """Raise ``WeightsError`` unless each domain has ``clusters`` patterns of these sizes."""
        expected = [(clusters, *size) for size in sizes]
        for name, patterns in self.domains.items():
            got = [tuple(one.shape) for one in patterns]
            if got != expected:
                raise WeightsError(
                    "a domain memory of another size than the network's",
                    file=file,
                    field=name,
                    got=got,
                    expected=expected,
                    remedy="Set clusters and memory_sizes to it, or make it again",
                )


def _levels(tensors: Mapping[str, Tensor], number: int) -> list[str]:
    own = [key for key in tensors if key.startswith(f"{number}.")]
    return sorted(own, key=lambda key: int(key.partition(".")[2]))
