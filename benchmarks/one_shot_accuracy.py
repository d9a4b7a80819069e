"""How well one example finds the others: os2d-lite beside the same trunk without its transform.

    python benchmarks/one_shot_accuracy.py                          # the drawn test scenes
    python benchmarks/one_shot_accuracy.py --episodes FOLDER --sets cards bccd --seeds 0 1 2

Episodes are FOLDER/SET/1shot-seedS/{support,query}.json in COCO's format. Results go to
``benchmarks/one_shot_accuracy.json``, where rows measured before stay, and to the table in
``benchmarks/one_shot_accuracy.md``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

from handful import api
from handful.api.models import load_oneshot
from handful.data.synthetic import NOVEL_TEST, draw_shelves
from handful.evaluate.oneshot import oneshot_metrics
from handful.files import write_json, write_text
from handful.methods.os2d import OS2D
from handful.methods.os2d.lite import LITE
from handful.predict.oneshot import OneShotDetector
from handful.predict.search import rival_scores

HERE = Path(__file__).parent
SHELF_SCALES = (0.75, 1.06, 1.5, 2.1)
"""The smallest objects there are a twelfth of the picture; so the median fills the template."""

RIVALRIES = (0.0, 0.5, 4.0)
"""OS2D's own rule, os2d-lite's default, and what suits shelves full of look-alikes."""

KINDS = ("lite", "identity", "trunk")

HEAD = """# One example, every instance: AP50

Made by `benchmarks/one_shot_accuracy.py`. "Identity" is the same model with its transform net
replaced by the identity; "trunk" has nothing learned by us: ImageNet features, no projection,
the identity. Gain: over the identity. Drawn test scenes: OS2D's mAP at IoU 0.5, 36 look-alike
classes never trained on; "rivalry" is what a box loses to a stronger one of another class at its
place, times what it lacks (0: OS2D's own rule). Episodes: COCO's AP50 with the model's own
settings (rivalry 0.5), every class searched on every picture.

"""


def detector_of(kind: str, model: str) -> OneShotDetector:
    """Return the model, the same without its transform, or its trunk with nothing learned."""
    if kind == "trunk":
        config = replace(LITE, projection=None)
        return OneShotDetector(OS2D(config, pretrained_trunk=True))
    detector = load_oneshot(model)
    if kind == "identity":
        detector.model.head.transform_net.predict_identity()
    return detector


def measure_shelves(detector: OneShotDetector) -> dict[str, dict[str, float]]:
    """Return a row of figures for each of ``RIVALRIES``, from one search of the test scenes."""
    scenes = draw_shelves(NOVEL_TEST, polygons=False)
    detector.settings = replace(
        detector.settings,
        scales=SHELF_SCALES,
        score=-math.inf,
        rivalry=0.0,
        max_detections=None,
        max_per_class=100,
    )
    detector.remember({example.name: example for example in scenes.examples})
    found = [detector.detect(picture.read()) for picture in scenes.pictures]
    targets = [scenes.targets(index) for index in range(len(scenes))]
    rows = {}
    for rivalry in RIVALRIES:
        rated = [replace(one, scores=rival_scores(one, rivalry=rivalry)) for one in found]
        result = oneshot_metrics(rated, targets, class_count=len(scenes.class_names))
        figures = {"ap50": 100 * result.map, "recall": 100 * result.recall}
        rows[f"shelves, rivalry {rivalry:g}"] = figures
    return rows


def measure_episode(detector: OneShotDetector, folder: Path) -> dict[str, float]:
    """Return COCO's figures of one episode, searched as the model's own settings say."""
    result = api.evaluate(detector, support=folder / "support.json", query=folder / "query.json")
    return {"ap50": 100 * result.metrics["AP50"], "ap": 100 * result.metrics["AP"]}


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return all rows as Markdown."""
    lines = ["| measured on | os2d-lite | identity | trunk | gain |", "|---|---|---|---|---|"]
    for name, row in sorted(rows.items()):
        found = {kind: figures["ap50"] for kind, figures in row.items()}
        cells = [f"{found[kind]:.1f}" if kind in found else "–" for kind in KINDS]
        both = "lite" in found and "identity" in found
        gain = f"{found['lite'] - found['identity']:+.1f}" if both else "–"
        lines.append(f"| {name} | {' | '.join(cells)} | {gain} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what the command line names, and add it to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="os2d-lite")
    parser.add_argument("--episodes", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cards"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    names = ["shelves"]
    if options.episodes:
        names = [f"{name}/1shot-seed{seed}" for name in options.sets for seed in options.seeds]
    file = HERE / "one_shot_accuracy.json"
    for name in names:
        for kind in options.kinds:
            detector = detector_of(kind, options.model)
            if name == "shelves":
                measured = measure_shelves(detector)
            else:
                measured = {name: measure_episode(detector, options.episodes / name)}
            rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            for row, figures in measured.items():
                rows.setdefault(row, {})[kind] = figures
            write_json(file, rows)
            write_text(HERE / "one_shot_accuracy.md", HEAD + table(rows))
            sys.stdout.write(f"{kind} {measured}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
