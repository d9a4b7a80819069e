from __future__ import annotations

from itertools import islice

import torch
from drawn_set import drawn_set

from handful.data.staging import MultiScale
from handful.data.transforms import InputRule
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.pictures import published_augmentation
from handful.methods.yolox.stream import learning_stream
from handful.recipes.settings import TrainSettings

CONFIG = YOLOXConfig(class_names=("cup", "key", "pen"), size="nano", input_size=(64, 64))
SETTINGS = TrainSettings(steps=6, batch=2, closing=2, seed=4)
SCALES = MultiScale(low=1, high=1, every=3)


def batches(*, start: int, count: int, closing: int = 2):
    stream = learning_stream(
        drawn_set([(picture, picture % 3) for picture in range(5)]),
        CONFIG,
        rule=InputRule("bgr", divisor=32, fill=114),
        augmentation=published_augmentation(CONFIG),
        scales=SCALES if closing else None,
        settings=TrainSettings(**{**vars(SETTINGS), "closing": closing}),
    )
    return list(islice(stream.batches(start), count))


def test_sizes_and_the_closing_steps_follow_the_settings_and_can_be_resumed():
    whole = batches(start=0, count=6)
    assert [batch.closing for batch in whole] == [False] * 4 + [True] * 2
    assert [tuple(batch.images.shape) for batch in whole] == [
        (2, 3, side, side) for side in (64, 64, 64, 32, 32, 32)
    ]
    for ours, theirs in zip(batches(start=3, count=3), whole[3:], strict=True):
        assert ours.pictures == theirs.pictures and torch.equal(ours.images, theirs.images)


def test_without_closing_steps_and_scales_pictures_are_mixed_at_one_size():
    found = batches(start=5, count=2, closing=0)
    assert not any(batch.closing for batch in found)
    assert all(batch.images.shape[-2:] == (64, 64) for batch in found)
