import pytest

from handful.errors import ConfigError
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.learning import (
    BOLD_LR,
    GENTLE_LR,
    LOOKALIKE,
    Evidence,
    choose_route,
    learn_recipe,
)

BASE = YOLOXConfig(class_names=("person", "dog"), size="nano")


@pytest.mark.parametrize(
    ("evidence", "route", "says"),
    [
        (Evidence(1, 0.8), "prototypes", "80%"),
        (Evidence(1, 0.95), "tune", "95%"),
        (Evidence(1, 0.2), "tune", "20%"),
        (Evidence(5, 1.0), "tune", "5 boxes"),
    ],
)
def test_the_route_follows_from_the_evidence_and_says_why(evidence, route, says):
    chosen, reason = choose_route(evidence)
    assert chosen == route and says in reason


@pytest.mark.parametrize(
    ("covered", "lr", "likeness"), [(1.0, GENTLE_LR, LOOKALIKE), (0.6, BOLD_LR, 1.0)]
)
def test_where_the_base_misses_objects_it_learns_boldly_and_spares_nothing(covered, lr, likeness):
    recipe = learn_recipe(BASE, ("cell",), Evidence(5, covered))
    assert (recipe.train.lr, recipe.likeness) == (lr, likeness)
    assert recipe.model.blend.contested == (covered == 1)
    assert (recipe.model.sure_below < 1, recipe.train.steps) == (
        (covered == 1),
        150 if covered == 1 else 200,
    )


def test_an_asked_route_is_taken_whatever_the_evidence():
    recipe = learn_recipe(BASE, ("cell",), Evidence(1, 1.0), route="tune", seed=7)
    assert recipe.route == "tune" and recipe.train.seed == 7
    assert recipe.model.class_names == ("cell",)


def test_kept_classes_come_first_and_once():
    recipe = learn_recipe(BASE, ("cell", "dog"), Evidence(5, 1.0), keep=True)
    assert recipe.model.class_names == ("person", "cell", "dog") and recipe.part == "rows"
    assert recipe.model.kept_classes == 1
    again = learn_recipe(recipe.model, ("cat",), Evidence(5, 1.0))
    assert again.model.class_names == ("cat",) and not again.model.kept_classes
    with pytest.raises(ConfigError, match="head"):
        learn_recipe(BASE, ("cell",), Evidence(5, 1.0), keep=True, route="tune")


def test_with_pictures_to_test_on_training_may_stop_early():
    tested, alone = (
        learn_recipe(BASE, ("cell",), Evidence(5, 1.0), tested=one).train for one in (True, False)
    )
    assert tested.evaluate_every * 10 == tested.steps and tested.patience
    assert not alone.evaluate_every and not alone.patience
