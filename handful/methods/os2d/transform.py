"""From correlations to affine maps: the transform net and what its outputs mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.convolution import SpectralConv2d

SINGULAR_SHIFT = 1e-5
"""Added to the diagonal of a matrix that has no inverse, as the original does."""


class TransformNet(nn.Module):
    """Predicts at each cell the parameters of a map between template and scene.

    Fresh, it predicts the identity everywhere (section 3.2 of arXiv 2003.06800).
    """

    def __init__(self, config: OS2DConfig) -> None:
        super().__init__()
        kernels, channels = config.regressor_kernels, config.regressor_channels
        inputs = (config.template_size**2, *channels[:-1])
        mode = config.regressor_padding
        self.convs = nn.ModuleList(
            SpectralConv2d(before, after, kernel, padding=kernel // 2, padding_mode=mode)
            for before, after, kernel in zip(inputs, channels, kernels, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in channels)
        last = kernels[-1]
        self.output = nn.Conv2d(
            channels[-1], config.parameters, last, padding=last // 2, padding_mode=mode
        )
        self.predict_identity()

    @torch.no_grad()
    def predict_identity(self) -> None:
        """Make the net predict the identity everywhere: plain matching without a transform."""
        self.output.weight.zero_()
        parameters = identity_parameters(self.output.out_channels)
        self.output.bias.copy_(torch.tensor(parameters))  # type: ignore[union-attr]

    def forward(self, correlation: Tensor) -> Tensor:
        """Return parameters ``[N, P, h, w]`` from normalised correlations ``[N, T*T, h, w]``."""
        x = correlation
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        return self.output(x)


def identity_parameters(count: int) -> Sequence[float]:
    """Return the 6 (affine) or 4 (simplified) parameters that leave everything in place."""
    return (1.0, 0.0, 0.0, 0.0, 1.0, 0.0) if count == 6 else (1.0, 0.0, 1.0, 0.0)


def parameters_to_matrices(parameters: Tensor, *, inverse: bool) -> Tensor:
    """Return the 2x3 maps ``[N, 2, 3, ...]`` told by ``parameters`` ``[N, 6 or 4, ...]``.

    Six are the rows of the matrix; four (a, b, c, d) mean ((a, 0, b), (0, c, d)).
    """
    if parameters.shape[1] == 6:
        a, b, c, d, e, f = parameters.unbind(1)
    else:
        a, c, e, f = parameters.unbind(1)
        b = d = torch.zeros_like(a)
    rows = _inverted(a, b, c, d, e, f) if inverse else ((a, b, c), (d, e, f))
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _inverted(
    a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Invert ((a b c) (d e f) (0 0 1)); the closed form is far faster than batched solvers.

    Where the original shifts a whole batch as soon as one matrix in it is singular,
    only the singular one is shifted here, so that results do not depend on their neighbours.
    """
    singular = _determinant(a, b, d, e) == 0
    a = torch.where(singular, a + SINGULAR_SHIFT, a)
    e = torch.where(singular, e + SINGULAR_SHIFT, e)
    determinant = _determinant(a, b, d, e)
    determinant = torch.where(determinant == 0, SINGULAR_SHIFT**2, determinant)
    inverse = (e / determinant, -b / determinant, -d / determinant, a / determinant)
    p, q, r, s = inverse
    return (p, q, -(p * c + q * f)), (r, s, -(r * c + s * f))


def _determinant(a: Tensor, b: Tensor, d: Tensor, e: Tensor) -> Tensor:
    return a * e - b * d
