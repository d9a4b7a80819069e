from __future__ import annotations

from handful.evaluate.mmdet import mmdet_figures


def case(hits: int, misses: int) -> tuple[dict, list[dict]]:
    """One picture with ``hits`` objects; ``misses`` stronger detections find nothing."""
    boxes = [[20.0 * n, 0.0, 10.0, 10.0] for n in range(hits)]
    truth = {
        "images": [{"id": 1, "width": 4000, "height": 100}],
        "categories": [{"id": 3, "name": "cup"}],
        "annotations": [
            {"id": n + 1, "image_id": 1, "category_id": 3, "bbox": box, "area": 100, "iscrowd": 0}
            for n, box in enumerate(boxes)
        ],
    }
    wrong = [[20.0 * n, 50.0, 10.0, 10.0] for n in range(misses)]
    results = [
        {"image_id": 1, "category_id": 3, "bbox": box, "score": score}
        for score, part in ((0.9, wrong), (0.5, boxes))
        for box in part
    ]
    return truth, results


def test_only_the_mean_is_blind_after_a_hundred_detections():
    figures = mmdet_figures(*case(hits=10, misses=100))
    assert figures["bbox_mAP"] == 0.0
    assert figures["bbox_mAP_50"] == figures["bbox_mAP_75"] == figures["bbox_mAP_s"] > 0.05
    assert figures["bbox_mAP_m"] == figures["bbox_mAP_l"] == -1.0


def test_figures_have_three_decimals():
    figures = mmdet_figures(*case(hits=3, misses=7))
    assert figures["bbox_mAP"] == figures["bbox_mAP_50"] == 0.3
    assert mmdet_figures(*case(hits=3, misses=4))["bbox_mAP"] == 0.429
