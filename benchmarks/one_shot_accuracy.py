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
import sys
from pathlib import Path

from handful import api
from handful.data.synthetic import NOVEL_TEST, draw_shelves
from handful.files import write_json, write_text
from handful.predict.oneshot import OneShotDetector
from handful.predict.settings import SearchOptions

HERE = Path(__file__).parent
SHELF_SCALES = (0.75, 1.06, 1.5, 2.1)
"""The smallest objects there are a twelfth of the picture; so the median fills the template."""

HEAD = """# One example, every instance: AP50

Made by `benchmarks/one_shot_accuracy.py`. "Identity" is the same model with its transform net
replaced by the identity. Drawn test scenes: OS2D's mAP at IoU 0.5, 36 look-alike classes never
trained on. Episodes: COCO's AP50, every class searched on every picture.

"""


def measure(detector: OneShotDetector, name: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one row: the drawn scenes, or one episode."""
    if name == "shelves":
        scenes = draw_shelves(NOVEL_TEST, polygons=False)
        result = api.evaluate(
            detector,
            support=scenes,
            query=scenes,
            protocol="os2d",
            options=SearchOptions(scales=SHELF_SCALES),
        )
        return {"ap50": 100 * result.metrics["map"], "recall": 100 * result.metrics["recall"]}
    folder = options.episodes / name
    result = api.evaluate(detector, support=folder / "support.json", query=folder / "query.json")
    return {"ap50": 100 * result.metrics["AP50"], "ap": 100 * result.metrics["AP"]}


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return all rows as Markdown."""
    lines = ["| measured on | os2d-lite | identity | gain |", "|---|---|---|---|"]
    for name, row in sorted(rows.items()):
        found = {kind: figures["ap50"] for kind, figures in row.items()}
        cells = [f"{found[kind]:.1f}" if kind in found else "–" for kind in ("lite", "identity")]
        both = len(found) == 2
        gain = f"{found['lite'] - found['identity']:+.1f}" if both else "–"
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {gain} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what the command line names, and add it to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="os2d-lite")
    parser.add_argument("--episodes", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cards"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="*", default=["lite", "identity"])
    options = parser.parse_args()
    names = ["shelves"]
    if options.episodes:
        names = [f"{name}/1shot-seed{seed}" for name in options.sets for seed in options.seeds]
    file = HERE / "one_shot_accuracy.json"
    for name in names:
        for kind in options.kinds:
            detector = api.load(options.model)
            if kind == "identity":
                detector.model.head.transform_net.predict_identity()
            figures = measure(detector, name, options)
            rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            rows.setdefault(name, {})[kind] = figures
            write_json(file, rows)
            write_text(HERE / "one_shot_accuracy.md", HEAD + table(rows))
            sys.stdout.write(f"{name} {kind} {figures}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
