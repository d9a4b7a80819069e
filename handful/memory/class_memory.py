"""Class features: computed once from what the user showed, kept, saved, loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from handful.errors import DataError, WeightsError
from handful.files import replacing
from handful.memory.tensor_file import MemoryKind, read_memory

KIND = MemoryKind(
    "class memory",
    "1",
    remedy="Give a file that save_classes wrote",
    again="remember the classes again",
)


@dataclass(frozen=True)
class ClassMemory:
    """What one model knows about the classes it was shown.

    names: of the classes; position = label. features: ``[V, C, T, T]``, one row a view (an
    example, or a turned copy of one), the views of a class together. owner: ``[V]`` int64,
    the label each view belongs to. model: fingerprint of the model that made the features.
    """

    names: tuple[str, ...]
    features: Tensor
    owner: Tensor
    model: str

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise DataError("two remembered classes have one name", got=", ".join(twice))
        owners = self.owner.tolist()
        fits = self.features.ndim == 4 and len(self.features) == len(owners)
        if not fits or sorted(set(owners)) != list(range(len(self.names))):
            raise DataError(
                "class features and classes do not fit together",
                got=f"features {list(self.features.shape)} of {len(set(owners))} classes",
                expected=f"[V, C, T, T] for {len(self.names)} classes, {len(owners)} views",
            )
        if owners != sorted(owners):
            raise DataError("the views of a remembered class do not lie together", field="owner")

    @classmethod
    def empty(cls, model: str) -> ClassMemory:
        """Return the memory of a model that was shown nothing yet."""
        return cls((), torch.zeros(0, 0, 0, 0), torch.zeros(0, dtype=torch.long), model)

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str, features: Tensor) -> ClassMemory:
        """Return the memory with ``features`` ``[V, C, T, T]`` as (further) views of ``name``."""
        return self.add_all({name: features})

    def add_all(self, classes: Mapping[str, Tensor]) -> ClassMemory:
        """Return the memory with further views ``[V, C, T, T]`` of each of ``classes``, by name."""
        if not classes:
            return self
        names = tuple(dict.fromkeys((*self.names, *classes)))
        shape = self.features.shape[1:] if len(self) else next(iter(classes.values())).shape[1:]
        for name, features in classes.items():
            if features.shape[1:] != shape:
                raise DataError(
                    f"features of '{name}' have the wrong shape",
                    got=list(features.shape),
                    expected=["V", *shape],
                )
        parts = [self.features] if len(self) else []
        labels = [self.owner]
        for name, features in classes.items():
            parts.append(features.to(parts[0]) if parts else features)
            labels.append(torch.full((len(features),), names.index(name), dtype=torch.long))
        owner = torch.cat(labels)
        order = torch.argsort(owner, stable=True)
        together = torch.cat(parts)
        if not torch.equal(order, torch.arange(len(order))):
            together = together[order.to(together.device)]
        return replace(self, names=names, features=together, owner=owner[order])

    def prototypes(self) -> Tensor:
        """Return the mean view of each class, ``[K, C, T, T]`` in the order of ``names``."""
        owner = self.owner.to(self.features.device)
        sums = self.features.new_zeros(len(self), *self.features.shape[1:])
        counts = torch.bincount(owner, minlength=len(self)).to(sums)
        return sums.index_add(0, owner, self.features) / counts[:, None, None, None]

    def to(self, device: torch.device | str) -> ClassMemory:
        """Return the memory with its features on ``device``."""
        return replace(self, features=self.features.to(device))

    def save(self, path: Path | str) -> None:
        """Write the memory as one safetensors file, all or nothing."""
        names = json.dumps(self.names, ensure_ascii=False)
        metadata = {**KIND.card(self.model), "names": names}
        tensors = {"features": self.features.cpu().contiguous(), "owner": self.owner.contiguous()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata=metadata)

    @classmethod
    def load(cls, path: Path | str, *, model: str | None = None) -> ClassMemory:
        """Read a saved memory; raises ``WeightsError`` if it is none, or of another ``model``."""
        file = Path(path)
        tensors, metadata = read_memory(file, KIND, model=model)
        if not {"features", "owner"} <= tensors.keys():
            raise WeightsError("a class memory without features", file=file, remedy=KIND.remedy)
        try:
            names = json.loads(metadata.get("names", ""))
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError("names are not a list of texts")
            return cls(
                tuple(names),
                tensors["features"],
                tensors["owner"].long(),
                metadata.get("model", ""),
            )
        except (ValueError, DataError) as error:
            raise WeightsError(
                "a damaged class memory", file=file, got=str(error), remedy=KIND.remedy
            ) from error
