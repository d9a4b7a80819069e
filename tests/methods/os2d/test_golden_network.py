"""OS2D's head and whole networks against the original's numbers and gradients."""

from __future__ import annotations

import numpy
import pytest
import torch
from golden_cases import GoldenCase, assert_near
from os2d_reference import (
    config_named,
    fill_regressor,
    os2d_cases,
    picture,
    stand_in_network,
)

from handful.methods.os2d import OS2D, OS2DConfig
from handful.methods.os2d.head import MatchingHead
from handful.methods.os2d.resample import inner_cells, sample_scores
from handful.methods.os2d.transform import parameters_to_matrices

pytestmark = pytest.mark.golden
GRADIENTS = {"rtol": 1e-3}
NETWORK = {"rtol": 1e-3, "atol": 1e-4}


@pytest.mark.parametrize("case", os2d_cases("transform"))
def test_transform(case: GoldenCase) -> None:
    inverse, params = bool(case.number("inverse")), case["params"]
    matrices = (
        parameters_to_matrices(params, inverse=inverse).permute(0, 3, 4, 1, 2).reshape(-1, 2, 3)
    )
    singular = _singular(params) & inverse
    assert matrices.isfinite().all()
    rtol = 1e-3 if singular.any() else 1e-4
    assert_near(matrices[~singular], case["matrices"][~singular], rtol=rtol)


def _singular(params: torch.Tensor) -> torch.Tensor:
    forward = parameters_to_matrices(params.double(), inverse=False)
    determinant = torch.linalg.det(forward[:, :, :2].permute(0, 3, 4, 1, 2)).flatten()
    return determinant.abs() < 1e-6


@pytest.mark.parametrize("case", os2d_cases("resample"))
def test_resample(case: GoldenCase) -> None:
    batch, classes = case.number("B"), case.number("classes")
    height, width = case.numbers("fm_hw")
    rng = numpy.random.default_rng(case.number("seed"))
    corr = rng.normal(0, 0.3, (batch, classes, 225, height, width))
    grid = rng.normal(0, 0.6, (batch, classes, height, width, 15, 15, 2)).clip(-1.3, 1.3)
    corr = torch.from_numpy(corr.astype("float32")).requires_grad_()
    grid = torch.from_numpy(grid.astype("float32")).requires_grad_()
    inner = grid.flatten(0, 1)[:, :, :, 2:13, 2:13].permute(0, 4, 3, 1, 2, 5).flatten(1, 2)
    scores = sample_scores(inner_cells(corr.flatten(0, 1), 2), inner)
    scores = scores.reshape(batch, classes, 1, height, width)
    (scores * case["w"]).sum().backward()
    assert_near(scores, case["out_fast"])
    assert_near(scores, case["out_simple"])
    assert_near(corr.grad[:, :, ::25], case["grad_corr_strided"])
    assert_near(grid.grad[..., ::7, ::7, :], case["grad_grid_strided"])


@pytest.mark.parametrize("case", os2d_cases("head"))
def test_head(case: GoldenCase) -> None:
    config = OS2DConfig(
        transform="simplified" if case.number("simple") else "affine",
        inverse=bool(case.number("inverse")),
    )
    head = MatchingHead(config).eval()
    fill_regressor(head.transform_net)
    features = case["feature_map"].requires_grad_()
    maps = [case[name].requires_grad_() for name in case.names("class_fm")]
    templates = torch.cat([OS2D.template_of(_Only(config), fm) for fm in maps])
    correlation = head.correlate(features, templates)
    params = head.parameters_of(correlation)
    matches = head(features, templates)

    assert_near(templates[:, :, ::2, ::2], case["class15"])
    assert_near(correlation[:, ::16], case["corr"])
    assert_near(params, case["transform_params"])
    assert_near(_local_grid(params, config)[:, ::3, ::3, ::7, ::7], case["grid"])
    shape = case["loc"].shape
    loc = matches.loc.reshape(shape)
    scores, fixed = (
        s.reshape(case["recognition"].shape) for s in (matches.scores, matches.fixed_scores)
    )
    assert_near(loc, case["loc"])
    assert_near(scores, case["recognition"])
    assert_near(fixed, case["recognition_detached"])
    assert_near(matches.corners.reshape(case["corners"].shape), case["corners"])

    weighted = (case["w_loc"] * loc).sum() + (case["w_rec"] * scores).sum()
    (weighted + (case["w_recd"] * fixed).sum()).backward()
    net = head.transform_net
    ours = {
        "grad_feature_map": features.grad,
        **{f"grad_{name}": fm.grad for name, fm in zip(case.names("class_fm"), maps, strict=True)},
        "grad_linear_bias": net.output.bias.grad,
        "grad_conv0_weight_sum": net.convs[0].weight.grad.abs().sum(),
        "grad_conv3_bias": net.convs[1].bias.grad,
    }
    for name, gradient in ours.items():
        # On a map one cell wide the original divides zero by zero on the way back; ours does not.
        known = case[name].isfinite()
        assert gradient.isfinite().all(), name
        assert_near(gradient[known], case[name][known], **GRADIENTS, what=name)


class _Only:
    def __init__(self, config: OS2DConfig) -> None:
        self.config = config


def _local_grid(params: torch.Tensor, config: OS2DConfig) -> torch.Tensor:
    matrices = parameters_to_matrices(params, inverse=config.inverse)
    line = torch.linspace(-1, 1, 15)
    y, x = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    return torch.einsum("nrchw,yxc->nhwyxr", matrices, points)


@pytest.mark.parametrize("case", os2d_cases("model"))
def test_model(case: GoldenCase) -> None:
    config = config_named(str(case.array("label")))
    network = stand_in_network(config)
    with torch.no_grad():
        scene = network.preprocess(picture(case.number("scene_name"), *case.numbers("scene_hw")))
        features = network.features(scene)
        sizes = zip(case.numbers("class_names"), case.numbers("class_hw"), strict=True)
        raw = [network.features(network.preprocess(picture(name, *hw))) for name, hw in sizes]
        templates = torch.cat([network.template_of(fm) for fm in raw])
        correlation = network.head.correlate(features, templates)
        matches = network.match(features, templates)

    assert list(features.shape[-2:]) == case.numbers("fm_hw")
    ours = {
        "feature_map_strided": _thinned(features, case["feature_map_strided"]),
        "class_fm_strided": _thinned(templates, case["class_fm_strided"]),
        "corr_strided": correlation[:, ::25],
        "transform_params": network.head.parameters_of(correlation),
        "loc": matches.loc,
        "scores": matches.scores,
        "corners": matches.corners,
    }
    for index, fm in enumerate(raw):
        name = f"class_raw{index}_strided"
        ours[name] = _thinned(fm, case[name])
    for name, value in ours.items():
        assert_near(value, case[name], **NETWORK, what=name)


def _thinned(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Take every n-th channel, as the file did."""
    return ours[:, :: ours.shape[1] // theirs.shape[1]]
