import pytest
import torch

from handful.errors import DataError
from handful.structures import ObjectCrops


def pictures(*counts: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(count, 3, 8, 8) for count in counts)


def test_crops_travel_to_a_device_with_their_labels() -> None:
    crops = ObjectCrops(pictures(2, 2), torch.tensor([1, 0])).to("meta")
    assert len(crops) == 2 and crops.labels.device.type == "meta"
    assert all(one.device.type == "meta" for one in crops.pictures)


def test_every_scale_shows_every_object() -> None:
    with pytest.raises(DataError, match=r"every scale.*got \[2, 1\]"):
        ObjectCrops(pictures(2, 1), torch.zeros(2))
