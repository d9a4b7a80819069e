"""What the OS2D reference files share: their kinds, stand-in weights and the tiny data set."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy
import torch
from golden.fill import fill, image
from golden_cases import HERE, case_params, files_of
from PIL import Image
from torch import Tensor, nn

from handful.methods.os2d import OS2D, OS2DConfig, area_size
from handful.methods.os2d.config import V1, V2
from handful.methods.os2d.training import OptimizerConfig
from handful.methods.os2d.weights import (
    CLASS_TRUNK,
    REGRESSOR,
    TRUNK,
    convert_os2d_state,
    official_key,
)
from handful.structures import Targets

KINDS = (
    "anchors",
    "ap",
    "box_code",
    "config_defaults",
    "crop",
    "cut_anchor",
    "decode_pyramid",
    "evaluate",
    "head",
    "imagenet_repmet_test_synsets",
    "keys",
    "model",
    "nms",
    "objective",
    "resample",
    "sizes",
    "targets",
    "train_step",
    "transform",
)
LATER = {
    "coae_boxes": "the CoAE baseline comes later",
    "coae_model": "the CoAE baseline comes later",
    "coae_parts": "the CoAE baseline comes later",
    "coae_query": "the CoAE baseline comes later",
    "coae_ranking": "the CoAE baseline comes later",
    "mining": "hard-patch mining comes later",
}
ALL_KINDS = (*KINDS, *LATER)


def os2d_cases(kind: str) -> list[Any]:
    """Return a pytest parameter for every case of ``kind``."""
    return case_params("os2d", kind, ALL_KINDS)


def key_tables() -> dict[str, dict[str, list[int]]]:
    """Return official key -> shape of every network the keys files name."""
    files = files_of("os2d", "keys", ALL_KINDS) or [HERE / "os2d" / "keys.json"]
    tables: dict[str, Any] = {}
    for file in files:
        tables |= json.loads(file.read_text(encoding="utf-8"))
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def config_named(name: str) -> OS2DConfig:
    """Return the network meant by a name such as ``gn_v1_resnet50`` or ``V2 ResNet50, …``."""
    words = name.lower()
    base = V1 if "v1" in words else V2
    depth = re.search(r"resnet(\d+)", words)
    norm = "_groupnorm" if re.search(r"\bgn\b|gn_|group", words) else ""
    return replace(base, trunk=f"resnet{depth[1] if depth else 50}{norm}")


def stand_in_regressor(state: dict[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Return official transform-net entries with the README's rule 3 applied."""
    out = dict(state)
    out[f"{prefix}conv.0.weight"] = state[f"{prefix}conv.0.weight"] * 16
    out[f"{prefix}linear.weight"] = state[f"{prefix}linear.weight"] * 0.5
    bias = state[f"{prefix}linear.bias"].clone()
    bias[[0, 4] if len(bias) == 6 else [0, 2]] += 1
    out[f"{prefix}linear.bias"] = bias
    return out


def stand_in_state(config: OS2DConfig) -> dict[str, Tensor]:
    """Return an official state dict filled by the README's rules 1 to 3."""
    with torch.device("meta"):
        shapes = {
            official_key(key): tuple(value.shape)
            for key, value in OS2D(config).state_dict().items()
        }
    state = {}
    for key, shape in shapes.items():
        value = torch.from_numpy(fill(key, shape))
        if key.startswith(TRUNK):
            if value.ndim == 4:
                value = value * 2**0.5
            if key.endswith(("bn1.weight", "bn2.weight")):
                value = value * 2
            state[CLASS_TRUNK + key.removeprefix(TRUNK)] = value
        state[key] = value
    return stand_in_regressor(state, REGRESSOR)


def stand_in_network(config: OS2DConfig) -> OS2D:
    """Return the network ``config`` with stand-in weights, read as an official checkpoint."""
    variant = "v1" if config.transform == "simplified" else "v2"
    converted, found = convert_os2d_state(stand_in_state(config), variant)
    assert found == config
    network = OS2D(found)
    network.load_state_dict(converted, strict=True)
    return network.eval()


def fill_regressor(transform_net: nn.Module) -> None:
    """Give a transform net alone the stand-in weights of rule 3."""
    names = {key: official_key(f"head.transform_net.{key}") for key in transform_net.state_dict()}
    official = {
        names[key]: torch.from_numpy(fill(names[key], tuple(value.shape)))
        for key, value in transform_net.state_dict().items()
    }
    official = stand_in_regressor(official, REGRESSOR)
    transform_net.load_state_dict({key: official[name] for key, name in names.items()})


def picture(name: str, height: int, width: int) -> Image.Image:
    """Return the deterministic test picture ``name``."""
    return Image.fromarray(numpy.asarray(image(str(name), int(height), int(width))))


TINY_CLASSES = {
    1: ("os2d_obj_1", 120, 120),
    4: ("os2d_obj_4", 90, 160),
    6: ("os2d_obj_6", 150, 100),
}
"""Class id -> picture name, height, width."""

TINY_SCENES = {
    10: ((1, 40, 50, 120, 120, 0), (4, 190, 150, 160, 90, 0), (1, 230, 10, 110, 110, 1)),
    11: ((6, 60, 80, 100, 150, 0), (6, 220, 120, 110, 165, 0)),
    12: ((4, 100, 30, 180, 100, 0), (1, 30, 170, 130, 130, 0), (6, 250, 150, 90, 135, 0)),
}
"""Scene id -> class, x, y, width, height, difficult of what is pasted on it."""

TINY_HEIGHT, TINY_WIDTH, TINY_SIDE = 320, 384, 640


def tiny_class_picture(class_id: int, side: int) -> Image.Image:
    """Return a class picture of the tiny data set, resized to the area ``side``²."""
    exemplar = picture(*TINY_CLASSES[class_id])
    height, width = area_size((exemplar.height, exemplar.width), side)
    return exemplar.resize((width, height), Image.Resampling.BILINEAR)


def tiny_scene(scene_id: int) -> tuple[Image.Image, Targets]:
    """Return a scene of the tiny data set, as its loader resizes it; labels are class ids."""
    scene = picture(f"os2d_bg_{scene_id}", TINY_HEIGHT, TINY_WIDTH)
    objects = TINY_SCENES[scene_id]
    for class_id, x, y, width, height, _ in objects:
        exemplar = picture(*TINY_CLASSES[class_id])
        scene.paste(exemplar.resize((width, height), Image.Resampling.BILINEAR), (x, y))
    size = area_size((TINY_HEIGHT, TINY_WIDTH), TINY_SIDE)
    ratio = torch.tensor([size[1] / TINY_WIDTH, size[0] / TINY_HEIGHT] * 2)
    targets = Targets.of(
        torch.tensor([[x, y, x + w, y + h] for _, x, y, w, h, _ in objects]) * ratio,
        torch.tensor([row[0] for row in objects]),
        size,
        difficult=torch.tensor([row[5] for row in objects]),
    )
    return scene.resize((size[1], size[0]), Image.Resampling.LANCZOS), targets


def descend(model: nn.Module, loss: Tensor, settings: OptimizerConfig) -> Tensor:
    """Make one step of the original's optimizer; return the gradient's norm before clipping."""
    optimizer = settings.build(model)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
    optimizer.step()
    return norm
