"""What an audit looks at first in a picture; of a detector there may be nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.boxes.entries import Explained, box_entries, explained_boxes, weighed
from onnxplain.audit.records.plain import plain
from onnxplain.evaluate.boxes.look import Scene, scene_of
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.cases import Look, Plan, look
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.tasks.boxes import Boxes, Detected


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What is explained by all methods.

    Attributes
    ----------
    look : Look or None
        ``None`` if there is no box in the picture, neither found nor annotated.
    picture : Picture, optional
        The picture without a box.
    scene : Scene, optional
        The annotated picture of a detector.
    boxes : sequence of Explained
        Boxes of it that are explained by the main method.
    """

    look: Look | None
    picture: Picture | None = None
    scene: Scene | None = None
    boxes: Sequence[Explained] = ()

    def told(
        self,
        model: Model,
        method: str,
        plan: Plan,
        maps: dict[str, NDArray[np.float32]],
        problems: list[str],
    ) -> dict[str, Any]:
        """Return what an entry says of the boxes, as plain data; maps of them go to `maps`."""
        if self.scene is None:
            return {}
        entries, drawn, failed = box_entries(model, self.scene, self.boxes, method, plan)
        maps.update(drawn)
        # The main box has said it once already.
        problems += [text for text in failed if text not in problems]
        return {"boxes": plain(entries), "weighed": plain(weighed(self.scene))}


def first_look(
    model: Model, sample: Sample, plan: Plan, problems: list[str], truth: Truth | None
) -> FirstLook:
    """Look at a picture.

    Of an annotated one the strongest hit is explained; else a missed object, else the strongest
    false positive.

    Raises
    ------
    ImageError
        If the picture or its mask cannot be read.
    NowhereError
        If the target is nowhere in this picture.
    """
    scene = None if truth is None else scene_of(model, sample, truth)
    if scene is not None:
        boxes = explained_boxes(model, scene, plan, problems)
        return FirstLook(boxes[0].look if boxes else None, scene.picture, scene, boxes)
    if isinstance(model.task, Boxes) and plan.target is None:
        picture = model.read(sample.path)
        said = model.predict(picture)
        if isinstance(said, Detected) and not len(said.found.scores):
            return FirstLook(None, picture)
    return FirstLook(look(model, sample, plan, problems))


def without_box(picture: Picture | None) -> dict[str, Any]:
    """Entry of a picture in which nothing is explained: that is a result as well."""
    assert picture is not None
    return {
        "status": "done",
        "input_sha256": picture.sha256,
        "label": None,
        "explained": None,
        "target": "no box",
        "target_unit": "match",
        "predicted": None,
        "probability": None,
        "score": 0.0,
        "unit": "match",
        "top": [],
        "mask_area": None,
        "methods": {},
        "problems": [],
        "seconds": {},
    }
