"""The parts of MS2A, each alone, against the original's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from golden.fill import fill
from golden_cases import GoldenCase, assert_near, file_params, whole_case
from ms2a_reference import KINDS, numbered_cases
from torch import Tensor

from handful.boxes.soft_nms import grouped_soft_nms, soft_nms
from handful.memory.kmeans import (
    Clusters,
    KMeansSettings,
    TensorRows,
    cluster_rows,
    nearest,
    similarity,
    updated,
)
from handful.methods.ms2a.adaptation import Adaptation, sine_positions
from handful.methods.ms2a.config import LossWeights, MS2AConfig
from handful.methods.ms2a.foreground import foreground_target
from handful.methods.ms2a.keys import PREFIXES, official_key
from handful.methods.ms2a.suppression import soft_surviving
from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.config import STRIDES
from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.suppression import best_classes
from handful.nn.dense_losses import dice_loss, varifocal_loss
from handful.nn.grid import grid_cells
from handful.nn.iou_losses import ciou_loss
from handful.nn.originals import WayBack, on_originals

pytestmark = pytest.mark.golden
FORWARD, GRADIENT, RELATIVE = 1e-4, 1e-3, 1e-4
PIXELS, SCORES = 1e-3, 1e-5
ZERO = 1e-3
"""A gradient this small beside the others is rounding: a key's bias shifts all scores alike."""

FFN_WIDTH = 32
SCALE = 0.5
"""Of the prepared over the original picture in the suppression cases."""

OUR_LEVEL, THEIR_LEVEL = (f"{start}0." for start in PREFIXES[0])


@pytest.mark.parametrize("file", file_params("ms2a", "adaptation", KINDS))
def test_adaptation(file: Path) -> None:
    for case in numbered_cases(file):
        network, names = _adaptation(case)
        modes = [mode for mode in ("eval", "train") if f"{mode}_out" in case]
        assert modes
        weights = [name.partition("_grad.")[2] for name in case.names(f"{modes[0]}_grad.")]
        # One array may stand for both modes: the original went on adding to its gradients.
        added = all(
            torch.equal(case[f"{modes[0]}_grad.{name}"], case[f"{mode}_grad.{name}"])
            for mode in modes
            for name in weights
        )
        for mode in modes:
            network.train(mode == "train")
            if not added:
                network.zero_grad()
            _check_adaptation(network, case, mode)
            if not added or mode == modes[-1]:
                gradients = {names[key]: one.grad for key, one in network.named_parameters()}
                theirs = {name: case[f"{mode}_grad.{name}"] for name in weights}
                largest = max(float(one.abs().max()) for one in theirs.values())
                for name, one in theirs.items():
                    assert_relative(gradients[name], one, name, floor=ZERO * largest)


def _adaptation(case: GoldenCase) -> tuple[Adaptation, dict[str, str]]:
    inputs, clusters, channels, heads, layers = case.numbers("cfg")
    network = Adaptation(
        inputs,
        clusters,
        channels=channels,
        heads=heads,
        hidden=FFN_WIDTH,
        layers=layers,
        window=tuple(case.numbers("wq")),
        key_windows=[tuple(window) for window in case.numbers("wk")],
        dropout=0.0,
    )
    state = network.state_dict()
    names = {key: official_key(OUR_LEVEL + key).removeprefix(THEIR_LEVEL) for key in state}
    shapes = {names[key]: list(value.shape) for key, value in state.items()}
    assert shapes == json.loads(case.number("keys"))
    network.load_state_dict(
        {
            key: torch.from_numpy(fill(f"rel{case.prefix}.{names[key]}", tuple(value.shape)))
            for key, value in state.items()
        }
    )
    return network, names


def _check_adaptation(network: Adaptation, case: GoldenCase, mode: str) -> None:
    inputs = {name: case[name].requires_grad_() for name in ("feature", "memory")}
    out = network(inputs["feature"], inputs["memory"])
    assert_near(out, case[f"{mode}_out"], rtol=FORWARD, atol=FORWARD, what=mode)
    (out * case["upstream"]).sum().backward()
    for name, value in inputs.items():
        assert value.grad is not None
        assert_relative(value.grad, case[f"{mode}_grad_{name}"], f"{mode} {name}")


def assert_relative(ours: Tensor, theirs: Tensor, what: str, *, floor: float = 0.0) -> None:
    """Compare gradients by their largest value, or by ``floor`` where they are zero in truth."""
    scale = max(float(theirs.abs().max()), floor)
    assert_near(ours, theirs, rtol=0, atol=GRADIENT * scale, what=what)


@pytest.mark.parametrize("file", file_params("ms2a", "adaptation", KINDS))
def test_position_encoding(file: Path) -> None:
    case = whole_case(file)
    shapes = case.names("posenc_shape_")
    assert shapes
    for name in shapes:
        height, width, channels = case.numbers(name)
        ours = sine_positions(height, width, channels, like=torch.zeros(1)).permute(1, 2, 0)
        assert_near(ours, case[name.replace("shape_", "")], rtol=FORWARD, atol=FORWARD)


@pytest.mark.parametrize("file", file_params("ms2a", "elementary_losses", KINDS))
def test_elementary_losses(file: Path) -> None:
    case, weights = whole_case(file), LossWeights()
    boxes, targets = case["pred_xyxy"], case["target_xyxy"]
    expected = torch.where(case["ciou_each"].isnan(), 0.0, case["ciou_each"])
    each = weights.boxes * ciou_loss(boxes, targets)
    assert_near(each, expected, rtol=RELATIVE, atol=1e-6, what="ciou_each")
    usable = ~case["ciou_each"].isnan()
    _check_loss(case, "ciou", boxes, lambda x: weights.boxes * ciou_loss(x, targets)[usable].sum())
    near = case["near_target"]
    _check_loss(
        case, "ciou_near", case["near_pred"], lambda x: weights.boxes * ciou_loss(x, near).sum()
    )
    _check_loss(case, "varifocal", case["vf_pred"], lambda x: varifocal_loss(x, case["vf_target"]))
    _check_loss(
        case,
        "dice",
        case["dice_pred"],
        lambda x: weights.foreground * dice_loss(x, case["dice_target"]),
    )
    _check_loss(
        case,
        "smooth_l1",
        case["l1_pred"],
        lambda x: torch.nn.functional.smooth_l1_loss(x, case["l1_target"], reduction="sum"),
    )


def _check_loss(case: GoldenCase, name: str, given: Tensor, loss) -> None:
    given = given.clone().requires_grad_()
    value = loss(given)
    assert_near(value, case[name], rtol=RELATIVE, atol=1e-6, what=name)
    value.backward()
    theirs = case[f"{name}_grad"]
    finite = theirs.isfinite()
    assert given.grad is not None
    scale = theirs[finite].abs().max().item()
    assert_near(
        given.grad[finite],
        theirs[finite],
        rtol=RELATIVE,
        atol=RELATIVE * scale,
        what=f"{name}_grad",
    )


@pytest.mark.parametrize("file", file_params("ms2a", "fg_target", KINDS))
def test_fg_target(file: Path) -> None:
    for case in numbered_cases(file):
        theirs = case["target"]
        boxes = [case[f"gt_{picture}"] for picture in range(len(theirs))]
        height, width = case.numbers("img_shape")
        rows, columns = case.numbers("fg_hw")
        assert torch.equal(foreground_target(boxes, (height, width), (rows, columns)), theirs)


@pytest.mark.parametrize("file", file_params("ms2a", "kmeans", KINDS))
def test_kmeans(file: Path) -> None:
    for case in numbered_cases(file):
        rows, start = case["x"], case["init"]
        assert_near(similarity(rows, start), case["sim"], rtol=1e-4, atol=1e-4)
        assert nearest(rows, start).tolist() == case.numbers("assign0")
        settings = KMeansSettings(clusters=len(start), batch=None)
        full = cluster_rows(TensorRows(rows), settings, start=start)
        assert_near(full, case["full_centroids"], rtol=0, atol=1e-4, what="full")
        assert nearest(rows, full).tolist() == case.numbers("full_labels")
        clusters = Clusters.start(start)
        for number, draw in enumerate(case["mini_draws"], 1):
            clusters, _ = updated(clusters, rows[draw])
            if (name := f"mini{number}_centroids") in case:
                assert_near(clusters.centroids, case[name], rtol=0, atol=1e-4, what=name)


@pytest.mark.parametrize("file", file_params("ms2a", "kmeans", KINDS))
def test_every_channel_of_every_picture_is_a_row(file: Path, tmp_path: Path) -> None:
    from handful.memory.feature_store import FeatureStore, StoreCard

    case = whole_case(file)
    pictures = case["layout_in"]
    shape = tuple(pictures.shape[1:])
    names = tuple(map(str, range(len(pictures))))
    store = FeatureStore(tmp_path, StoreCard("a model", (shape,), names))
    for number, maps in enumerate(pictures):
        store.write(number, [maps])
    rows = store.level(0)
    every = rows.rows(torch.arange(len(rows)).numpy())
    assert_near(every, case["layout_rows"], rtol=0, atol=0)
    back = case["layout_back"]
    assert_near(every[: len(back)].reshape(back.shape), back, rtol=0, atol=0)


@pytest.mark.parametrize("file", file_params("ms2a", "soft_nms", KINDS))
def test_soft_nms_of_boxes(file: Path) -> None:
    case = whole_case(file)
    numbers = [name.rpartition("_")[2] for name in case.names("soft_boxes_")]
    assert numbers
    for number in numbers:
        boxes, scores, labels = (
            case[f"soft_{name}_{number}"] for name in ("boxes", "scores", "labels")
        )
        results = {"": grouped_soft_nms(boxes, scores, labels)}
        for decay in ("linear", "gaussian", "naive"):
            results[f"{decay}_"] = soft_nms(boxes, scores, decay=decay)
        for name, (rows, points) in results.items():
            assert rows.tolist() == case.numbers(f"soft_{name}keep_{number}"), name
            theirs = case[f"soft_{name}out_{number}"]
            assert_near(points, theirs[:, 4], rtol=0, atol=SCORES, what=name)
            if name:
                assert_near(boxes[rows], theirs[:, :4], rtol=0, atol=PIXELS, what=name)


@pytest.mark.parametrize("file", file_params("ms2a", "soft_nms", KINDS))
def test_soft_nms_of_raw_predictions(file: Path) -> None:
    case, config = whole_case(file), MS2AConfig()
    height, width = case.numbers("hw")
    for number in range(len(case.numbers("kinds"))):
        maps = [torch.zeros(1, 1, height // stride, width // stride) for stride in STRIDES]
        outputs = DenseOutputs(
            case[f"cls_{number}"][None],
            case[f"reg_{number}"][None],
            case[f"obj_{number}"][None],
            *grid_cells(maps, STRIDES),
        )
        scores, labels = best_classes(outputs)
        found = soft_surviving(
            decoded_boxes(outputs.box_values, outputs.cells, outputs.strides),
            scores,
            labels,
            threshold=config.score_threshold,
            iou=config.nms_iou,
            least=config.least_score,
        )
        [ours] = on_originals(
            found,
            torch.tensor([[height, width]]),
            [(round(height / SCALE), round(width / SCALE))],
            class_names=(),
            way=WayBack(),
        )
        theirs = case[f"ms2a_soft_{number}"]
        assert ours.labels.tolist() == case.numbers(f"ms2a_soft_labels_{number}")
        assert_near(ours.boxes, theirs[:, :4], rtol=0, atol=PIXELS)
        assert_near(ours.scores, theirs[:, 4], rtol=0, atol=SCORES)
