"""What MPSR learns from, step by step: whole pictures, and beside them objects at six sizes."""

from __future__ import annotations

from dataclasses import dataclass

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.objects import ObjectStream, single_objects
from handful.data.repetition import Repetition, repeated
from handful.data.staging import Stream
from handful.data.transforms import Letterbox, OneOf, Transform
from handful.data.transforms.augmentation import PUBLISHED, Augmentation, augmented
from handful.data.transforms.object_pyramid import CONTEXT, ObjectPyramid
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.pictures import input_rule
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class Refinement:
    """How objects are shown beside pictures.

    objects: how many, for each picture of a step; 0 for none, which leaves a plain detector.
    smallest: pixels that both sides of an object must have. context: what is shown around it, as
    a part of its longer side. flip: how often each size is mirrored.
    """

    objects: int = 1
    smallest: float = 0.0
    context: float = CONTEXT
    flip: float = 0.5


def train_transform(config: MPSRConfig, augmentation: Augmentation = PUBLISHED) -> Transform:
    """Return what happens to a training picture: fitted to any of the short sides, maybe mirrored.

    Sizes are MMDetection's: sides rounded half up, nothing averaged where a picture shrinks.
    """
    sizes = tuple(
        Letterbox((side, config.longest_side), "half_up") for side in config.train_short_sides
    )
    return augmented(OneOf(sizes), augmentation)


def learning_stream(
    dataset: Dataset,
    config: MPSRConfig,
    *,
    settings: TrainSettings,
    refinement: Refinement = Refinement(),  # noqa: B008
    repeat: Repetition | None = None,
    augmentation: Augmentation = PUBLISHED,
    rank: int = 0,
    world: int = 1,
) -> Stream:
    """Return the part of process ``rank`` of ``world`` of what a run by ``settings`` learns from.

    Objects are those of ``dataset``, each by itself. repeat: of pictures, in groups; objects are
    repeated alike, as one group. Raises ``DataError`` if there is nothing to learn from, or no
    object to show; ``ConfigError`` for numbers that do not fit.
    """
    pictures = TrainingStream.of(
        settings,
        dataset if repeat is None else repeated(dataset, repeat),
        train_transform(config, augmentation),
        input_rule(config, training=True),
        rank=rank,
        world=world,
        aspect_groups=False,
    )
    if not refinement.objects:
        return pictures
    objects = single_objects(dataset, smallest=refinement.smallest)
    if repeat is not None:
        together = Repetition(fewest=repeat.fewest, filled=repeat.filled)
        objects = repeated(objects, together)
    sizes = tuple(scale.size for scale in config.crop_scales)
    pyramid = ObjectPyramid(sizes, refinement.context, refinement.flip)
    return ObjectStream(pictures, objects, pyramid, batch=settings.batch * refinement.objects)
