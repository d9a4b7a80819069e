"""The recipe of ``adapt``: what it shows how often, and how its steps end."""

from __future__ import annotations

import pytest

from handful.methods.ms2a.adapting import FEW_SHARE, KNOWN_RATE, SOURCE_SHARE, adapt_recipe
from handful.methods.yolox.config import YOLOXConfig

NANO = YOLOXConfig(("cat",), size="nano", input_size=(64, 96))


@pytest.mark.parametrize(("source", "few"), [(200, 10), (779, 10), (2975, 8), (40, 4)])
def test_the_few_pictures_are_repeated_up_to_their_share(source: int, few: int) -> None:
    recipe = adapt_recipe(NANO, ("cat",), source=source, few=few)
    for step, others, share in (
        (recipe.source, source, SOURCE_SHARE),
        (recipe.target, recipe.source_few, FEW_SHARE),
    ):
        ones, times = step.repeats
        shown = times * few
        assert ones == 1 and shown / (shown + others) == pytest.approx(share, abs=0.05)


def test_more_labelled_pictures_than_others_are_shown_once() -> None:
    recipe = adapt_recipe(NANO, ("cat",), source=3, few=50)
    assert recipe.source.repeats == recipe.target.repeats == (1, 1)
    assert recipe.source_few == 3


def test_steps_on_few_pictures_end_on_many_plain_ones() -> None:
    recipe = adapt_recipe(NANO, ("cat",), source=200, few=10)
    for step in (recipe.target, recipe.fine_tune):
        assert step.train.closing == step.train.steps // 2
    assert recipe.target.exchange.close_mosaic


def test_the_seed_and_the_input_size_reach_every_part() -> None:
    recipe = adapt_recipe(NANO, ("cat",), source=200, few=10, seed=7)
    steps = (recipe.base, recipe.source, recipe.target, recipe.fine_tune)
    assert [step.train.seed for step in steps] == [7] * 4 and recipe.memory.kmeans.seed == 7
    assert recipe.model.memory_sizes == ((8, 12), (4, 6), (2, 3))


def test_a_base_that_knows_the_classes_is_changed_in_small_steps() -> None:
    new, known = (adapt_recipe(NANO, ("cat",), source=200, few=10, known=k) for k in (False, True))
    for step in ("base", "source", "target", "fine_tune"):
        assert getattr(known, step).train.lr == pytest.approx(
            KNOWN_RATE * getattr(new, step).train.lr
        )
    assert known.base.train.steps < new.base.train.steps
