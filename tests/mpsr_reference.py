"""What the MPSR reference files share: their kinds, stand-in weights, pictures and cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import torch
from golden.fill import fill, image
from golden_cases import GoldenCase, file_params, files_of, whole_case
from torch import Tensor

from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import Naming, official_key
from handful.methods.mpsr.model import MPSR
from handful.structures import ObjectCrops

KINDS = (
    "anchors",
    "authors_crops",
    "authors_forward",
    "authors_losses",
    "authors_units",
    "bbox_coder",
    "box_head",
    "crops",
    "full_aux",
    "full_forward",
    "full_train",
    "init_stats",
    "keymap_authors_to_mmfewshot",
    "keys",
    "keys_authors",
    "lr_schedule",
    "postprocess",
    "proposals",
    "pyramid",
    "reshape_tool",
    "roi_levels",
    "roi_sampling",
    "rpn_loss",
    "rpn_targets",
    "surgery",
    "voc_dataset",
    "voc_eval",
)


def class_names(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


FINE_TUNED = MPSRConfig(class_names=class_names(20), roi_aligned=False)
"""The network of most files: that of a fine-tuned model for VOC."""


def params(kind: str) -> list[object]:
    """Return a pytest parameter for every file of ``kind``."""
    return file_params("mpsr", kind, KINDS)


def numbered_params(kind: str) -> list[object]:
    """Return a pytest parameter for every case ``0_``, ``1_``, … of every file of ``kind``."""
    import pytest

    found = [
        pytest.param(case, id=f"mpsr-{file.stem}-{case.prefix}")
        for file in files_of("mpsr", kind, KINDS)
        for case in numbered_cases(file)
    ]
    return found or params(kind)


def numbered_cases(file: Path) -> list[GoldenCase]:
    """Return the cases that a file numbers, each with what belongs to all."""
    whole = whole_case(file)
    starts = tuple(f"{number}_" for number in range(whole.number("cases")))
    common = {key: value for key, value in whole.arrays.items() if not key.startswith(starts)}
    return [
        GoldenCase(
            whole.file,
            start.removesuffix("_"),
            {
                **common,
                **{
                    key.removeprefix(start): value
                    for key, value in whole.arrays.items()
                    if key.startswith(start)
                },
            },
        )
        for start in starts
    ]


def indexed(case: GoldenCase, name: str) -> list[Tensor]:
    """Return the arrays ``name0``, ``name1``, … of a case."""
    found = []
    while f"{name}{len(found)}" in case:
        found.append(case[f"{name}{len(found)}"])
    return found


def stand_in(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return the stand-in for the official entry ``key``."""
    return torch.from_numpy(fill(key, shape))


def stand_in_network(naming: Naming = "mmfewshot", config: MPSRConfig = FINE_TUNED) -> MPSR:
    """Return the network with stand-in weights under the names of ``naming``, evaluating."""
    network = MPSR(replace(config, box_rule=naming))
    state = network.state_dict()
    filled = {
        key: stand_in(official_key(key, naming), tuple(value.shape)) for key, value in state.items()
    }
    network.load_state_dict(filled, strict=True)
    return network.eval()


def prepared(name: str, height: int, width: int, *, scale: float) -> Tensor:
    """Return a drawn picture as the network wants it: ``[3, H, W]``, times ``scale``."""
    bgr = torch.from_numpy(numpy.ascontiguousarray(image(name, height, width)[:, :, ::-1]))
    mean = torch.tensor(MPSRConfig().mean)
    return (bgr.float() - mean).permute(2, 0, 1) * scale


def drawn_crops(tag: str, labels: Tensor, *, scale: float, single: bool = False) -> ObjectCrops:
    """Return the drawn crops of a file; of a ``single`` object names have no number."""
    pictures = []
    for row in MPSRConfig().crop_scales:
        ends = [""] if single else [f"_{number}" for number in range(len(labels))]
        names = [f"{tag}_aux{row.size}{end}" for end in ends]
        shown = [prepared(name, row.size, row.size, scale=scale) for name in names]
        pictures.append(torch.stack(shown))
    return ObjectCrops(tuple(pictures), labels)


def assert_magnitude(ours: Tensor, theirs: Tensor, *, rtol: float = 1e-4, what: str = "") -> None:
    """Fail unless both agree to ``rtol``, or to a tenth of it of the largest of ``theirs``."""
    assert tuple(ours.shape) == tuple(theirs.shape), f"{what}: shape {list(ours.shape)}"
    if not theirs.numel():
        return
    largest = float(theirs.abs().max())
    numpy.testing.assert_allclose(
        ours.detach().double().numpy(),
        theirs.double().numpy(),
        rtol=rtol,
        atol=max(0.1 * rtol * largest, 1e-9),
        err_msg=what,
    )


def assert_same_rows(
    ours: Tensor, theirs: Tensor, *, part: float = 0.98, near: float = 1e-3, rtol: float = 0.0
) -> None:
    """Fail unless ``part`` of the rows of both have a row nearby on the other side.

    A row is nearby if no value is farther than ``near`` plus ``rtol`` of itself.
    """
    assert min(len(ours), len(theirs)) >= part * max(len(ours), len(theirs))
    allowed = near + rtol * theirs[None].abs()
    fits = ((ours[:, None] - theirs[None]).abs() <= allowed).all(dim=2)
    for found in (fits.any(dim=1), fits.any(dim=0)):
        assert float(found.float().mean()) >= part
