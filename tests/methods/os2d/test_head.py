from __future__ import annotations

import pytest
import torch

from handful.methods.os2d import OS2DConfig, convolution, head
from handful.methods.os2d.head import Matches, MatchingHead, unit_length

CONFIG = OS2DConfig(template_size=7, template_border=1, regressor_channels=(16, 8))


def searching_head() -> MatchingHead:
    torch.manual_seed(0)
    made = MatchingHead(CONFIG).eval()
    torch.nn.init.normal_(made.transform_net.output.weight, std=0.05)
    return made


def inputs(batch: int = 1, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    templates = unit_length(torch.randn(classes, 12, 7, 7), 0.0)
    return torch.randn(batch, 12, 19, 26), templates


def assert_alike(ours: Matches, theirs: Matches) -> None:
    for name, one, other in zip(Matches._fields, ours, theirs, strict=True):
        assert one.shape == other.shape
        tolerance = 2e-3 if name == "corners" else 2e-5
        assert torch.allclose(one, other, atol=tolerance, rtol=1e-5), name


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("cells", [1, 1000, 2000, 10**6])
def test_searching_in_groups_equals_training_all_at_once(
    monkeypatch: pytest.MonkeyPatch, batch: int, cells: int
) -> None:
    monkeypatch.setattr(head, "CELLS_AT_ONCE", cells)
    monkeypatch.setattr(convolution, "GAIN_NEEDED", 0.0)
    made, (features, templates) = searching_head(), inputs(batch)
    with torch.inference_mode():
        searched = made(features, templates)
    trained = made(features, templates)
    assert trained.scores.requires_grad
    assert_alike(searched, Matches(*(part.detach() for part in trained)))


def test_searching_changes_neither_features_nor_correlation() -> None:
    made, (features, templates) = searching_head(), inputs()
    kept = features.clone()
    with torch.no_grad():
        correlation = made.correlate(features, templates)
        before = correlation.clone()
        made.parameters_of(correlation)
        made(features, templates)
    assert torch.equal(features, kept)
    assert torch.equal(correlation, before)


@pytest.mark.integration
def test_exported_head_says_the_same() -> None:
    made, (features, templates) = searching_head(), inputs(classes=1)
    with torch.no_grad():
        exported = torch.export.export(made, (features, templates)).module()
        assert_alike(exported(features, templates), made(features, templates))
