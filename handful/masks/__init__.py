"""Mask geometry: pure functions on the pixels of objects, and COCO's short way to write them."""

from handful.masks.overlap import RunTable
from handful.masks.polygons import all_runs, polygon_runs
from handful.masks.run_lengths import RunLengths

__all__ = ["RunLengths", "RunTable", "all_runs", "polygon_runs"]
