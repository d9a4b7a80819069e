"""Few-shot splits: base and novel classes, the field's data sets, K boxes a class of any set."""

from handful.data.splits.coco_sets import read_coco_set, read_coco_shots
from handful.data.splits.divisions import (
    COCO_CATEGORY_IDS,
    DIVISIONS,
    VOC_CLASSES,
    ClassDivision,
    class_division,
    division_of,
)
from handful.data.splits.field_sets import read_field_set
from handful.data.splits.manifest import (
    ShotBox,
    ShotManifest,
    dataset_from_manifest,
    manifest_of,
    read_manifest,
)
from handful.data.splits.names import COCO_SHOTS, VOC_SHOTS, FieldSet, parse_field_set
from handful.data.splits.picture_sampler import named_pictures, sample_pictures
from handful.data.splits.published import published_voc_lists
from handful.data.splits.records import keep_classes
from handful.data.splits.sampler import sample_shots
from handful.data.splits.voc_sets import read_voc_set, read_voc_shots

__all__ = [
    "COCO_CATEGORY_IDS",
    "COCO_SHOTS",
    "DIVISIONS",
    "VOC_CLASSES",
    "VOC_SHOTS",
    "ClassDivision",
    "FieldSet",
    "ShotBox",
    "ShotManifest",
    "class_division",
    "dataset_from_manifest",
    "division_of",
    "keep_classes",
    "manifest_of",
    "named_pictures",
    "parse_field_set",
    "published_voc_lists",
    "read_coco_set",
    "read_coco_shots",
    "read_field_set",
    "read_manifest",
    "read_voc_set",
    "read_voc_shots",
    "sample_pictures",
    "sample_shots",
]
