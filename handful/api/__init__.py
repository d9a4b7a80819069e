"""What the command line, Python and the web all call."""

from handful.api.adapting import Adapted, adapt
from handful.api.benchmarking import (
    bench_assignment,
    bench_clustering,
    bench_evaluation,
    bench_oneshot,
    bench_pictures,
    bench_train,
)
from handful.api.browsing import data_browse
from handful.api.comparing import compare
from handful.api.demonstration import DEMO_SCENES, Demonstration, demo, result_rows
from handful.api.evaluation import Evaluation, Outputs, evaluate, evaluate_detections
from handful.api.exporting import (
    Exported,
    accuracy_log,
    export,
    export_run_infer,
    export_run_postprocess,
    export_run_preprocess,
)
from handful.api.learning import Learned, learn
from handful.api.models import DEFAULT_MODEL, build_model, load, weights_list
from handful.api.orders import Trained
from handful.api.searching import Found, detect
from handful.api.surgery import surgery
from handful.api.sweeping import Sweep, sweep
from handful.api.training import published, recipe, recipes, run_folder, train
from handful.data.convert import data_convert
from handful.data.describe import data_info
from handful.data.fewshot import data_fewshot
from handful.weights import convert as weights_convert
from handful.weights import fetch as weights_fetch

__all__ = [
    "DEFAULT_MODEL",
    "DEMO_SCENES",
    "Adapted",
    "Demonstration",
    "Evaluation",
    "Exported",
    "Found",
    "Learned",
    "Outputs",
    "Sweep",
    "Trained",
    "accuracy_log",
    "adapt",
    "bench_assignment",
    "bench_clustering",
    "bench_evaluation",
    "bench_oneshot",
    "bench_pictures",
    "bench_train",
    "build_model",
    "compare",
    "data_browse",
    "data_convert",
    "data_fewshot",
    "data_info",
    "demo",
    "detect",
    "evaluate",
    "evaluate_detections",
    "export",
    "export_run_infer",
    "export_run_postprocess",
    "export_run_preprocess",
    "learn",
    "load",
    "published",
    "recipe",
    "recipes",
    "result_rows",
    "run_folder",
    "surgery",
    "sweep",
    "train",
    "weights_convert",
    "weights_fetch",
    "weights_list",
]
