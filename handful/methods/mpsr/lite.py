"""``mpsr-lite``: the same detector, small enough to learn on a CPU."""

from __future__ import annotations

from handful.methods.mpsr.config import MPSRConfig

LITE_CONFIG = MPSRConfig(
    trunk="efficientnet_lite0",
    channel_order="rgb",
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    anchor_sizes=((16.0,), (32.0,), (64.0,), (128.0,), (256.0,)),
    rpn_batch=128,
    proposals_before_nms=(500, 500),
    proposals_after_nms=(300, 300),
    roi_batch=48,
    roi_positive_part=0.33,
    fpn_channels=64,
    dense_channels=256,
    objectness_channels=16,
    train_short_sides=(320, 352, 384, 416),
    test_short_side=384,
    longest_side=640,
    crops=(
        (16, 0, 0, 0),
        (32, 1, 0, 0),
        (64, 2, 0, 0),
        (128, 3, 0, 1),
        (256, 4, 0, 2),
        (384, 4, 1, 3),
    ),
    crop_border=1,
)
"""A trunk with a narrow pyramid, for pictures half as large: so are anchors and crops.

An object then fills four cells of its map instead of eight, of which the middle two are
learned from, as in the original. The class names are the user's.
"""
