"""Our names of weights and the original's (mmdet 2.x): either to the other, by rule."""

from __future__ import annotations

import re

from handful.errors import WeightsError

SKIPPED = re.compile(
    r".*\.(num_batches_tracked|relative_position_index)|bbox_head\.sizes_of_interest"
)
"""Entries of the original that nothing is computed from, or that the network knows by itself."""

_NECK = (
    (r"neck\.lateral\.(\d)", "neck.lateral_convs.{}.conv"),
    (r"neck\.output\.(\d)", "neck.fpn_convs.{}.conv"),
    (r"neck\.coarser\.layers\.0", "neck.fpn_convs.3.conv"),
    (r"neck\.coarser\.layers\.1", "neck.fpn_convs.4.conv"),
)
_TOWERS = tuple(
    (rf"head\.{ours}\.(\d)\.{number}", f"bbox_head.{theirs}.{{}}.{layer}")
    for ours, theirs in (
        ("class_tower", "cls_convs"),
        ("box_tower", "reg_convs"),
        ("quality_tower", "centerness_convs"),
    )
    for number, layer in enumerate(("conv", "gn"))
)
_HEAD = (
    (r"head\.classes", "bbox_head.conv_cls"),
    (r"head\.distances", "bbox_head.conv_reg"),
    (r"head\.scales\.(\d)", "bbox_head.scales.{}.scale"),
    (r"head\.masks\.controller", "bbox_head.controller"),
    (r"head\.masks\.branch\.refine", "bbox_head.refine"),
    (r"head\.masks\.branch\.tower", "bbox_head.mask_tower"),
    (r"head\.masks\.semantic\.layers", "bbox_head.seg_head"),
    (r"head\.masks\.semantic\.output", "bbox_head.seg_out"),
)
_SWIN = (
    (r"trunk\.features\.0\.0", "backbone.patch_embed.projection"),
    (r"trunk\.features\.0\.2", "backbone.patch_embed.norm"),
    (r"trunk\.norms\.(\d)", "backbone.norm{}"),
)
_BLOCK = re.compile(r"trunk\.features\.(\d)\.(\d)\.(norm\d|attn|mlp\.\d)(\..+)")
_MERGING = re.compile(r"trunk\.features\.(\d)\.(norm|reduction)(\..+)")
_BLOCK_PARTS = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attn": "attn.w_msa",
    "mlp.0": "ffn.layers.0.0",
    "mlp.3": "ffn.layers.1",
}
_QUALITY = {False: "bbox_head.conv_centerness", True: "bbox_head.conv_quality"}


def official_key(key: str, *, masks: bool = False) -> str:
    """Return the name that the original gives an entry of our state dict or a parameter.

    masks: whether the network finds masks. Raises ``WeightsError`` for names that the original
    has no counterpart of.
    """
    quality = (r"head\.quality", _QUALITY[masks])
    for ours, theirs in (*_NECK, *_TOWERS, *_HEAD, quality, *_SWIN):
        match = re.match(rf"{ours}(?=\.|$)", key)
        if match:
            return theirs.format(*match.groups()) + key[match.end() :]
    if match := _BLOCK.fullmatch(key):
        stage, block, part, rest = match.groups()
        return f"backbone.stages.{int(stage) // 2}.blocks.{block}.{_BLOCK_PARTS[part]}{rest}"
    if match := _MERGING.fullmatch(key):
        stage, part, rest = match.groups()
        return f"backbone.stages.{int(stage) // 2 - 1}.downsample.{part}{rest}"
    if key.startswith("trunk."):
        return "backbone." + key.removeprefix("trunk.")
    raise WeightsError("no counterpart in the original of an entry", field=key)


def is_merging(key: str) -> bool:
    """Return whether our entry ``key`` sees four patches of Swin merged into one."""
    return _MERGING.fullmatch(key) is not None
