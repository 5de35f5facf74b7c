"""One picture of a detector: its boxes, the annotated objects, and what is to be explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.judge import Judged, judge
from onnxplain.evaluate.boxes.score import weakened
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.evaluate.cases import Look, Plan, targets_of
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.targets.boxes.layout import Detections
from onnxplain.targets.boxes.request import BoxRequest
from onnxplain.targets.request import TargetRequest
from onnxplain.tasks.boxes import Boxes, Detected

# Hits of one picture that are explained, the strongest ones.
MOST_HITS = 3


@dataclass(frozen=True, eq=False)
class Scene:
    """One annotated picture as a detector sees it.

    Attributes
    ----------
    sample : Sample
        The picture's entry.
    picture : Picture
        As the model gets it.
    said : Detected
        The model's boxes.
    objects : Objects
        The annotated objects, in pixels of the photo.
    judged : list of Judged
        Hits, false positives and misses.
    weak : Detections
        Boxes for average precision, in pixels of the photo.
    """

    sample: Sample
    picture: Picture
    said: Detected
    objects: Objects
    judged: list[Judged]
    weak: Detections


def scene_of(model: Model, sample: Sample, truth: Truth) -> Scene | None:
    """Run a detector on an annotated picture and judge its boxes; ``None`` if it has none.

    Raises
    ------
    ImageError
        If the picture cannot be read, or another one was annotated.
    """
    objects = truth.objects(sample, model.preprocess)
    if objects is None:
        return None
    task = require_boxes(model)
    picture = model.read(sample.path)
    said = model.predict(picture)
    assert isinstance(said, Detected)
    values = model.network.ort.activations(picture.x, task.tensors)
    weak = weakened(task.layout).detect(values)
    judged = judge(replace(said.found, sides=said.sides), objects, truth.judged)
    on_photo = replace(weak, sides=picture.frame.on_photo(weak.sides))
    return Scene(sample, picture, said, objects, judged, on_photo)


def require_boxes(model: Model) -> Boxes:
    """Return the task of a detector.

    Raises
    ------
    UsageError
        If the model is none.
    """
    if not isinstance(model.task, Boxes):
        raise UsageError(f"the model answers {model.task.name}, and no boxes")
    return model.task


def looks_of(model: Model, scene: Scene, plan: Plan) -> Iterator[tuple[str, Look]]:
    """Yield the strongest hits of a picture, each with the annotated box as its mask.

    Parameters
    ----------
    model : Model
        The detector.
    scene : Scene
        The picture.
    plan : Plan
        A target names the class that alone is explained.

    Yields
    ------
    str, Look
        What the box is called, and what is explained.
    """
    asked = model.request(plan.target).box or BoxRequest()
    hits = [j for j in scene.judged if j.verdict == "hit" and asked.label in (None, j.label)]
    for hit in hits[:MOST_HITS]:
        assert hit.detection is not None
        assert hit.truth is not None
        request = TargetRequest(box=BoxRequest(number=hit.detection + 1))
        target, start = targets_of(model, request, scene.said, scene.picture)
        drawn = scene.objects.sides[hit.truth]
        mask = box_mask(model, scene.sample, drawn)
        name = scene.said.names[hit.detection]
        yield name, Look(scene.sample, scene.picture, scene.said, target, start, None, mask)


def box_mask(model: Model, sample: Sample, sides: np.ndarray) -> np.ndarray | None:
    """Pixels of the model's input inside a box of the photo; ``None`` if none are left."""
    left, top, right, bottom = map(float, sides)
    drawn = replace(sample, mask=None, boxes=((left, top, right, bottom),))
    mask = drawn.seen_mask(model.preprocess)
    return mask if mask is not None and mask.any() else None


def require_class(model: Model, plan: Plan) -> None:
    """Refuse a target that is no class: each hit is explained.

    Raises
    ------
    UsageError
        If it is a number, a place or a drawn box.
    """
    asked = model.request(plan.target)
    box = asked.box
    if plan.target is not None and (box is None or box != BoxRequest(label=box.label)):
        raise UsageError(
            f"target {plan.target!r}: with annotated boxes the hits of each picture are explained; "
            "name a class alone, or leave out --target"
        )
