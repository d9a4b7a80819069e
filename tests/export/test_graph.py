from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from exported_detector import nano_card
from torch import nn

from handful.export.graph import ExportedGraph, output_names
from handful.nn.found import Candidates, Found

BOXES = ("boxes", "scores", "labels", "counts")


class Naming(nn.Module):
    """Gives tensors that say what they are."""

    def forward(self, images, sizes):
        return images

    def detect(self, outputs, sizes) -> Found:
        return Found(*(torch.tensor(number) for number in range(5)))

    def candidates(self, outputs) -> Candidates:
        return Candidates(torch.tensor(10), torch.tensor(11))


@pytest.mark.parametrize(
    ("changes", "names", "given"),
    [
        ({}, BOXES, [0, 1, 2, 3]),
        ({"masks": True}, (*BOXES, "masks"), [0, 1, 2, 3, 4]),
        ({"suppressed": False}, ("boxes", "scores"), [10, 11]),
        ({"suppressed": False, "masks": True}, ("boxes", "scores"), [10, 11]),
    ],
    ids=["boxes", "masks", "all boxes", "all boxes of masks"],
)
def test_a_graph_gives_what_its_card_says(changes, names, given):
    card = replace(nano_card(), **changes)
    assert output_names(card) == names
    outputs = ExportedGraph(Naming(), card)(torch.zeros(1), torch.zeros(1))
    assert [int(one) for one in outputs] == given
