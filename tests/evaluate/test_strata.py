import pytest

from handful.evaluate.strata import PUBLISHED, published_coco, strata

NAMES = ("dog", "cat", "cow")


def mean(labels):
    return {"AP": sum(labels) / len(labels)}


def test_sides_get_a_prefix():
    assert strata(mean, NAMES, base=["dog", "cat"], novel=["cow"]) == {
        "AP": 1.0,
        "bAP": 0.5,
        "nAP": 2.0,
    }


@pytest.mark.parametrize(
    ("base", "novel", "keys"),
    [((), (), ["AP"]), (["cow"], ["horse"], ["AP", "bAP"]), (["horse"], (), ["AP"])],
)
def test_a_side_that_the_set_lacks_is_left_out(base, novel, keys):
    assert list(strata(mean, NAMES, base=base, novel=novel)) == keys


@pytest.fixture
def figures():
    names = [prefix + name for prefix in ("", "b", "n") for name in PUBLISHED]
    return {name: place / 100 for place, name in enumerate(names)} | {"nAPl": None}


def test_published_figures_are_percent_and_empty_ones_minus_a_hundred(figures):
    result = published_coco(figures, "all", found=3)
    assert len(result) == 18 and result["bAP"] == pytest.approx(6.0) and result["nAPl"] == -100


def test_a_novel_test_set_repeats_its_figure(figures):
    result = published_coco(figures, "novel", found=3)
    assert list(result) == ["nAP", "nAP50", "nAP75", "nAPs", "nAPm", "nAPl", "AP"]
    assert result["AP"] == result["nAP"] == pytest.approx(12.0)


def test_without_any_detection_all_are_minus_one(figures):
    assert set(published_coco(figures, "base", found=0).values()) == {-1.0}
