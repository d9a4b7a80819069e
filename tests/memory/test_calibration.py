from dataclasses import replace

import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import WeightsError
from handful.memory import ClassMemory, embedders
from handful.memory.calibration import Blend, PrototypeCalibration, class_prototypes
from handful.memory.embedders import Embedder, LiteEmbedder, complete_resnet101
from handful.methods.defrcn.config import DeFRCNConfig
from handful.structures import Detections

RED, BLUE = (255, 0, 0), (0, 0, 255)


class MeanColour(Embedder):
    """Embeds a box by the mean of its pixels."""

    def __init__(self, gain=1.0):
        super().__init__((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.asked = []

    def forward(self, images, boxes):
        self.asked.append(len(boxes))
        cuts = [images[0, :, y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.long().tolist()]
        return self.gain * torch.stack([cut.mean((1, 2)) for cut in cuts])


def picture(left=RED, right=BLUE):
    image = Image.new("RGB", (20, 10), left)
    image.paste(right, (10, 0, 20, 10))
    return image


LEFT, RIGHT, WHOLE = (0, 0, 10, 10), (10, 0, 20, 10), (0, 0, 20, 10)


def support(*rows, path=None):
    """Rows of picture, box, label, crowd; every picture the same red and blue one."""
    count = max((row[0] for row in rows), default=0) + 1
    pictures = tuple(Picture(n, "p", 20, 10, path or picture()) for n in range(count))
    table = BoxTable.of(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        crowd=[row[3] for row in rows],
    )
    return Dataset("set", pictures, table, ("red", "blue", "green"))


@pytest.fixture
def embedder():
    return MeanColour()


@pytest.fixture
def memory(embedder):
    return class_prototypes(embedder, support((0, LEFT, 0, False), (1, RIGHT, 1, False)))


def detections(*rows, names=("red", "blue", "green")):
    return Detections(
        boxes=torch.tensor([row[0] for row in rows]).float(),
        scores=torch.tensor([row[1] for row in rows]),
        labels=torch.tensor([row[2] for row in rows]),
        image_size=(10, 20),
        class_names=names,
    )


def test_prototypes_are_means_by_class_and_crowds_and_absent_classes_have_none(embedder):
    rows = [(0, RIGHT, 1, False), (0, LEFT, 0, False), (1, WHOLE, 0, False), (1, WHOLE, 2, True)]
    memory = class_prototypes(embedder, support(*rows))
    assert memory.names == ("red", "blue")
    assert memory.owner.tolist() == [0, 0, 1]
    assert memory.prototypes().flatten(1).tolist() == [[0.75, 0, 0.25], [0, 0, 1]]


def test_a_picture_that_several_records_name_is_embedded_once(embedder, tmp_path):
    picture().save(tmp_path / "a.png")
    records = [(0, LEFT, 0, False), (1, RIGHT, 1, False), (2, WHOLE, 1, False)]
    memory = class_prototypes(embedder, support(*records, path=tmp_path / "a.png"))
    assert embedder.asked == [3] and memory.owner.tolist() == [0, 1, 1]


def test_no_box_gives_no_prototype(embedder):
    assert len(class_prototypes(embedder, support((0, LEFT, 0, True)))) == 0


def test_scores_are_mixed_with_the_cosine_to_the_predicted_class(embedder, memory):
    found = detections((LEFT, 0.8, 0), (LEFT, 0.6, 1), (WHOLE, 0.4, 0))
    calibrated = PrototypeCalibration(embedder, memory, Blend(alpha=0.25)).calibrate(
        found, picture()
    )
    cosines = [1, 0, 0.5**0.5]
    expected = [0.25 * s + 0.75 * c for s, c in zip((0.8, 0.6, 0.4), cosines, strict=True)]
    assert calibrated.scores.tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(calibrated.boxes, found.boxes)
    assert torch.equal(calibrated.labels, found.labels)
    assert found.scores.tolist() == pytest.approx([0.8, 0.6, 0.4])


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        ((LEFT, 0.05, 0), {}),
        ((LEFT, 0.7, 0), {"blend": Blend(upper=0.6)}),
        ((LEFT, 0.3, 2), {}),
        ((LEFT, 0.3, 0), {"excluded": frozenset({"red"})}),
    ],
    ids=["not above the band", "above the band", "no prototype", "excluded"],
)
def test_some_scores_are_left_alone(embedder, memory, row, settings):
    found = detections(row)
    asked = len(embedder.asked)
    calibration = PrototypeCalibration(embedder, memory, **settings)
    assert calibration.calibrate(found, picture()) is found
    assert len(embedder.asked) == asked


def test_the_upper_end_of_the_band_belongs_to_it(embedder, memory):
    calibration = PrototypeCalibration(embedder, memory, Blend(upper=0.5))
    assert calibration.calibrate(detections((LEFT, 0.5, 0)), picture()).scores.item() == 0.75


def test_classes_are_matched_by_name_not_by_number(embedder, memory):
    found = detections((RIGHT, 0.5, 0), names=("blue",))
    calibration = PrototypeCalibration(embedder, memory)
    assert calibration.calibrate(found, picture()).scores.item() == pytest.approx(0.75)


def test_settings_come_from_the_config():
    config = replace(DeFRCNConfig(), pcb_alpha=0.7, pcb_lower=0.3, pcb_upper=0.6)
    assert config.blend == Blend(0.7, 0.3, 0.6)


def test_prototypes_of_another_network_are_refused(embedder, memory):
    with pytest.raises(WeightsError, match="embedded by another network"):
        PrototypeCalibration(MeanColour(gain=2.0), memory)


def test_saved_prototypes_calibrate_alike(embedder, memory, tmp_path):
    memory.save(tmp_path / "prototypes.safetensors")
    read = ClassMemory.load(tmp_path / "prototypes.safetensors", model=embedder.fingerprint())
    found = detections((LEFT, 0.8, 0))
    ours, theirs = (
        PrototypeCalibration(embedder, one).calibrate(found, picture()) for one in (memory, read)
    )
    assert torch.equal(ours.scores, theirs.scores)


@pytest.fixture(scope="module")
def lite():
    return LiteEmbedder()


def test_the_lite_embedder_sees_the_box_and_nothing_else(lite):
    inside = (0, 0, 8, 10)
    ours = lite.embed(picture(), torch.tensor([inside, RIGHT]).float())
    other = lite.embed(picture(right=(0, 255, 0)), torch.tensor([inside]).float())
    assert ours.shape == (2, 1280)
    assert torch.allclose(ours[0], other[0], atol=1e-4)
    assert not torch.allclose(ours[0], ours[1], atol=1e-2)


def test_many_boxes_are_embedded_as_each_alone(lite, monkeypatch):
    boxes = torch.tensor([LEFT, WHOLE, RIGHT]).float()
    monkeypatch.setattr(embedders, "CROPS_AT_ONCE", 2)
    together = lite.embed(picture(), boxes)
    alone = torch.cat([lite.embed(picture(), box[None]) for box in boxes])
    assert torch.allclose(together, alone, atol=1e-3)
    assert lite.embed(picture(), torch.zeros(0, 4)).shape == (0, 1280)


def test_the_size_of_crops_makes_another_network(lite):
    assert LiteEmbedder(side=96).fingerprint() != lite.fingerprint()


def test_a_network_that_is_no_resnet101_is_refused():
    with pytest.raises(WeightsError, match="lacks an entry"):
        complete_resnet101({"conv1.weight": torch.zeros(64, 3, 7, 7)})
