import pytest
import torch

from handful.memory.regression import ClassRegression

PARTS = (3, 5)


def examples(count, seed=0, *, spread=0.1):
    """``count`` examples of each of three classes, ``[N, D]``, and their labels."""
    random = torch.Generator().manual_seed(seed)
    centers = torch.randn(3, sum(PARTS), generator=torch.Generator().manual_seed(1))
    labels = torch.arange(3).repeat_interleave(count)
    return centers[labels] + spread * torch.randn(3 * count, 8, generator=random), labels


def fitted(count, **settings):
    return ClassRegression.fit(*examples(count), class_count=3, parts=PARTS, **settings)


@pytest.mark.parametrize("count", [1, 2, 20], ids=["one example", "few", "more than dimensions"])
def test_new_examples_are_named_as_those_that_were_shown(count):
    seen, labels = examples(10, seed=5)
    likely = fitted(count)(seen)
    assert likely.shape == (30, 3) and float(likely.min()) >= 0 and float(likely.max()) <= 1
    assert torch.equal(likely.argmax(1), labels)


def test_both_ways_to_solve_come_to_the_same():
    seen, labels = examples(2)
    few = ClassRegression.fit(seen, labels, class_count=3, parts=PARTS)
    doubled = ClassRegression.fit(
        seen.repeat(2, 1), labels.repeat(2), class_count=3, parts=PARTS, ridge=0.2
    )
    assert len(seen) < seen.shape[1] < 2 * len(seen)
    assert torch.allclose(few.weights, doubled.weights, atol=1e-5)


def test_parts_count_alike_whatever_their_scale():
    seen, labels = examples(5)
    scale = torch.tensor([1000.0] * PARTS[0] + [1.0] * PARTS[1])
    other = ClassRegression.fit(seen * scale, labels, class_count=3, parts=PARTS)
    assert torch.allclose(fitted(5)(seen), other(seen * scale), atol=1e-4)


def test_what_is_far_from_all_examples_is_as_likely_as_before():
    regression = fitted(4, ridge=1e9)
    assert torch.allclose(regression(examples(1)[0]), torch.full((3, 3), 1 / 3), atol=1e-4)
