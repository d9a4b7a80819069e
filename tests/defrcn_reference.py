"""What the DeFRCN reference files share: their kinds, stand-in weights and pictures."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy
import torch
from golden.fill import fill, image
from golden_cases import GoldenCase, whole_case
from torch import Tensor

from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import official_key
from handful.methods.defrcn.model import DeFRCN

KINDS = (
    "box_coding",
    "coco_eval",
    "coco_loader",
    "data_mapper",
    "gdl",
    "keys",
    "keys_pcb_resnet101",
    "lr_schedule",
    "msra_r101_mapping",
    "net",
    "optimizer_groups",
    "pcb",
    "recipes",
    "roi_align",
    "roi_inference",
    "roi_sampling_losses",
    "rpn_proposals",
    "rpn_targets_losses",
    "seed_statistics",
    "surgery",
    "tfa_cosine_head",
    "tfa_make_splits",
    "train",
    "voc_eval",
    "voc_loader",
)

OFFSETS_AND_SCALES = {
    "affine_rpn.weight": (1, 8),
    "affine_rcnn.weight": (1, 8),
    "affine_rpn.bias": (0, 8),
    "affine_rcnn.bias": (0, 8),
    "proposal_generator.rpn_head.anchor_deltas.weight": (0, 0.5),
    "roi_heads.box_predictor.cls_score.weight": (0, 5),
    "roi_heads.box_predictor.bbox_pred.weight": (0, 2),
}
"""Official entries that are not filled plainly: offset + scale * fill."""

FEW_SHOT_SCALES = {"voc": 0.001, "coco": 0.01}


def config_named(name: str) -> DeFRCNConfig:
    """Return the network meant by a file name such as ``train_voc5_fsod``."""
    found = re.search(r"_(voc|coco)(\d+)(?:.*_(g?fsod))?", name)
    assert found is not None, name
    family, count, setting = found[1], int(found[2]), found[3]
    config = DeFRCNConfig(class_names=tuple(f"class {number}" for number in range(count)))
    if setting is None:
        return config
    return replace(config, roi_scale=FEW_SHOT_SCALES[family], freeze_head=True)


def stand_in(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return the stand-in for the official entry ``key``."""
    offset, scale = OFFSETS_AND_SCALES.get(key, (0, 1))
    return torch.from_numpy(fill(key, shape)) * scale + offset


def stand_in_network(config: DeFRCNConfig) -> DeFRCN:
    """Return the network ``config`` with stand-in weights, in evaluation mode."""
    network = DeFRCN(config)
    state = network.state_dict()
    filled = {key: stand_in(official_key(key), tuple(state[key].shape)) for key in state}
    network.load_state_dict(filled, strict=True)
    return network.eval()


def prepared_pictures(case: GoldenCase) -> tuple[Tensor, Tensor]:
    """Return the prepared pictures ``[B, 3, H, W]`` of a case and their sizes ``[B, 2]``."""
    config = DeFRCNConfig()
    names, sizes = case.numbers("image_names"), case.numbers("image_sizes")
    batch = torch.zeros(len(names), 3, *(max(side) for side in zip(*sizes, strict=True)))
    for row, (name, (height, width)) in enumerate(zip(names, sizes, strict=True)):
        rgb = image(name, height, width)
        if "image_crc32" in case:
            assert zlib.crc32(rgb.tobytes()) == case.numbers("image_crc32")[row]
        bgr = torch.from_numpy(numpy.ascontiguousarray(rgb[:, :, ::-1])).permute(2, 0, 1)
        mean = torch.tensor(config.mean)[:, None, None]
        batch[row, :, :height, :width] = bgr.float() - mean
    return batch, torch.tensor(sizes)


def named_cases(file: Path) -> list[GoldenCase]:
    """Return the cases that a file lists by name, each with what is its own."""
    whole = whole_case(file)
    prefixes = tuple(f"{name}_" for name in whole.numbers("cases"))
    return [
        GoldenCase(
            whole.file,
            name,
            {
                key.removeprefix(f"{name}_"): value
                for key, value in whole.arrays.items()
                if key.startswith(f"{name}_") or not key.startswith(prefixes)
            },
        )
        for name in whole.numbers("cases")
    ]
