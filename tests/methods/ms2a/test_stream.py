"""What MS2A learns from: two domains in one stream, each picture saying which it is of."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
import torch
from tiny_domains import SIDE, TINY, domain_pictures, tiny_network

from handful.data.staging import MultiScale
from handful.errors import DataError
from handful.methods.ms2a.domains import join_domains
from handful.methods.ms2a.stream import Exchange, adaptation_stream
from handful.methods.yolox.pictures import DenseAugmentation
from handful.recipes.settings import TrainSettings

BRIGHT, DARK = 200, 20
JOINED = join_domains(
    [domain_pictures(3, background=BRIGHT), domain_pictures(2, background=DARK)], [1, 3]
)
PLAIN = DenseAugmentation(mosaic=0.0, mixup=0.0, hue=0.0, saturation=0.0, value=0.0)
MIXED = DenseAugmentation(scale=(0.5, 2.0), mixup=0.0)


def stream(exchange: Exchange, **changes):
    settings = TrainSettings(steps=6, batch=4, closing=2, **changes)
    rule = tiny_network().input_rule()
    return adaptation_stream(JOINED, TINY, exchange, rule=rule, settings=settings)


def test_an_epoch_repeats_the_pictures_of_each_domain() -> None:
    assert JOINED.domains.tolist() == [0] * 3 + [1] * 6
    assert len(JOINED.dataset) == 9 and len(JOINED.only(1)) == 6
    assert JOINED.dataset.targets(8).labels.tolist() == [0, 1]


def test_hidden_parts_are_known_in_every_repetition() -> None:
    plain = domain_pictures(2, background=BRIGHT)
    seen = plain.table.boxes / 2
    crowd = replace(plain, table=replace(plain.table, visible=seen))
    visible = join_domains([plain, crowd], [1, 2]).dataset.table.visible
    assert visible is not None
    assert torch.equal(visible, torch.cat([plain.table.boxes, seen, seen]))


def test_domains_of_other_classes_are_refused() -> None:
    other = replace(domain_pictures(1, background=1), class_names=("bar", "disc"))
    with pytest.raises(DataError, match="disc, bar"):
        join_domains([domain_pictures(1, background=1), other], [1, 1])


def test_each_row_says_its_domain() -> None:
    seen = set()
    for batch in islice(stream(Exchange(PLAIN, copy_paste=None)).batches(), 4):
        assert batch.domains is not None
        # The corner of the picture is its background, whatever is drawn on it.
        for image, domain in zip(batch.images, batch.domains.tolist(), strict=True):
            assert image[:, 0, 0].tolist() == [[BRIGHT] * 3, [DARK] * 3][domain]
            seen.add(domain)
    assert seen == {0, 1}


def test_objects_cross_over_and_bring_what_is_around_them() -> None:
    exchange = Exchange(PLAIN)
    batches = list(islice(stream(exchange).batches(), 6))
    mixed = [
        {BRIGHT, DARK} <= set(image.unique().tolist())
        for batch in batches
        for image in batch.images
    ]
    assert any(mixed) and not all(mixed)


def test_pictures_are_of_the_input_size_and_the_closing_ones_marked() -> None:
    batches = list(islice(stream(Exchange(MIXED)).batches(), 6))
    assert [tuple(batch.images.shape) for batch in batches] == [(4, 3, SIDE, SIDE)] * 6
    assert [batch.closing for batch in batches] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("close_mosaic", [False, True])
def test_the_last_steps_go_on_combining_unless_asked(close_mosaic: bool) -> None:
    exchange = Exchange(MIXED, copy_paste=None, close_mosaic=close_mosaic)
    *_, last = islice(stream(exchange).batches(), 6)
    plain = [len(one) == 2 for one in last.targets]
    assert all(plain) == close_mosaic


def test_a_stream_is_a_function_of_the_step() -> None:
    exchange = Exchange(MIXED, scales=MultiScale(1, 3, every=1))
    whole = list(islice(stream(exchange).batches(), 6))
    for start in (1, 5):
        again = next(iter(stream(exchange).batches(start)))
        assert torch.equal(again.images, whole[start].images)
        assert again.domains is not None and whole[start].domains is not None
        assert torch.equal(again.domains, whole[start].domains)
    assert len({batch.images.shape for batch in whole}) > 1
