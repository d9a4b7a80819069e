"""Large-kernel convolutions through the spectra of small tiles.

A 7x7 convolution over 225 correlation channels is nearly all the work of matching a class.
A CPU does it here with about ten times fewer multiplications, as products of polynomials known
at complex roots of one, at zero and at infinity (Winograd, "Arithmetic Complexity of
Computations", 1980, chapters 3 and 5). All points lie on or inside the unit circle, so that
rounding errors stay those of the plain sum; complex products take three real ones (Gauss).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

TILE_SIDE = 12
"""Output cells along a side of a tile; even, so that -1 is among the roots."""

TILES_AT_ONCE = 72
"""Tiles transformed together: enough to use each spectrum of the weights often while it is in
the cache, few enough for the tiles to stay there too and for buffers that are cheap to get."""

GAIN_NEEDED = 4.0
"""How many times fewer multiplications must be needed to pay for moving the tiles around."""


class TileTransform(NamedTuple):
    """Matrices for a kernel of k cells, tiles of M output and N = M + k - 1 input cells.

    Along x, N real rows hold the four real points (1, -1, zero, infinity), then real and
    imaginary part of every other one. Along y, the rows of a real or a complex point of x.

    along_x: ``[N, N]``, back_x: ``[M, N]``. along_y, back_y: for real points of x, ``[Q, N]``
    and ``[M, Q]``, then for complex ones, ``[P, 2N]`` and ``[2M, P]``.
    kernel: ``[N / 2 + 2, k]`` complex, the points of x; kernel_y: ``[N, k]`` complex.
    """

    along_x: Tensor
    back_x: Tensor
    along_y: tuple[Tensor, Tensor]
    back_y: tuple[Tensor, Tensor]
    kernel_x: Tensor
    kernel_y: Tensor


REAL_POINTS = 4


class SpectralConv2d(nn.Conv2d):
    """An ``nn.Conv2d`` that is several times faster on CPUs, with the same numbers.

    It is a plain convolution wherever the spectra do not apply or do not pay: with gradients,
    on other devices, in other types than float32, with strides or padding other than the zeros
    that keep the size, on small maps, for small kernels, and while a graph is exported.
    """

    _spectra: tuple[Tensor, list[Tensor]] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution ``[N, O, h, w]`` of ``input`` ``[N, C, h, w]``."""
        if not self.pays(input):
            return super().forward(input)
        result = convolve_tiles(input, self.spectra(), self.kernel_size[0])
        return result if self.bias is None else result.add_(self.bias[:, None, None])

    def spectra(self) -> list[Tensor]:
        """Return the spectra of the weights, made anew whenever these have changed."""
        # Version counters miss writes through ``.data``; comparing costs next to nothing here.
        if self._spectra is None or not torch.equal(self._spectra[0], self.weight):
            weight = self.weight.detach().clone()
            self._spectra = weight, kernel_spectra(weight)
        return self._spectra[1]

    def pays(self, input: Tensor) -> bool:
        """Whether the spectra apply to ``input`` and save enough."""
        kernel = self.kernel_size[0]
        applies = (
            searches_on_cpu(input)
            and not torch.is_autocast_enabled("cpu")
            and input.dtype == self.weight.dtype == torch.float32
            and input.dim() == 4
            and self.kernel_size == (kernel, kernel)
            and kernel % 2 == 1
            and self.padding == (kernel // 2, kernel // 2)
            and self.padding_mode == "zeros"
            and self.stride == self.dilation == (1, 1)
            and self.groups == 1
        )
        return applies and spectral_gain(self.weight.shape, input.shape[-2:]) >= GAIN_NEEDED

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_spectra": None}


def searches_on_cpu(x: Tensor) -> bool:
    """Whether ``x`` is worked on by a CPU, with no gradient wanted and no graph being made."""
    return (
        x.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
        and not torch.compiler.is_compiling()
    )


def spectral_gain(weight_shape: torch.Size, map_size: torch.Size) -> float:
    """Return how many times fewer multiplications spectra need than the plain sums."""
    outputs, channels, kernel, _ = weight_shape
    side = TILE_SIDE + kernel - 1
    complex_points = side // 2 - REAL_POINTS // 2
    products = 3 * side * complex_points + REAL_POINTS * (REAL_POINTS + 3 * complex_points)
    tiles = math.prod(math.ceil(cells / TILE_SIDE) for cells in map_size)
    spectral = products * (outputs * channels + 2 * side * channels + 2 * TILE_SIDE * outputs)
    return math.prod(map_size) * kernel**2 * outputs * channels / max(tiles * spectral, 1)


def convolve_tiles(x: Tensor, spectra: list[Tensor], kernel: int) -> Tensor:
    """Return the convolution ``[N, O, h, w]``, channels last, of ``x`` ``[N, C, h, w]``.

    spectra: as ``kernel_spectra`` returns them. Zeros surround ``x``, so its size stays.
    """
    count, _, height, width = x.shape
    result = x.new_empty(count, height, width, spectra[0].shape[-1])
    down, across = math.ceil(height / TILE_SIDE), math.ceil(width / TILE_SIDE)
    strips = math.ceil(down / max(1, TILES_AT_ONCE // across))
    rows = math.ceil(down / strips)
    images = max(1, TILES_AT_ONCE // (across * rows))
    reach = kernel // 2
    for first in range(0, count, images):
        for top in range(0, height, rows * TILE_SIDE):
            bottom = min(top + rows * TILE_SIDE, height)
            here = slice(first, first + images)
            part = x[here, :, max(top - reach, 0) : bottom + reach]
            tall = math.ceil((bottom - top) / TILE_SIDE) * TILE_SIDE + kernel - 1
            above, left = max(reach - top, 0), reach
            padded = x.new_zeros(
                across * TILE_SIDE + kernel - 1, part.shape[0], tall, part.shape[1]
            )
            inside = padded[left : left + width, :, above : above + part.shape[2]]
            inside.copy_(part.permute(3, 0, 2, 1))
            tiles = _convolve_block(padded, spectra, kernel)
            _untile(tiles, result[here, top:bottom])
    return result.permute(0, 3, 1, 2)


def _convolve_block(x: Tensor, spectra: list[Tensor], kernel: int) -> Tensor:
    """Return tiles ``[M, M, down, across, N, O]`` (x, then y inside) from ``[W, N, H, C]``."""
    transform = tile_transform(kernel)
    side = TILE_SIDE + kernel - 1
    wide, images, tall, channels = x.shape
    across, down = (wide - kernel + 1) // TILE_SIDE, (tall - kernel + 1) // TILE_SIDE
    columns = across * images
    tiles, outputs = down * columns, spectra[0].shape[-1]

    lines = x.new_empty(side, across, images * tall * channels)
    for column in range(across):
        start = column * TILE_SIDE
        window = x[start : start + side].reshape(side, -1)
        torch.mm(transform.along_x, window, out=lines[:, column])
    lines = lines.view(side, columns, tall, channels)

    halfway = x.new_empty(side, TILE_SIDE, tiles * outputs)
    row = 0
    for spectrum in spectra:
        parts = 1 if row < REAL_POINTS else 2
        along, back = transform.along_y[parts - 1], transform.back_y[parts - 1]
        points = x.new_empty(down, columns, len(spectrum), channels)
        for index in range(down):
            start = index * TILE_SIDE
            for part in range(parts):
                window = lines[row + part, :, start : start + side]
                matrix = along[:, part * side : (part + 1) * side].expand(columns, -1, -1)
                torch.baddbmm(points[index], matrix, window, beta=min(part, 1), out=points[index])
        products = torch.bmm(points.view(tiles, -1, channels).transpose(0, 1), spectrum)
        target = halfway[row : row + parts].view(parts * TILE_SIDE, -1)
        torch.mm(back, products.view(len(spectrum), -1), out=target)
        row += parts
    result = transform.back_x @ halfway.view(side, -1)
    return result.view(TILE_SIDE, TILE_SIDE, down, across, images, outputs)


def _untile(tiles: Tensor, result: Tensor) -> None:
    """Write ``tiles`` ``[M, M, down, across, N, O]`` into the map ``[N, h, w, O]``."""
    _, height, width, _ = result.shape
    for index in range(tiles.shape[2]):
        top = index * TILE_SIDE
        strip = tiles[:, :, index].permute(3, 1, 2, 0, 4).flatten(2, 3)
        rows = result[:, top : top + TILE_SIDE]
        rows.copy_(strip[:, : rows.shape[1], :width])


def kernel_spectra(weight: Tensor) -> list[Tensor]:
    """Return for every point of x the spectrum ``[P, C, O]`` of kernels ``[O, C, k, k]``.

    First the four real points of x, then the complex ones.
    """
    transform = tile_transform(weight.shape[-1])
    kernels = weight.to(torch.complex128)
    spectra = []
    for index, row in enumerate(transform.kernel_x):
        spectrum = torch.einsum("pj,ocj->pco", transform.kernel_y, kernels @ row)
        if index < REAL_POINTS:
            rows = torch.cat([spectrum[:REAL_POINTS].real, _kernel_rows(_upper(spectrum))])
        else:
            rows = _kernel_rows(spectrum)
        spectra.append(rows.to(weight.dtype).contiguous())
    return spectra


@lru_cache(maxsize=16)
def tile_transform(kernel: int) -> TileTransform:
    """Return the float32 transform for kernels ``kernel`` (odd) cells wide."""
    side = TILE_SIDE + kernel - 1
    inputs = torch.linalg.inv(_values(side, side)).T
    outputs = _values(side, TILE_SIDE).T
    kernels = _values(side, kernel)
    real, upper = inputs[:REAL_POINTS].real, _upper(inputs)
    real_back, upper_back = outputs[:, :REAL_POINTS].real, _upper(outputs.T).T
    along_x = torch.cat([real, torch.stack([upper.real, upper.imag], dim=1).flatten(0, 1)])
    back_x = torch.stack([upper_back.real, -upper_back.imag], dim=2).flatten(1)
    along_y = (
        torch.cat([real, _input_rows(upper)]),
        _input_rows(torch.cat([inputs, 1j * inputs], dim=1)),
    )
    back_y = (
        torch.cat([real_back, 2 * _output_columns(upper_back)], dim=1),
        _output_columns(torch.cat([outputs, -1j * outputs])),
    )
    return TileTransform(
        along_x=along_x.float(),
        back_x=torch.cat([real_back, 2 * back_x], dim=1).float(),
        along_y=(along_y[0].float(), along_y[1].float()),
        back_y=(back_y[0].float(), back_y[1].float()),
        kernel_x=torch.cat([kernels[:REAL_POINTS], _upper(kernels)]),
        kernel_y=kernels,
    )


def _values(count: int, length: int) -> Tensor:
    """Return what turns ``length`` coefficients into values at ``count`` points, complex128.

    The points: 1, -1, zero, infinity, the other roots of one above the real line, those below.
    """
    roots = count - 2
    above = torch.arange(1, roots // 2)
    order = torch.cat([torch.tensor([0, roots // 2]), above, roots - above])
    angles = 2 * math.pi * torch.outer(order, torch.arange(length)).double() / roots
    at_roots = torch.polar(torch.ones_like(angles), angles)
    ends = torch.eye(length, dtype=at_roots.dtype)[[0, -1]]
    return torch.cat([at_roots[:2], ends, at_roots[2:]])


def _upper(points: Tensor) -> Tensor:
    """Return the complex points whose conjugates are the rows after them."""
    return points[REAL_POINTS : (len(points) + REAL_POINTS) // 2]


def _input_rows(x: Tensor) -> Tensor:
    """Return the rows that make the three left factors of complex products."""
    return torch.cat([x.real + x.imag, x.real, x.imag])


def _kernel_rows(x: Tensor) -> Tensor:
    """Return the three right factors of complex products."""
    return torch.cat([x.real, x.imag - x.real, x.real + x.imag])


def _output_columns(x: Tensor) -> Tensor:
    """Return the columns that sum the three products to the real part of ``x`` times them."""
    return torch.cat([x.real - x.imag, -x.imag, -x.real], dim=1)
