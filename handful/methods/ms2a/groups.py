"""Which rate and which decay each parameter learns with, as the original really applies them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from handful.errors import ConfigError
from handful.methods.ms2a.keys import official_key
from handful.recipes.settings import TrainSettings

Factors = tuple[float, float]
"""What learning rate and weight decay are multiplied by."""

MEMORY_KEY = "clus_m"


@dataclass(frozen=True)
class GroupRates:
    """What the learning rate of a part is multiplied by.

    backbone: None where the original says nothing of it. memory: of learnt offsets. rule:
    "original" looks for words in names, the longest first, and the first that is there decides:
    weights of batch norms are decayed, biases are not, but those of a ``backbone`` with a rate of
    its own are; biases of the neck learn at the full rate. "clean" gives each part its rate, and
    decays neither norms nor biases.
    """

    backbone: float | None = None
    neck: float = 1.0
    memory: float = 1.0
    rule: Literal["original", "clean"] = "original"

    def factors(self, name: str) -> Factors:
        """Return the factors of the parameter that the original calls ``name``."""
        words: dict[str, Factors] = {
            MEMORY_KEY: (self.memory, 1.0),
            "bias": (1.0, 0.0),
            "neck": (self.neck, 1.0),
            "norm": (1.0, 0.0),
        }
        if self.backbone is not None:
            words["backbone"] = (self.backbone, 1.0)
        if self.rule == "clean":
            return self._clean(name, words)
        order = sorted(sorted(words), key=len, reverse=True)
        return next((words[word] for word in order if word in name), (1.0, 1.0))

    def _clean(self, name: str, words: dict[str, Factors]) -> Factors:
        part = next((p for p in ("backbone", MEMORY_KEY, "neck") if p in name), None)
        rate = words.get(part, (1.0, 1.0))[0] if part else 1.0
        plain = name.endswith((".bias", ".bn.weight"))
        return rate, 0.0 if plain else 1.0


def parameter_groups(
    model: nn.Module, settings: TrainSettings, rates: GroupRates
) -> list[dict[str, Any]]:
    """Return the parameters of an MS2A or mmdet YOLOX that learn, grouped by rate and decay.

    A group's "params" are pairs of name and parameter. Raises ``ConfigError`` if nothing would
    learn.
    """
    groups: dict[Factors, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(rates.factors(official_key(name)), []).append((name, parameter))
    if not groups:
        raise ConfigError(
            "nothing of this model would learn", remedy="Freeze less of it in the recipe"
        )
    return [
        {
            "params": named,
            "lr": settings.lr * rate,
            "weight_decay": settings.weight_decay * decay,
        }
        for (rate, decay), named in groups.items()
    ]
