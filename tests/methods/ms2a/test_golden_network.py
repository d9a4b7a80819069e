"""The whole MS2A network, from pictures to detections, and its names, against the original's."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from golden.fill import image
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from ms2a_reference import KINDS, shapes_for, shapes_in, stand_in
from torch import Tensor

from handful.methods.ms2a.keys import official_key
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.weights import convert_ms2a_state
from handful.structures import Detections

pytestmark = pytest.mark.golden
FEATURES, PIXELS, SCORES, NEAR_TIES = 1e-3, 0.05, 1e-3, 3


def marked(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that take no memory, each of one number of its own."""
    return {
        name: torch.full((), float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes.items())
    }


@pytest.mark.parametrize("file", file_params("ms2a", "keys", KINDS))
def test_an_official_state_is_ours_entry_by_entry(file: Path) -> None:
    shapes = shapes_in(file)
    official = marked(shapes)
    averaged = {f"ema_{name.replace('.', '_')}": value for name, value in official.items()}
    state, config = convert_ms2a_state({**official, **averaged})
    assert config.clusters == shapes["bbox_head.clus_0.feats1"][0]
    assert config.class_count == shapes["bbox_head.multi_level_conv_cls.0.weight"][0]
    with torch.device("meta"):
        expected = {name: value.shape for name, value in MS2A(config).state_dict().items()}
    assert {name: value.shape for name, value in state.items()} == expected
    back = {official_key(name): float(value.flatten()[0]) for name, value in state.items()}
    assert back == {name: float(value.flatten()[0]) for name, value in official.items()}


@pytest.mark.parametrize("file", file_params("ms2a", "forward", KINDS))
def test_forward(file: Path) -> None:
    case = whole_case(file)
    network = _network(case)
    images, domains = _pictures(case), case["env_id"].long()
    sizes = torch.tensor([images.shape[-2:]] * len(images))
    with torch.no_grad():
        maps = network.backbone(images)
        necks = network.neck(maps)
        adapted = network.adapted(necks, domains)
        outputs = network(images, sizes, domains)
    assert_close(maps[-1][:, ::80], case["c5"], "c5")
    assert_close(outputs.foreground, case["fg_logits"], "foreground")
    for level, (neck, changed) in enumerate(zip(necks, adapted, strict=True)):
        assert_close(neck[:, ::40, ::2, ::2], case[f"p{level + 3}"], f"p{level + 3}")
        assert_close(changed[:, ::40, ::2, ::2], case[f"adapted{level}"], f"adapted{level}")
    raw = {
        "cls": outputs.class_logits,
        "reg": outputs.box_values,
        "obj": outputs.objectness[..., None],
    }
    for name, table in raw.items():
        levels = [case[f"{name}{level}"] for level in range(len(necks))]
        theirs = torch.cat([one.flatten(2).transpose(1, 2) for one in levels], dim=1)
        assert_close(table, theirs, name)
    originals = [tuple(size) for size in sizes.tolist()]
    found = network.predict(outputs, sizes, originals=originals)
    for picture, detections in enumerate(found):
        assert_same_detections(detections, case, picture)


def _network(case: GoldenCase) -> MS2A:
    shapes = shapes_for(case["cls0"].shape[1])
    gain = case.number("bn_gain")
    state, config = convert_ms2a_state(
        {key: stand_in(key, shape, gain) for key, shape in shapes.items()}
    )
    with torch.device("meta"):
        network = MS2A(config)
    network.load_state_dict(state, assign=True)
    return network.eval()


def _pictures(case: GoldenCase) -> Tensor:
    height, width = case.numbers("hw")
    pictures = [image(name, height, width)[:, :, ::-1] for name in case.numbers("image_names")]
    stacked = torch.from_numpy(numpy.ascontiguousarray(numpy.stack(pictures)))
    return stacked.permute(0, 3, 1, 2).float()


def assert_close(ours: Tensor, theirs: Tensor, what: str) -> None:
    assert_near(ours, theirs, rtol=0, atol=FEATURES * theirs.abs().max().item(), what=what)


def assert_same_detections(ours: Detections, case: GoldenCase, picture: int) -> None:
    """Fail unless each of the file's detections is one of ours, and counts are near."""
    rows, labels = case[f"det_{picture}"], case[f"det_labels_{picture}"]
    assert abs(len(ours) - case.number(f"det_count_{picture}")) <= NEAR_TIES
    near = (
        (ours.labels[:, None] == labels)
        & ((ours.scores[:, None] - rows[:, 4]).abs() <= SCORES)
        & ((ours.boxes[:, None] - rows[:, :4]).abs().amax(dim=2) <= PIXELS)
    )
    assert near.any(dim=0).all()
    first = ours.scores[: len(rows)]
    assert_near(first, rows[:, 4], rtol=0, atol=SCORES, what="order of scores")
