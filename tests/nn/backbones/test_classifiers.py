import pytest
import torch
from torchvision.models import resnet50, swin_t

from handful.errors import WeightsError
from handful.nn.backbones.classifiers import convert_classifier, swin_key


@pytest.fixture(scope="module")
def swin():
    with torch.device("meta"):
        return swin_t(weights=None).state_dict()


def authors_key(key: str) -> str:
    """Return the name that Swin's authors give an entry of torchvision's."""
    for ours, theirs in (
        ("features.0.0", "patch_embed.proj"),
        ("features.0.2", "patch_embed.norm"),
    ):
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    if not key.startswith("features."):
        return key
    _, stage, *rest = key.split(".")
    layer = (int(stage) - 1) // 2
    if int(stage) % 2 == 0:
        return ".".join(["layers", str(layer), "downsample", *rest])
    named = ".".join(rest).replace("mlp.0", "mlp.fc1").replace("mlp.3", "mlp.fc2")
    return f"layers.{layer}.blocks.{named}"


def test_the_authors_names_become_torchvisions(swin):
    assert {swin_key(authors_key(key)): key for key in swin} == {key: key for key in swin}


@pytest.mark.parametrize("named", [lambda key: key, authors_key], ids=["torchvision", "authors"])
def test_a_swin_is_read_without_its_constants(swin, named):
    state = {named(key): value for key, value in swin.items()}
    state["layers.0.blocks.1.attn_mask"] = torch.zeros(1)
    converted, trunk = convert_classifier(state)
    assert trunk == "swin_t"
    assert set(converted) == {key for key in swin if not key.endswith("_index")}


def test_a_resnet_of_before_counters_is_completed():
    with torch.device("meta"):
        whole = resnet50(weights=None).state_dict()
    old = {name: one for name, one in whole.items() if not name.endswith("num_batches_tracked")}
    converted, trunk = convert_classifier(old)
    assert (trunk, list(converted)) == ("resnet50", list(whole))
    del old["layer4.2.conv3.weight"]
    with pytest.raises(WeightsError, match="lacks an entry"):
        convert_classifier(old)
