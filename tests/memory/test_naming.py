from dataclasses import replace

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import WeightsError
from handful.memory.calibration import Blend
from handful.memory.embedders import DetailEmbedder, PartsEmbedder
from handful.memory.lookalikes import mark_lookalikes, propose_on
from handful.memory.naming import ExampleNaming, example_memory
from handful.structures import Detections

NAMES = ("disc", "bar")
LEFT, RIGHT, BELOW = (4, 4, 34, 34), (50, 8, 90, 28), (10, 50, 40, 80)
GREYS = ((60, 60, 90, 90), (60, 40, 90, 58))


class Colour(PartsEmbedder):
    """Embeds a box by the colours of its middle, in two parts."""

    parts = (3, 3)

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.mean, self.std, self.side = (0.0,) * 3, (1.0,) * 3, 8
        self.gain = torch.nn.Parameter(torch.ones(()))
        self._fingerprint = None

    def seen(self, pictures):
        colour = self.gain * pictures[:, :, 3:5, 3:5].mean((2, 3))
        return torch.cat([colour, colour.flip(1)], 1)


@pytest.fixture(scope="module")
def embedder():
    return Colour()


def picture():
    """Red at LEFT and BELOW, blue at RIGHT, on grey."""
    image = Image.new("RGB", (96, 96), (128, 128, 128))
    paint = ((LEFT, (255, 0, 0)), (BELOW, (250, 10, 0)), (RIGHT, (0, 0, 255)))
    for box, colour in (*paint, (GREYS[0], (100, 110, 120))):
        image.paste(colour, box)
    return image


def support(**changes):
    table = BoxTable.of([0, 0], [LEFT, RIGHT], [0, 1])
    return replace(Dataset("few", (Picture(1, "p", 96, 96, picture()),), table, NAMES), **changes)


def found(*rows):
    return Detections(
        torch.tensor([row[0] for row in rows], dtype=torch.float32),
        torch.tensor([row[1] for row in rows]),
        torch.tensor([row[2] for row in rows]),
        (96, 96),
        NAMES,
    )


def naming(embedder, **blend):
    return ExampleNaming(embedder, example_memory(embedder, support()), Blend(**blend))


def test_every_box_gives_four_views_of_its_class(embedder):
    memory = example_memory(embedder, support())
    assert memory.names == NAMES and memory.owner.tolist() == [0] * 4 + [1] * 4


def test_scores_rise_where_the_examples_agree_and_fall_where_not(embedder):
    rows = found((BELOW, 0.5, 0), (BELOW, 0.5, 1), (LEFT, 0.001, 0))
    new = naming(embedder, lower=0.01).calibrate(rows, picture()).scores.tolist()
    assert new[0] > 0.6 and new[1] < 0.4 and new[2] == pytest.approx(0.001)


def test_naming_anew_scores_every_box_for_every_class(embedder):
    new = naming(embedder, alpha=0.0, lower=0.0, rename=True).calibrate(
        found((BELOW, 0.1, 1), (RIGHT, 0.9, 1)), picture()
    )
    assert new.labels.tolist() == [0, 1, 0, 1]
    assert torch.equal(new.boxes[0], new.boxes[1])
    assert new.scores[0] > 0.8 > 0.2 > new.scores[1] and new.scores[3] > 0.8 > 0.2 > new.scores[2]


def test_classes_compete_for_a_box_and_an_object_is_found_once(embedder):
    touching = tuple(side + 1 for side in BELOW)
    rows = found((BELOW, 0.5, 1), (touching, 0.3, 0), (RIGHT, 0.9, 1), (LEFT, 0.001, 0))
    new = naming(embedder, alpha=0.3, lower=0.01, contested=True).calibrate(rows, picture())
    first, second, third = (
        {
            label: score
            for box, label, score in zip(
                new.boxes.tolist(), new.labels.tolist(), new.scores.tolist(), strict=True
            )
            if box == list(wanted)
        }
        for wanted in (BELOW, touching, RIGHT)
    )
    assert first[0] > 0.5 and first[0] > first.get(1, 0.0) and not second
    assert third[1] > 0.5
    assert new.boxes[0].tolist() == list(LEFT) and new.scores[0] == pytest.approx(0.001)


def test_classes_that_are_not_remembered_are_left_alone(embedder):
    memory = example_memory(embedder, support())
    detections = replace(found((LEFT, 0.5, 0)), class_names=("person", "disc", "bar"))
    assert ExampleNaming(embedder, memory).calibrate(detections, picture()) is detections
    mixed = replace(found((LEFT, 0.5, 0), (LEFT, 0.5, 2)), class_names=detections.class_names)
    contested = ExampleNaming(embedder, memory, Blend(contested=True)).calibrate(mixed, picture())
    assert contested.labels[0] == 0 and contested.scores[0] == 0.5
    assert 1 in contested.labels.tolist()
    anew = ExampleNaming(embedder, memory, Blend(0.0, 0.0, rename=True))
    assert anew.calibrate(detections, picture()).labels.tolist() == [1, 2]


def test_examples_of_another_network_are_refused(embedder):
    memory = replace(example_memory(embedder, support()), model="other")
    with pytest.raises(WeightsError, match="another network"):
        ExampleNaming(embedder, memory)


def test_unlabelled_lookalikes_are_marked_difficult(embedder):
    # What is compared is what differs from the mean proposal: here grey of several shades.
    proposals = torch.tensor([LEFT, BELOW, *GREYS], dtype=torch.float32)
    shown = support()
    proposed = propose_on(shown, lambda image: proposals)
    assert proposed.covered == 0.5
    memory = example_memory(embedder, shown)
    marked = mark_lookalikes(shown, proposed, memory, embedder, least=0.9)
    assert marked.table.difficult.tolist() == [False, False, True]
    assert marked.table.boxes[2].tolist() == list(BELOW) and marked.table.labels[2] == 0
    assert len(set(marked.table.ids.tolist())) == 3
    nothing = propose_on(shown, lambda image: torch.zeros(0, 4))
    assert nothing.covered == 0.0
    assert mark_lookalikes(shown, nothing, memory, embedder, least=0.35) is shown


@pytest.mark.integration
def test_the_shipped_embedder_sees_more_than_one_look_and_keeps_parts():
    embedder = DetailEmbedder()
    boxes = torch.tensor([LEFT, RIGHT], dtype=torch.float32)
    seen = embedder.embed(picture(), boxes)
    turned = embedder.embed_turned(picture(), boxes)
    assert seen.shape == (2, sum(embedder.parts)) and turned.shape == (2, 4, sum(embedder.parts))
    assert torch.allclose(turned[:, 0], seen, atol=1e-4)
    assert not torch.allclose(turned[1, 1], turned[1, 0], atol=1e-2)


def test_examples_look_like_themselves(embedder):
    scores = naming(embedder, rename=True).example_likeness()
    assert set(scores) == set(NAMES) and all(len(one) == 4 for one in scores.values())
    assert min(min(one) for one in scores.values()) > 0.9
