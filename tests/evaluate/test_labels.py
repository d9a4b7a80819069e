import pytest
import torch

from handful.errors import DataError
from handful.evaluate.labels import relabel
from handful.structures import Detections


def found(labels, names):
    count = len(labels)
    boxes = torch.arange(4.0 * count).reshape(-1, 4)
    return Detections(boxes, torch.ones(count), torch.tensor(labels).long(), (9, 9), names)


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ([0, 1, 1], ("b", "a"), [1, 0, 0]),
        ([0, 2], ("a", "x", "c"), [0, 2]),
        ([2, 0], (), [2, 0]),
        ([], ("x",), []),
    ],
)
def test_labels_follow_the_names(labels, names, expected):
    result = relabel(found(labels, names), ("a", "b", "c"))
    assert result.labels.tolist() == expected
    assert result.class_names == ("a", "b", "c")


def test_unknown_classes_are_refused_or_dropped():
    detections = found([0, 1, 0], ("colla", "tea"))
    with pytest.raises(DataError, match="'colla'.*Did you mean 'cola'"):
        relabel(detections, ("cola", "tea"))
    kept = relabel(detections, ("cola", "tea"), drop_unknown=True)
    assert kept.labels.tolist() == [1]
    assert kept.boxes.tolist() == [[4, 5, 6, 7]]
