"""Where everything stands: scenes as exact geometry, before a pixel is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy

from handful.data.synthetic.designs import Design, class_design, distractor_design
from handful.data.synthetic.projection import Pose
from handful.data.synthetic.recipe import PARTS, ShelfRecipe
from handful.data.synthetic.stage import PlacedObject, Stage

Generator = numpy.random.Generator

_TRIES = 1500


@dataclass(frozen=True)
class SceneLayout:
    """All objects of one scene, the farthest first, and the shelf boards' heights (pixels)."""

    setting: str
    objects: tuple[PlacedObject, ...]
    boards: tuple[float, ...] = ()


def recipe_design(recipe: ShelfRecipe, label: int) -> Design:
    """Return the class that the recipe's ``label`` stands for."""
    return class_design(recipe.seed, recipe.part, recipe.first_class + label, recipe.look_alike)


def scene_generator(recipe: ShelfRecipe, index: int, stream: int) -> Generator:
    """Return the random numbers of one purpose (``stream``) in scene ``index``."""
    return numpy.random.default_rng((recipe.seed, PARTS.index(recipe.part), index, stream, 40487))


@lru_cache(maxsize=64)
def scene_layout(recipe: ShelfRecipe, index: int, *, polygons: bool = False) -> SceneLayout:
    """Return the geometry of scene ``index``: classes, homographies, visible fractions.

    With ``polygons`` the visible outlines are traced too, which takes most of the time.
    """
    rng = scene_generator(recipe, index, 0)
    setting = recipe.settings[rng.integers(len(recipe.settings))]
    stage = Stage(recipe)
    wanted = int(rng.integers(recipe.objects[0], recipe.objects[1] + 1))
    spare = int(rng.integers(0, recipe.distractors + 1))
    below = int(rng.integers(0, spare + 1))
    labels = _scene_labels(recipe, rng)
    boards: tuple[float, ...] = ()
    if setting == "shelf":
        rows = _shelf_rows(recipe, rng)
        boards = tuple(row.board for row in rows)
        plans = [plan for row in rows for plan in _row_plans(recipe, row, labels, rng)]
        _fill_shelf(stage, plans, rng, wanted=wanted, spare=spare)
    camera = _Camera.random(recipe, setting, rng)
    _scatter(stage, camera, [], rng, below if setting != "shelf" else 0)
    _scatter(stage, camera, labels, rng, wanted - stage.labelled)
    _scatter(stage, camera, [], rng, spare - below)
    return SceneLayout(setting, stage.finished(polygons=polygons), boards)


@dataclass(frozen=True)
class _Camera:
    """How the things of a scattered scene are turned and spread."""

    setting: str
    pitch: float
    yaw: float

    @classmethod
    def random(cls, recipe: ShelfRecipe, setting: str, rng: Generator) -> _Camera:
        pitch = (
            rng.uniform(0, recipe.turn) if setting == "table" else rng.normal(0, recipe.turn / 5)
        )
        yaw = rng.uniform(-1, 1) * recipe.turn * (0.8 if setting == "wall" else 0.2)
        return cls(setting, float(pitch), float(yaw))

    def pose(self, recipe: ShelfRecipe, design: Design, rng: Generator, size: float) -> Pose:
        """Return a random pose; ``size`` in [0, 1] picks between smallest and largest."""
        low, high = recipe.scale
        side = recipe.side * low * (high / low) ** size
        aspect = math.sqrt(design.silhouette.aspect)
        tilt = rng.uniform(-1, 1) * recipe.tilt * (0.5 if self.setting == "wall" else 1.0)
        loose = recipe.turn * (0.6 if self.setting == "pile" else 0.25)
        pitch = self.pitch + rng.uniform(-1, 1) * loose
        yaw = self.yaw + rng.uniform(-1, 1) * loose
        spread = rng.normal(0.5, 0.22, 2) if self.setting == "pile" else rng.uniform(0.02, 0.98, 2)
        return Pose(
            centre=(float(spread[0]) * recipe.width, float(spread[1]) * recipe.height),
            width=side * aspect,
            height=side / aspect,
            tilt=float(tilt),
            pitch=float(numpy.clip(pitch, -recipe.turn, recipe.turn)),
            yaw=float(numpy.clip(yaw, -recipe.turn, recipe.turn)),
            distance=float(rng.uniform(2.2, 7.0)),
        )


def _scene_labels(recipe: ShelfRecipe, rng: Generator) -> list[int]:
    """Choose a scene's classes: a few families, mostly with more than one member each."""
    families = -(-recipe.classes // recipe.look_alike)
    chosen = rng.permutation(families)[: int(rng.integers(2, 6))]
    labels = []
    for family in chosen:
        members = numpy.arange(recipe.look_alike) + family * recipe.look_alike
        members = rng.permutation(members[members < recipe.classes])
        labels += members[: int(rng.integers(1, len(members) + 1))].tolist()
    return labels


def _random_distractor(recipe: ShelfRecipe, rng: Generator) -> Design:
    return distractor_design(recipe.seed, int(rng.integers(0, 400)))


def _scatter(stage: Stage, camera: _Camera, labels: list[int], rng: Generator, count: int) -> None:
    """Put ``count`` objects, of ``labels`` or distractors, wherever the rules allow."""
    tries = 0
    while count > 0 and tries < _TRIES:
        shrink = 1 - tries / _TRIES
        label = int(rng.choice(labels)) if labels else -1
        design = (
            recipe_design(stage.recipe, label) if labels else _random_distractor(stage.recipe, rng)
        )
        pose = camera.pose(stage.recipe, design, rng, float(rng.random()) * shrink)
        count -= stage.place(label, design, pose)
        tries += 1


@dataclass(frozen=True)
class _Row:
    """A shelf board with its products: left edge, height of the board, side, turn (yaw)."""

    left: float
    board: float
    side: float
    yaw: float


def _shelf_rows(recipe: ShelfRecipe, rng: Generator) -> list[_Row]:
    """Divide the picture into shelf boards, each for products of one size."""
    low, high = recipe.scale
    top = -rng.uniform(0, 0.3) * recipe.side
    yaw = float(rng.uniform(-0.6, 0.6) * recipe.turn)
    rows = []
    while top < recipe.height:
        side = recipe.side * low * (high / low) ** float(rng.beta(1.2, 1.2))
        board = float(top + side * rng.uniform(1.35, 1.7))
        if board > recipe.height * 1.02:
            break
        rows.append(_Row(-rng.uniform(0, 0.3) * side, board, side, yaw))
        top = board + side * 0.08
    return rows


_Plan = tuple[int, Design, Pose]


def _row_plans(recipe: ShelfRecipe, row: _Row, labels: list[int], rng: Generator) -> list[_Plan]:
    """Line up runs of equal products, some of no class, from left to right."""
    plans, left = [], row.left
    while left < recipe.width:
        label = int(rng.choice(labels))
        stranger = rng.random() < 0.2
        design = _random_distractor(recipe, rng) if stranger else recipe_design(recipe, label)
        size = row.side * rng.uniform(0.92, 1.08)
        height = min(size / math.sqrt(design.silhouette.aspect), row.side * 1.4)
        width = height * design.silhouette.aspect
        for _ in range(int(rng.integers(1, 4))):
            lean = rng.normal(0, 0.12) if rng.random() < 0.85 else rng.uniform(-0.8, 0.8)
            pose = Pose(
                centre=(left + width / 2, row.board - height / 2),
                width=width,
                height=height,
                tilt=float(numpy.clip(lean, -1, 1) * recipe.tilt),
                pitch=float(numpy.clip(rng.normal(0, 3), -recipe.turn, recipe.turn)),
                yaw=row.yaw,
            )
            plans.append((-1 if stranger else label, design, pose))
            left += width * rng.uniform(0.82, 1.12)
    return plans


def _fill_shelf(
    stage: Stage, plans: list[_Plan], rng: Generator, *, wanted: int, spare: int
) -> None:
    """Place planned products in any order until so many labelled and other ones stand."""
    for position in rng.permutation(len(plans)):
        label, design, pose = plans[position]
        room = spare > 0 if label < 0 else wanted > stage.labelled
        if room and stage.place(label, design, pose):
            spare -= label < 0
