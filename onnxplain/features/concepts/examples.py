"""The pictures of a data set that belong to a class, and the target that stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.model import Model
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.likeness import Likeness
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore
from onnxplain.tasks.places import EVERYWHERE, PREDICTED

_BOXES = (
    "boxes are found in one picture, and this needs a target that every picture has: an element of "
    "a tensor, -t NAME[INDEX]"
)


def examples_of(
    model: Model, samples: Sequence[Sample], asked: TargetLike
) -> tuple[Target, list[Sample]]:
    """Return a target with the pictures that are examples of it.

    Parameters
    ----------
    model : Model
        The opened model.
    samples : sequence of Sample
        The data set. Where its pictures have labels, those of the class count; else all do.
    asked : str, int or TargetRequest
        A class, or another target that needs no picture to be found.

    Returns
    -------
    Target
        The score; of a class that competes with others less the mean of their logits.
    list of Sample
        Its pictures.

    Raises
    ------
    UsageError
        If the target needs a picture, or the data set has none of the class.
    """
    sample = sample_picture(model.preprocess)
    request = model.request(asked)
    if request.box is not None:
        raise UsageError(_BOXES)
    if request.index is None and not (request.like or request.element):
        raise UsageError("top-N needs a picture that says which class it is; name a class")
    if model.task.answer.places and not (request.position or request.region or request.element):
        # Where a class is predicted is another place in each picture.
        request = replace(request, region=EVERYWHERE)
    target = model.target(request, model.predict(sample), picture=sample, others=True)
    if not isinstance(target, ClassScore) or all(s.label is None for s in samples):
        return target, list(samples)
    own = [s for s in samples if s.label is not None and model.task.index(s.label) == target.index]
    if not own:
        raise UsageError(f"the data set has no picture of {target.describe()!r}")
    return target, own


def require_common(target: Target) -> None:
    """Refuse a target that belongs to one picture, such as a box or the region of a class in it.

    Raises
    ------
    UsageError
        If it cannot be asked of every picture of a data set.
    """
    if not isinstance(target, (ClassScore, ValueScore, Likeness)):
        raise UsageError(_BOXES)
    if isinstance(target, ClassScore) and target.region == PREDICTED:
        raise UsageError(
            f"{target.describe()!r} is a region of one picture; write CLASS@everywhere or "
            "CLASS@ROW,COLUMN"
        )


def classes_in(model: Model, samples: Sequence[Sample]) -> list[int]:
    """Classes that the labels of a data set name, in order.

    Raises
    ------
    UsageError
        If no picture has a label, or one is no class of the model.
    """
    found = sorted({model.task.index(s.label) for s in samples if s.label is not None})
    if not found:
        raise UsageError(
            "no picture has a class: name a target with -t, or put pictures into subfolders named "
            "after their classes"
        )
    return found
