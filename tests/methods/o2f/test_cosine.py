import pytest
import torch
import torch.nn.functional as F

from handful.methods.o2f.cosine import CosineClassifier


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    made = CosineClassifier(6, 3, temperature=20.0)
    torch.nn.init.constant_(made.bias, -2.0)
    return made


def test_a_logit_is_the_cosine_of_surroundings_and_direction(classifier):
    maps = torch.randn(2, 6, 5, 4)
    patches = F.unfold(maps, 3, padding=1)[:, None]
    directions = classifier.weight.flatten(1)[None, :, :, None]
    cosines = F.cosine_similarity(patches, directions, dim=2).view(2, 3, 5, 4)
    torch.testing.assert_close(classifier(maps), 20 * cosines - 2)


def test_lengths_say_nothing_and_an_empty_map_gives_no_nan(classifier):
    maps = torch.randn(1, 6, 4, 4)
    torch.testing.assert_close(classifier(maps), classifier(100 * maps))
    assert torch.equal(classifier(0 * maps), torch.full((1, 3, 4, 4), -2.0))


def test_large_values_stay_finite_in_half_precision(classifier):
    assert classifier.half()(torch.full((1, 6, 4, 4), 300.0).half()).isfinite().all()


def test_large_values_stay_finite_where_autocast_convolves_in_half_precision(classifier):
    maps = torch.full((1, 6, 4, 4), 300.0)
    with torch.autocast("cpu", torch.float16):
        logits = classifier(maps)
    torch.testing.assert_close(logits.float(), classifier(maps), rtol=0, atol=0.05)
