"""The pool of trunk features that os2d-lite trains on."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch

from handful.data.synthetic import ShelfRecipe, draw_scene, scene_layout
from handful.errors import ConfigError
from handful.methods.os2d.lite import LITE, LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.pool import FeaturePool, pool_loss, trunk_features, whiten_projection
from handful.methods.os2d.windows import Scene, WindowCutter, WindowRecipe
from handful.reporter import SilentReporter

RECIPE = LiteRecipe(
    model=replace(LITE, projection=8, regressor_channels=(4, 4)),
    shelves=ShelfRecipe(seed=3, scenes=2, classes=6, width=320, height=240, side=90),
    cuts=WindowRecipe(side=160),
    windows=3,
    examples=1,
    windows_per_step=2,
)


@pytest.fixture(scope="module")
def model() -> OS2D:
    torch.manual_seed(0)
    return OS2D(RECIPE.model, pretrained_trunk=True).eval()


@pytest.fixture(scope="module")
def pool(model: OS2D) -> FeaturePool:
    scenes = [
        Scene(draw_scene(RECIPE.shelves, index), scene_layout(RECIPE.shelves, index).objects)
        for index in range(RECIPE.shelves.scenes)
    ]
    cutter = WindowCutter(RECIPE.cuts, RECIPE.shelves, scenes)
    return FeaturePool.fill(RECIPE, cutter, model, SilentReporter())


def test_a_step_sees_the_same_batch_wherever_training_started(pool: FeaturePool) -> None:
    first, second = pool.batches(0), pool.batches(1)
    next(first)
    for one, other in zip(next(first)[:3], next(second)[:3], strict=True):
        assert torch.equal(one, other)


def test_each_window_is_searched_for_its_own_class_and_others(pool: FeaturePool) -> None:
    batch = pool.batch(numpy.random.default_rng(0))
    pairs = torch.bincount(batch.window_of)
    assert len(pairs) == RECIPE.windows_per_step and (pairs >= 2).all()
    assert batch.examples.shape[1:] == (472, 15, 15)
    assert batch.windows.shape[1:] == (472, 20, 20)


def test_the_loss_reaches_projection_and_transform_but_not_the_trunk(
    model: OS2D, pool: FeaturePool
) -> None:
    # A fresh transform net says the same whatever it sees; this one does not.
    torch.nn.init.normal_(model.head.transform_net.output.weight, std=0.01)
    losses = pool_loss(model, pool.batch(numpy.random.default_rng(0)), RECIPE)
    losses["total"].backward()
    assert model.projection is not None and model.projection.weight.grad is not None
    assert model.projection.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.trunk.parameters())
    model.head.transform_net.predict_identity()


def test_whitened_features_are_centred_and_uncorrelated(model: OS2D) -> None:
    torch.manual_seed(1)
    maps = [torch.randn(472, 24, 24) * torch.linspace(0.1, 3, 472)[:, None, None] + 2]
    whiten_projection(model, maps, power=0.5)
    with torch.no_grad():
        rows = model.project(maps[0][None])[0].flatten(1).T[::9]
    covariance = torch.cov(rows.T)
    assert rows.mean(dim=0).abs().max() < 1e-3
    assert torch.allclose(covariance, torch.eye(8), atol=2e-2)


def test_whitening_needs_a_projection() -> None:
    bare = OS2D(replace(RECIPE.model, projection=None), pretrained_trunk=False)
    with pytest.raises(ConfigError, match="projection"):
        whiten_projection(bare, [], power=0.3)


def test_joined_maps_line_up_whatever_is_left_over_of_a_cell(model: OS2D) -> None:
    """Cutting a picture inside its last cell must not shift the maps of the others."""
    torch.manual_seed(2)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 20, 20), size=(320, 320))[0]
    whole, cut = trunk_features(model, smooth), trunk_features(model, smooth[:, :307, :301])
    assert cut.shape[1:] == (39, 38)
    first = slice(0, 20)
    cosine = torch.cosine_similarity(whole[:152, first, first], cut[:152, first, first], dim=0)
    assert cosine.min() > 0.99
