"""Showing examples, then finding every instance of them in pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

import numpy
import torch
from PIL import Image
from torch import Tensor

from handful.data.images import ImageSource, read_image
from handful.errors import ConfigError
from handful.memory import ClassMemory, example_picture, model_fingerprint
from handful.methods.os2d import OS2D, MappedDetections, area_size, class_views
from handful.predict.search import (
    Size,
    fitted,
    level_features,
    nothing_found,
    pyramid_sizes,
    search_levels,
    shrinkage,
)
from handful.predict.settings import SearchSettings
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Exemplar

SMALLEST_SCENE = 8
"""A picture with a shorter side than this, in pixels, shows nothing that could be found."""

Example = ImageSource | Exemplar


class OneShotDetector:
    """A model together with what it was shown.

    The model is put into evaluation mode; work is done on the device it lies on. ``settings``
    default to what the model's config asks for.
    """

    def __init__(
        self,
        model: OS2D,
        settings: SearchSettings | None = None,
        *,
        reporter: Reporter | None = None,
    ) -> None:
        self.model = model.eval()
        self.settings = settings or SearchSettings.of(model.config)
        self.reporter = reporter or SilentReporter()
        self._memory: ClassMemory | None = None

    @property
    def memory(self) -> ClassMemory:
        """The class features known so far."""
        if self._memory is None:
            self._memory = ClassMemory.empty(self.fingerprint())
        return self._memory

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes shown so far; position = label."""
        return self.memory.names

    def fingerprint(self) -> str:
        """Return what tells this model's class features from any other model's."""
        config = self.model.config
        return model_fingerprint(
            self.model,
            config.trunk,
            config.trunk_strides,
            config.feature_stride,
            config.template_size,
            config.class_image_size,
            config.mean,
            config.std,
        )

    def remember(self, examples: Mapping[str, Example | Iterable[Example]]) -> Self:
        """Learn classes by name from one or more pictures (or ``Exemplar``) each.

        Further examples of a known name are further views of it. Raises ``DataError`` for
        pictures that cannot be used; then nothing is remembered.
        """
        features: dict[str, Tensor] = {}
        for name, shown in track(list(examples.items()), self.reporter, "learning the examples"):
            sources = _as_list(shown)
            if not sources:
                raise ConfigError(
                    "a class without an example", got=f"'{name}'", remedy="Show one or more"
                )
            views = [self.class_features(_exemplar(name, source)) for source in sources]
            features[name] = torch.cat(views)
        if features:
            self._memory = self.memory.add_all(features)
        return self

    def class_features(self, exemplar: Exemplar) -> Tensor:
        """Return the features ``[V, C, T, T]`` of the example, one row a view."""
        picture = example_picture(exemplar, smallest=self.settings.smallest_example)
        side = self.model.config.class_image_size
        height, width = area_size((picture.height, picture.width), side)
        with torch.inference_mode():
            image = self.model.preprocess(picture, (width, height))
            views = class_views(image, self.settings.views)
            features = torch.stack([self.model.template(view) for view in views])
        # A clone made outside is an ordinary tensor: inference tensors forbid much to a caller.
        return features.clone()

    def detect(self, image: ImageSource, *, score: float | None = None) -> MappedDetections:
        """Return every instance of the remembered classes on ``image``, by falling score.

        score: detections must exceed it; the settings' own by default. Raises ``ConfigError``
        if nothing was shown yet, ``DataError`` if the picture cannot be read.
        """
        if not self.class_names:
            raise ConfigError(
                "no class to look for", remedy="Show an example first, with remember(...)"
            )
        settings = self.settings if score is None else replace(self.settings, score=score)
        picture = read_image(image)
        size = (picture.height, picture.width)
        if min(size) < SMALLEST_SCENE:
            return nothing_found(size, self.class_names)
        with torch.inference_mode():
            features, sizes = self.levels(picture, settings)
            found = search_levels(
                self.model,
                features,
                sizes,
                memory=self.memory,
                image_size=size,
                settings=settings,
            )
        columns = found.to("cpu")._columns()
        return replace(found, **{name: column.clone() for name, column in columns.items()})

    def levels(
        self, picture: Image.Image, settings: SearchSettings | None = None
    ) -> tuple[list[Tensor], list[Size]]:
        """Return the feature map ``[1, C, h, w]`` and the size of each level of ``picture``."""
        settings = settings or self.settings
        scene = fitted(picture, settings.image_size)
        factor = shrinkage((scene.height, scene.width), settings)
        if factor < 1:
            self.reporter.note(
                f"a picture of {picture.width} x {picture.height} pixels is searched at "
                f"{factor:.2f} of its scales; cut it into tiles, or raise max_level_pixels, "
                "to find smaller objects"
            )
        sizes = pyramid_sizes((scene.height, scene.width), settings)
        with torch.inference_mode():
            return level_features(self.model, scene, sizes), sizes

    def save_classes(self, path: Path | str) -> None:
        """Write the class features as one file."""
        self.memory.save(path)

    def load_classes(self, path: Path | str) -> Self:
        """Take over saved class features, in place of the present ones.

        Raises ``WeightsError`` if the file is no class memory or another model's.
        """
        parameter = next(self.model.parameters())
        memory = ClassMemory.load(path, model=self.fingerprint())
        self._memory = memory.to(parameter.device)
        return self


def _as_list(shown: Example | Iterable[Example]) -> list[Example]:
    if isinstance(shown, (str, Path, Image.Image, numpy.ndarray, Tensor, Exemplar)):
        return [shown]
    if callable(shown):
        return [cast(Example, shown)]
    return list(cast(Iterable[Example], shown))


def _exemplar(name: str, source: Example) -> Exemplar:
    if isinstance(source, Exemplar):
        return replace(source, name=name)
    return Exemplar(name=name, image=source)
