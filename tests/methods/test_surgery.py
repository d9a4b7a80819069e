import pytest
import torch

from handful.data.splits.divisions import class_division
from handful.errors import ConfigError, WeightsError
from handful.methods.surgery import (
    HeadNames,
    combine_heads,
    grow_head,
    head_classes,
    remove_head,
    row_sources,
)

HEAD = HeadNames("classes", "boxes")
CLASSES, BOXES = "classes.weight", "boxes.weight"


def detector(count, *, features=3, start=0.0, bias=True):
    """A state whose head rows are numbered from ``start`` on."""

    def rows(number):
        return torch.arange(number).float() + start

    state = {
        "trunk.weight": torch.full((2,), start),
        CLASSES: rows(count + 1)[:, None].expand(-1, features).clone(),
        BOXES: rows(4 * count)[:, None].expand(-1, features).clone(),
        "boxes.bias": rows(4 * count),
    }
    if bias:
        state["classes.bias"] = rows(count + 1)
    return state


def grown(state, base, classes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return grow_head(state, HEAD, base=base, classes=classes, generator=generator)


def test_removing_leaves_everything_but_the_head():
    state = detector(2)
    assert list(remove_head(state, HEAD)) == ["trunk.weight"]
    assert len(state) == 5


@pytest.mark.parametrize(
    ("classes", "rows"),
    [
        (("a", "b", "new"), [0, 1, None, 2]),
        (("new", "b", "other", "a"), [None, 1, None, 0, 2]),
        (("a", "b"), [0, 1, 2]),
    ],
    ids=["appended", "interleaved", "nothing new"],
)
def test_rows_follow_their_class_and_background_stays_last(classes, rows):
    state = grown(detector(2), ("a", "b"), classes)
    for place, row in enumerate(rows):
        if row is None:
            assert state[CLASSES][place].abs().max() < 0.06
            assert state["classes.bias"][place] == 0
        else:
            assert state[CLASSES][place].tolist() == [row] * 3
            assert state["classes.bias"][place] == row
    for place, name in enumerate(classes):
        ours = state["boxes.bias"][4 * place : 4 * place + 4].tolist()
        old = ("a", "b").index(name) if name in ("a", "b") else None
        assert ours == ([0] * 4 if old is None else [4 * old + i for i in range(4)])
    assert len(state[BOXES]) == 4 * len(classes)


def test_a_box_that_all_classes_share_stays_as_it_is():
    state = {**detector(2), BOXES: torch.ones(4, 3), "boxes.bias": torch.ones(4)}
    generator = torch.Generator().manual_seed(0)
    names = HeadNames("classes", None)
    changed = grow_head(state, names, base=("a", "b"), classes=("n", "b", "a"), generator=generator)
    assert changed["classes.bias"].tolist() == [0, 1, 0, 2]
    assert changed[BOXES] is state[BOXES] and changed["boxes.bias"] is state["boxes.bias"]
    assert head_classes(state, names) == 2


def test_new_rows_depend_on_the_seed_alone():
    first, again = (grown(detector(2), ("a", "b"), ("a", "b", "c"))[CLASSES] for _ in range(2))
    other = grown(detector(2), ("a", "b"), ("a", "b", "c"), seed=1)[CLASSES]
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_precision_of_the_head_is_kept():
    half = {name: value.half() for name, value in detector(2).items()}
    assert grown(half, ("a", "b"), ("a", "b", "c"))[CLASSES].dtype == torch.float16


def test_combining_takes_each_class_from_its_detector_and_background_from_the_base():
    base, novel = detector(2), detector(1, start=100.0)
    state = combine_heads(base, novel, HEAD, base=("a", "b"), novel=("n",), classes=("a", "n", "b"))
    assert state["classes.bias"].tolist() == [0, 100, 1, 2]
    assert state["boxes.bias"].tolist() == [0, 1, 2, 3, 100, 101, 102, 103, 4, 5, 6, 7]
    assert state[CLASSES][:, 0].tolist() == [0, 100, 1, 2]
    assert torch.equal(state["trunk.weight"], base["trunk.weight"])


@pytest.mark.parametrize(("first", "second"), [(False, False), (True, False), (False, True)])
def test_cosine_heads_are_combined_without_bias(first, second):
    state = combine_heads(
        detector(1, bias=first),
        detector(1, bias=second),
        HEAD,
        base=("a",),
        novel=("n",),
        classes=("a", "n"),
    )
    assert "classes.bias" not in state and len(state[CLASSES]) == 3


@pytest.mark.parametrize(
    ("division", "novel_places"),
    [
        ("voc1", range(15, 20)),
        ("coco", [*range(7), 8, *range(14, 20), 39, 56, 57, 58, 60, 62]),
    ],
)
def test_the_published_orders_come_from_the_names(division, novel_places):
    classes = class_division(division)
    sources = row_sources(classes.base, classes.everything)
    assert torch.nonzero(sources < 0).flatten().tolist() == list(novel_places)
    assert sources[sources >= 0].tolist() == list(range(len(classes.base)))


def test_the_head_says_how_many_classes_it_has():
    assert head_classes(detector(7), HEAD) == 7
    assert head_classes(remove_head(detector(7), HEAD), HEAD) is None
    assert head_classes({"trunk.weight": torch.zeros(1)}, HEAD) is None


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({**detector(2), BOXES: torch.zeros(12, 3)}, "different numbers of classes"),
        ({BOXES: torch.zeros(10, 3), "boxes.bias": torch.zeros(10)}, "different numbers"),
        (detector(3), "got rows for 3 classes, expected rows for 2 classes"),
        (remove_head(detector(2), HEAD), "got no head"),
    ],
)
def test_a_head_of_other_classes_is_refused(state, message):
    with pytest.raises(WeightsError, match=message):
        grown(state, ("a", "b"), ("a", "b", "c"))


def test_heads_on_other_features_are_not_combined():
    with pytest.raises(WeightsError, match="features of different lengths"):
        combine_heads(
            detector(1),
            detector(1, features=4),
            HEAD,
            base=("a",),
            novel=("n",),
            classes=("a", "n"),
        )


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("a", "c"), "not among all classes.*got 'b'"),
        (("a", "bb", "c"), "Did you mean 'bb'"),
        (("a", "b", "b"), "named twice.*got b"),
    ],
)
def test_classes_that_do_not_fit_are_refused(classes, message):
    with pytest.raises(ConfigError, match=message):
        grown(detector(2), ("a", "b"), classes)


@pytest.mark.parametrize(
    ("novel", "classes", "message"),
    [
        (("a",), ("a", "b"), "both detectors have the class 'a'"),
        (("n",), ("a", "b", "n", "m"), "neither detector has the class 'm'"),
    ],
)
def test_combined_classes_come_from_one_detector_each(novel, classes, message):
    with pytest.raises(ConfigError, match=message):
        combine_heads(detector(2), detector(1), HEAD, base=("a", "b"), novel=novel, classes=classes)
