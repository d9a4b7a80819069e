from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from handful.methods.os2d import convolution
from handful.methods.os2d.convolution import (
    REAL_POINTS,
    SpectralConv2d,
    convolve_tiles,
    kernel_spectra,
    spectral_gain,
    tile_transform,
)


def made(channels: int = 9, outputs: int = 5, kernel: int = 7, **options) -> SpectralConv2d:
    torch.manual_seed(0)
    options = {"padding": kernel // 2, **options}
    return SpectralConv2d(channels, outputs, kernel, **options)


def correlations(*shape: int) -> Tensor:
    """Return positive unit vectors over channels, as the transform net is fed."""
    x = torch.relu(torch.randn(*shape, generator=torch.Generator().manual_seed(1)))
    return x / (x.norm(dim=1, keepdim=True) + 1e-6)


def error(conv: nn.Conv2d, x: Tensor, result: Tensor) -> float:
    """Return the largest difference from the sum in double precision, relative to its spread."""
    exact = copy.deepcopy(conv).double()
    wanted = nn.Conv2d.forward(exact, x.double())
    assert result.shape == wanted.shape
    return ((result - wanted).abs().max() / wanted.std(correction=0).clamp(min=1e-3)).item()


@pytest.fixture
def always(monkeypatch):
    """Let spectra be used however little they save."""
    monkeypatch.setattr(convolution, "GAIN_NEEDED", 0.0)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 30), (37, 1), (2, 3), (12, 12), (13, 11), (24, 36), (25, 49)],
    ids=lambda shape: "x".join(map(str, shape)),
)
def test_equals_the_plain_sum_for_every_map_size(always, kernel, shape):
    conv = made(kernel=kernel)
    with torch.no_grad():
        for x in (torch.randn(2, 9, *shape), correlations(2, 9, *shape)):
            assert conv.pays(x)
            assert error(conv, x, conv(x)) < 1e-5


@pytest.mark.parametrize("tiles", [1, 2, 5, 1000], ids="{}_tiles_at_once".format)
@pytest.mark.parametrize("count", [1, 3, 7])
def test_blocks_join_without_seams(monkeypatch, tiles, count):
    monkeypatch.setattr(convolution, "TILES_AT_ONCE", tiles)
    conv = made(channels=3, outputs=2)
    x = correlations(count, 3, 40, 26)
    with torch.no_grad():
        result = convolve_tiles(x, kernel_spectra(conv.weight), 7) + conv.bias[:, None, None]
        assert error(conv, x, result) < 1e-5


def test_real_transform_net_is_as_exact_as_the_plain_convolution():
    conv = made(channels=225, outputs=128)
    x = correlations(1, 225, 36, 36)
    with torch.no_grad():
        assert conv.pays(x)
        assert error(conv, x, conv(x)) < 5e-6


def test_memory_layout_of_the_input_does_not_matter(always):
    conv, x = made(), correlations(2, 9, 20, 31)
    with torch.no_grad():
        layouts = (x, x.contiguous(memory_format=torch.channels_last), x.mT.contiguous().mT)
        first, second, third = (conv(layout) for layout in layouts)
    assert torch.equal(first, second)
    assert torch.equal(first, third)


def test_no_bias_and_no_input_is_changed(always):
    conv, x = made(bias=False), correlations(1, 9, 20, 20)
    before = x.clone()
    with torch.inference_mode():
        assert error(conv, x, conv(x)) < 1e-5
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "options",
    [
        {"padding_mode": "reflect"},
        {"padding_mode": "replicate"},
        {"padding": 0},
        {"stride": 2},
        {"dilation": 2},
        {"groups": 3, "outputs": 6},
        {"kernel": 4},
    ],
    ids=str,
)
def test_what_spectra_cannot_do_is_a_plain_convolution(always, options):
    conv, x = made(**options), correlations(1, 9, 30, 30)
    with torch.no_grad():
        assert not conv.pays(x)
        assert torch.equal(conv(x), nn.Conv2d.forward(conv, x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_are_plain_convolutions(always, dtype):
    conv, x = made().to(dtype), correlations(1, 9, 30, 30).to(dtype)
    with torch.no_grad():
        assert not conv.pays(x)
        assert conv(x).dtype == dtype


def test_gradients_go_through_the_plain_convolution(always):
    conv, x = made(), correlations(1, 9, 20, 20)
    plain = copy.deepcopy(conv)
    assert not conv.pays(x)
    conv(x).square().sum().backward()
    nn.Conv2d.forward(plain, x).square().sum().backward()
    assert conv.weight.grad is not None
    assert torch.equal(conv.weight.grad, plain.weight.grad)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_autocast_and_export_are_plain_convolutions(always):
    conv, x = made().eval(), correlations(1, 9, 20, 20)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert not conv.pays(x)
        assert conv(x).dtype == torch.bfloat16
    with torch.no_grad():
        graph = torch.export.export(conv, (x,)).graph
        traced = torch.jit.trace(conv, x)
    names = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert names == ["aten.conv2d.default"]
    assert torch.equal(traced(x), nn.Conv2d.forward(conv, x))


@pytest.mark.parametrize("change", ["optimiser", "data", "load_state_dict", "half_and_back"])
def test_changed_weights_are_noticed(always, change):
    conv, x = made(), correlations(1, 9, 20, 20)
    with torch.no_grad():
        conv(x)
    if change == "optimiser":
        conv(x).sum().backward()
        torch.optim.SGD(conv.parameters(), lr=0.1).step()
    elif change == "data":
        conv.weight.data.mul_(1.5)
    elif change == "load_state_dict":
        conv.load_state_dict({k: v + 0.1 for k, v in conv.state_dict().items()})
    else:
        conv.half().float()
    with torch.no_grad():
        assert error(conv, x, conv(x)) < 1e-5


def test_spectra_are_made_once_and_travel_neither_in_state_nor_copies(always):
    conv, x = made(), correlations(1, 9, 20, 20)
    with torch.no_grad():
        wanted = conv(x)
    assert conv.spectra() is conv.spectra()
    assert set(conv.state_dict()) == {"weight", "bias"}
    assert len(pickle.dumps(conv)) < 20_000
    for twin in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):  # noqa: S301
        assert twin._spectra is None
        with torch.no_grad():
            assert torch.equal(twin(x), wanted)


@pytest.mark.parametrize(
    ("shape", "size", "pays"),
    [
        ((128, 225, 7, 7), (60, 80), True),
        ((64, 128, 5, 5), (60, 80), True),
        ((32, 225, 7, 7), (120, 160), True),
        ((6, 64, 5, 5), (60, 80), False),
        ((128, 225, 7, 7), (1, 80), False),
        ((128, 225, 3, 3), (60, 80), False),
        ((128, 225, 7, 7), (0, 5), False),
    ],
    ids=str,
)
def test_spectra_are_used_where_they_save_much(shape, size, pays):
    gain = spectral_gain(torch.Size(shape), torch.Size(size))
    assert (gain >= convolution.GAIN_NEEDED) == pays


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
def test_one_dimensional_algorithm_is_exact_in_numbers_of_points(kernel):
    transform = tile_transform(kernel)
    side = convolution.TILE_SIDE + kernel - 1
    pairs = (side - REAL_POINTS) // 2
    assert transform.along_x.shape == (side, side)
    assert transform.along_y[0].shape == (REAL_POINTS + 3 * pairs, side)
    assert transform.along_y[1].shape == (3 * side, 2 * side)
    assert transform.along_x.abs().max() < 2
