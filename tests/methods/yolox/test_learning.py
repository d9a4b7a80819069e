import pytest

from handful.errors import ConfigError
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.learning import (
    BOLD_LR,
    GENTLE_LR,
    LOOKALIKE,
    Evidence,
    keeps_its_say,
    learn_recipe,
)

BASE = YOLOXConfig(class_names=("person", "dog"), size="nano")


@pytest.mark.parametrize(
    ("evidence", "keeps", "says"),
    [
        (Evidence(1, 0.8), True, "1 of a class"),
        (Evidence(1, 0.2), True, "20%"),
        (Evidence(5, 1.0), True, "100%"),
        (Evidence(5, 0.6), False, "60%"),
    ],
)
def test_whether_the_base_keeps_its_say_follows_from_the_evidence(evidence, keeps, says):
    kept, reason = keeps_its_say(evidence)
    recipe = learn_recipe(BASE, ("cell",), evidence)
    assert kept == keeps and says in reason
    assert (recipe.route, recipe.reason) == ("tune", reason)
    assert recipe.train.lr == (GENTLE_LR if keeps else BOLD_LR)
    assert recipe.train.steps == (150 if keeps else 200)
    assert (recipe.model.sure_below < 1) == keeps


@pytest.mark.parametrize("boxes", [1, 5])
@pytest.mark.parametrize("covered", [1.0, 0.6])
def test_proposals_are_trusted_only_where_the_base_finds_the_objects(boxes, covered):
    recipe = learn_recipe(BASE, ("cell",), Evidence(boxes, covered))
    assert recipe.likeness == (LOOKALIKE if covered == 1 else 1.0)
    assert recipe.model.blend.contested == (covered == 1)


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
