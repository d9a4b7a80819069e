"""A pool of windows and examples as trunk features, and training batches drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from handful.errors import ConfigError
from handful.methods.os2d.alignment import Instances, alignment_loss
from handful.methods.os2d.anchors import anchor_boxes
from handful.methods.os2d.head import FEATURE_EPSILON, unit_length
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.transform import parameters_to_matrices
from handful.methods.os2d.windows import Example, Window, WindowCutter, find_instances
from handful.reporter import Reporter, track

NOTHING = torch.zeros(0)
"""Stands where the pixels were, once their features are known."""


class FeatureBatch(NamedTuple):
    """What a training step sees: P pairs of a window and an example, as trunk features.

    windows: ``[B, F, h, w]``. examples: ``[P, F, T, T]``. window_of: ``[P]`` int64.
    """

    windows: Tensor
    examples: Tensor
    window_of: Tensor
    instances: Instances


class FeaturePool:
    """Trunk features of many windows, and of several examples of every class.

    Takes 2 * F * (windows * cells + examples * T²) bytes: about 4 GB for the default recipe.
    """

    def __init__(self, recipe: LiteRecipe) -> None:
        self.recipe = recipe
        self.windows: list[Window] = []
        self.window_features: list[Tensor] = []
        self.examples: dict[int, list[Example]] = {}
        self.example_features: dict[int, list[Tensor]] = {}

    @classmethod
    def fill(
        cls, recipe: LiteRecipe, cutter: WindowCutter, model: OS2D, reporter: Reporter
    ) -> FeaturePool:
        """Cut and look at everything once; the seed is the recipe's."""
        pool, random = cls(recipe), numpy.random.default_rng((recipe.seed, 0))
        for _ in track(range(recipe.windows), reporter, "windows"):
            window = cutter.window(random)
            features = trunk_features(model, window.pixels)
            pool.window_features.append(features.half())
            pool.windows.append(window._replace(pixels=NOTHING))
        side = recipe.model.template_size
        for label in track(cutter.labels(), reporter, "examples"):
            examples = [cutter.example(label, random) for _ in range(recipe.examples)]
            pool.example_features[label] = [
                resized(trunk_features(model, example.pixels), side).half() for example in examples
            ]
            pool.examples[label] = [example._replace(pixels=NOTHING) for example in examples]
        return pool

    def batches(self, start: int) -> Iterator[FeatureBatch]:
        """Yield the batches of all steps from ``start`` on."""
        for step in count(start):
            yield self.batch(numpy.random.default_rng((self.recipe.seed, 1, step)))

    def batch(self, random: numpy.random.Generator) -> FeatureBatch:
        """Draw windows, and for each its own class, look-alikes, and one of another window."""
        recipe = self.recipe
        numbers = random.choice(len(self.windows), recipe.windows_per_step, replace=False)
        own = [self.windows[number].label for number in numbers]
        examples, window_of, instances = [], [], []
        for position, number in enumerate(numbers):
            labels = [own[position], *self._siblings(own[position], random)]
            others = [label for label in own if label not in labels]
            labels += [others[random.integers(len(others))]] if others else []
            picks = [int(random.integers(len(self.examples[label]))) for label in labels]
            shown = [self.examples[label][pick] for label, pick in zip(labels, picks, strict=True)]
            found = find_instances(self.windows[number], shown, recipe.cuts)
            instances.append(found._replace(pair=found.pair + len(window_of)))
            window_of += [position] * len(labels)
            examples += [
                self.example_features[label][pick]
                for label, pick in zip(labels, picks, strict=True)
            ]
        return FeatureBatch(
            windows=torch.stack([self.window_features[number] for number in numbers]).float(),
            examples=torch.stack(examples).float(),
            window_of=torch.tensor(window_of),
            instances=Instances(*(torch.cat(column) for column in zip(*instances, strict=True))),
        )

    def _siblings(self, label: int, random: numpy.random.Generator) -> list[int]:
        family = self.recipe.shelves.look_alike
        first = label // family * family
        others = [
            other
            for other in range(first, first + family)
            if other != label and other in self.examples
        ]
        random.shuffle(others)
        return others[: self.recipe.siblings]


def pool_loss(model: OS2D, batch: FeatureBatch, recipe: LiteRecipe) -> dict[str, Tensor]:
    """Return the losses of ``model``'s projection and transform net on a batch of features."""
    head = model.head
    scenes = model.project(batch.windows)
    templates = unit_length(model.project(batch.examples), FEATURE_EPSILON)
    correlation = torch.cat(
        [
            head.correlate(scenes[number : number + 1], templates[batch.window_of == number])
            for number in range(len(scenes))
        ]
    )
    matrices = parameters_to_matrices(head.parameters_of(correlation), inverse=recipe.model.inverse)
    scores, _ = head.scores(correlation, matrices.detach())
    anchors = anchor_boxes(
        (scenes.shape[-2], scenes.shape[-1]),
        stride=recipe.model.feature_stride,
        side=recipe.model.anchor_side,
        device=scenes.device,
    )
    corners = head.corners(matrices).flatten(2).unflatten(1, (4, 2))
    return alignment_loss(
        corners, scores.flatten(1), batch.instances, anchors=anchors, objective=recipe.objective
    )


@torch.no_grad()
def trunk_features(model: OS2D, pixels: Tensor) -> Tensor:
    """Return the joined trunk maps ``[F, h, w]`` of a picture ``[3, H, W]`` in [0, 1]."""
    return model.trunk_maps(model.normalize(pixels[None]))[0]


@torch.no_grad()
def whiten_projection(model: OS2D, features: Sequence[Tensor], *, power: float) -> None:
    """Start the projection at the principal components of ``features`` (each ``[F, h, w]``).

    The trunk's maps are first brought to equal total variance; components are divided by
    their variance to ``power``.
    """
    projection = model.projection
    if projection is None:
        raise ConfigError("this network has no projection to start", field="projection")
    rows = torch.cat([f.flatten(1).T[::9].float() for f in features])
    mean = rows.mean(dim=0)
    scale = torch.cat(
        [
            part.var(dim=0).sum().rsqrt().expand(part.shape[1])
            for part in rows.split(model.trunk.channels, dim=1)
        ]
    )
    centred = (rows - mean) * scale
    variance, axes = torch.linalg.eigh(centred.T @ centred / len(centred))
    kept = model.channels
    weight = (axes[:, -kept:] * variance[-kept:].pow(-power)).T * scale
    projection.weight.copy_(weight[:, :, None, None])
    if projection.bias is not None:
        projection.bias.copy_(-weight @ mean)


def resized(features: Tensor, side: int) -> Tensor:
    """Return ``features`` ``[F, h, w]`` as a template of ``side`` cells."""
    return F.interpolate(features[None], size=(side, side), mode="bilinear", align_corners=True)[0]
