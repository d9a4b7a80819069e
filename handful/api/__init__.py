"""What the command line, Python and the web all call."""

from handful.api.benchmarking import bench_oneshot
from handful.api.demonstration import DEMO_SCENES, Demonstration, demo, result_rows
from handful.api.evaluation import Evaluation, evaluate
from handful.api.models import build_model, load, weights_list
from handful.api.searching import Found, detect
from handful.api.training import train
from handful.data.convert import data_convert
from handful.data.describe import data_info
from handful.weights import convert as weights_convert
from handful.weights import fetch as weights_fetch

__all__ = [
    "DEMO_SCENES",
    "Demonstration",
    "Evaluation",
    "Found",
    "bench_oneshot",
    "build_model",
    "data_convert",
    "data_info",
    "demo",
    "detect",
    "evaluate",
    "load",
    "result_rows",
    "train",
    "weights_convert",
    "weights_fetch",
    "weights_list",
]
