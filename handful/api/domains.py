"""Telling an adapted detector which domain the pictures come from."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from handful.api.models import Detector
from handful.errors import ConfigError
from handful.predict.trained import TrainedDetector


def in_domain(detector: Detector, domain: str | None) -> Detector:
    """Return ``detector`` for pictures of ``domain``; they share their weights. None: as it is.

    Raises ``ConfigError`` for a model that knows no domains, or none of this name.
    """
    if domain is None:
        return detector
    if not isinstance(detector, TrainedDetector) or not hasattr(detector.model.config, "domains"):
        raise ConfigError(
            "this model knows no domains",
            field="domain",
            got=domain,
            expected="none",
            remedy="Leave it out, or give a model that 'handful adapt' made",
        )
    config = detector.model.config
    config.domain_number(domain)
    told = copy(detector)
    told.model = copy(detector.model)
    told.model.config = replace(config, default_domain=domain)
    return told
