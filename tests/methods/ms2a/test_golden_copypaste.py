"""Copy-paste across domains against the original."""

from __future__ import annotations

import re
from pathlib import Path

import numpy
import pytest
import torch
from golden.fill import image as drawn_picture
from golden_cases import file_params
from ms2a_reference import KINDS

from handful.data.transforms import Sample
from handful.data.transforms.copypaste import Occlusion, pasted
from handful.structures import Targets

pytestmark = pytest.mark.golden
OCCLUSIONS = {"a": Occlusion(10, 300), "b": Occlusion(15, 350), "c": Occlusion(2, 40)}


def picture(arrays: dict[str, numpy.ndarray], case: int, which: str) -> Sample:
    size = arrays[f"{case}_{which}_masks"].shape[1:]
    pixels = drawn_picture(f"cp1000_{case}_{which[0]}", *size)
    boxes, labels = (torch.from_numpy(arrays[f"{case}_{which}_{n}"]) for n in ("boxes", "labels"))
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    return Sample(image, Targets.of(boxes, labels, (size[0], size[1])), (size[0], size[1]))


@pytest.mark.parametrize("file", file_params("ms2a", "copypaste", KINDS))
def test_copy_paste(file: Path) -> None:
    arrays = dict(numpy.load(file, allow_pickle=False))
    for case in range(int(arrays["n"])):
        chosen = torch.from_numpy(arrays[f"{case}_selected"]).long()
        below, above = picture(arrays, case, "dst"), picture(arrays, case, "src")
        masks, cuttings = (
            torch.from_numpy(arrays[f"{case}_{which}_masks"]).bool() for which in ("dst", "src")
        )
        above = Sample(above.image, above.targets[chosen], above.original)
        names = [n for n in arrays if re.fullmatch(rf"{case}_[a-z]_boxes", n)]
        assert names
        for threshold in (name.split("_")[1] for name in names):
            ours = pasted(
                below,
                masks,
                above,
                cutting_masks=cuttings[chosen],
                occlusion=OCCLUSIONS[threshold],
            )
            start, what = f"{case}_{threshold}_", f"thresholds {threshold} of case {case}"
            assert numpy.array_equal(ours.targets.boxes.numpy(), arrays[f"{start}boxes"]), what
            assert ours.targets.labels.tolist() == arrays[f"{start}labels"].tolist(), what
            pixels = ours.image.permute(1, 2, 0)[::3, ::3].numpy()
            assert numpy.array_equal(pixels, arrays[f"{start}img"]), what
