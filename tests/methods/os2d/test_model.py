from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from PIL import Image

from handful.methods.os2d import OS2D, OS2DConfig
from handful.methods.os2d.config import V1, V2

SMALL = OS2DConfig(
    trunk="resnet18",
    trunk_strides=(8,),
    feature_stride=8,
    template_size=7,
    template_border=1,
    class_image_size=56,
    regressor_kernels=(3, 3),
    regressor_channels=(8,),
)
SIMPLIFIED = replace(SMALL, transform="simplified", inverse=False)
JOINED = replace(SMALL, trunk_strides=(8, 16), projection=24)


def small_model(config: OS2DConfig = SMALL, seed: int = 0) -> OS2D:
    """Return a model whose transform net says something, not only the identity."""
    torch.manual_seed(seed)
    model = OS2D(config).eval()
    torch.nn.init.normal_(model.head.transform_net.output.weight, std=0.05)
    return model


def test_size_of_the_published_network() -> None:
    with torch.device("meta"):
        head = OS2D(V2).head
    assert sum(p.numel() for p in head.parameters()) / 1e6 == pytest.approx(1.62, abs=0.01)


@pytest.mark.parametrize("config", [SMALL, SIMPLIFIED, JOINED], ids=["affine", "simple", "joined"])
def test_forward_matches_every_class_with_every_picture(config: OS2DConfig) -> None:
    model = small_model(config)
    images = torch.randn(2, 3, 50, 75)
    with torch.no_grad():
        templates = torch.stack([model.template(torch.randn(1, 3, 56, 48)) for _ in range(3)])
        together = model(images, templates)
        alone = model.match(model.features(images[1:]), templates[2:])
    assert together.loc.shape == (2, 3, 4, 7 * 10)
    assert together.scores.shape == together.fixed_scores.shape == (2, 3, 70)
    assert together.corners.shape == (2, 3, 8, 70)
    for all_of_them, one in zip(together, alone, strict=True):
        assert torch.allclose(all_of_them[1, 2:], one, atol=1e-4)


def test_coarser_maps_are_enlarged_and_projected() -> None:
    model = OS2D(JOINED).eval()
    assert model.features(torch.randn(1, 3, 41, 64)).shape == (1, 24, 6, 8)
    wide = OS2D(replace(JOINED, projection=None))
    assert wide.features(torch.randn(1, 3, 41, 64)).shape == (1, wide.channels, 6, 8)
    assert wide.channels == 128 + 256


def test_a_fresh_model_slides_a_window() -> None:
    model = OS2D(SMALL).eval()
    with torch.no_grad():
        template = model.template(torch.randn(1, 3, 56, 56))
        matches = model.match(model.features(torch.randn(1, 3, 64, 64)), template[None])
    assert matches.loc.abs().max() < 1e-4
    assert matches.corners[0, :, 0].tolist() == [-24.0, -24.0, 32.0, -24.0, -24.0, 32.0, 32.0, 32.0]


def test_a_picture_finds_itself() -> None:
    model = OS2D(SMALL).eval()
    pixels = torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        matches = model.match(model.features(pixels), model.template(pixels)[None])
    assert matches.scores.argmax().item() in (16, 17, 23, 24)
    assert 0.6 < matches.scores.max().item() <= 1


def test_scores_are_cosines_under_wild_transforms() -> None:
    model = small_model()
    torch.nn.init.normal_(model.head.transform_net.output.weight, std=50)
    with torch.no_grad():
        template = model.template(torch.randn(1, 3, 56, 56))
        matches = model.match(model.features(torch.randn(1, 3, 64, 96)), template[None])
    assert all(part.isfinite().all() for part in matches)
    assert matches.scores.abs().max() <= 1 + 1e-5


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (300, 5)])
def test_tiny_and_thin_pictures_work(size: tuple[int, int]) -> None:
    model = small_model()
    with torch.no_grad():
        template = model.template(torch.randn(1, 3, 9, 300))
        matches = model(torch.randn(1, 3, *size), template[None])
    assert all(part.isfinite().all() for part in matches)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_finite_and_near(dtype: torch.dtype) -> None:
    model = small_model()
    image, example = torch.randn(1, 3, 64, 64), torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        exact = model(image, model.template(example)[None])
        half = copy.deepcopy(model).to(dtype)
        rough = half(image.to(dtype), half.template(example.to(dtype))[None])
    assert rough.scores.dtype == torch.float32
    assert all(part.isfinite().all() for part in rough)
    assert (rough.scores - exact.scores).abs().max() < 0.02


def test_saved_and_loaded_says_the_same() -> None:
    model, other = small_model(JOINED), small_model(JOINED, seed=1)
    image, example = torch.randn(1, 3, 64, 64), torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        expected = model(image, model.template(example)[None])
        other.load_state_dict(model.state_dict(), strict=True)
        found = other(image, other.template(example)[None])
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.integration
def test_exported_graph_says_the_same() -> None:
    model = small_model()
    image, templates = torch.randn(1, 3, 64, 64), torch.randn(2, 128, 7, 7)
    with torch.no_grad():
        graph = torch.export.export(model, (image, templates)).module()
        expected = model(image, templates)
        found = graph(image, templates)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_preprocess_resizes_and_normalises() -> None:
    model = OS2D(SMALL)
    grey = Image.new("RGB", (30, 20), (124, 116, 104))
    pixels = model.preprocess(grey, (15, 10))
    assert pixels.shape == (1, 3, 10, 15)
    expected = [(v / 255 - m) / s for v, m, s in zip((124, 116, 104), V1.mean, V1.std, strict=True)]
    assert torch.allclose(pixels[0, :, 3, 3], torch.tensor(expected), atol=1e-5)


def test_working_memory_grows_with_the_map() -> None:
    model = OS2D(SMALL)
    assert model.match_bytes((20, 30)) == 2 * model.match_bytes((10, 30)) > 0
