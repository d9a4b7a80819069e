"""``defrcn-lite``: the same detector, small enough to learn on a CPU."""

from __future__ import annotations

from handful.methods.defrcn.config import DeFRCNConfig

LITE_CONFIG = DeFRCNConfig(
    trunk="efficientnet_lite0",
    freeze_at=2,
    channel_order="rgb",
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    anchor_sizes=((16.0, 32.0, 64.0, 128.0, 256.0),),
    rpn_channels=128,
    rpn_batch=128,
    proposals_before_nms=(1000, 1000),
    proposals_after_nms=(300, 300),
    roi_batch=48,
    roi_positive_part=0.33,
    train_short_sides=(320, 352, 384, 416),
    test_short_side=384,
    longest_side=640,
)
"""A trunk of 112 channels at stride 16; the two stages behind it look at each region.

The class names are the user's. Most of a step is spent behind the trunk, on a CPU: few regions
are sampled, and a third of them may show objects. Batch norms keep the statistics of ImageNet.
"""
