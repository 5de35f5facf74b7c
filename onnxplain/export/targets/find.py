"""What the file of a model explains, and what it explains unless it is told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.export.targets.boxes import BoxesExplained, require_writable
from onnxplain.export.targets.classes import ClassesExplained, ValuesExplained
from onnxplain.export.targets.explained import (
    LABEL,
    NONE,
    OTHERS,
    REFERENCE,
    REGION,
    TARGET,
    Explained,
)
from onnxplain.export.targets.likeness import LikenessExplained
from onnxplain.targets.request import TargetRequest
from onnxplain.tasks.boxes import Boxes
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.embedding import Embedding
from onnxplain.tasks.places import EVERYWHERE, region_of
from onnxplain.tasks.values import Numbers

if TYPE_CHECKING:
    from onnxplain.model.model import Model


def explained_of(model: Model) -> Explained:
    """Return what a file of a model explains.

    Raises
    ------
    MethodRefusedError
        If its answer cannot be written in nodes.
    """
    task = model.task
    if isinstance(task, Classes):
        kind = task.kind("logit")
        ranking = task.readings[task.kind("probability")]
        unit = {"raw": "score"}.get(kind, kind)
        competing = task.name == "classes" and kind == "logit" and task.count > 1
        return ClassesExplained(
            task.readings[kind], ranking, task.count, task.places, unit,
            OTHERS if competing else NONE,
        )  # fmt: skip
    if isinstance(task, Numbers):
        return ValuesExplained(task.answer.raw, task.count, task.answer.places)
    if isinstance(task, Embedding):
        if sum(n > 1 for n in task.answer.shape) > 1:
            raise MethodRefusedError("an embedding with several axes cannot be exported")
        return LikenessExplained(task.answer.raw, task.count)
    if isinstance(task, Boxes):
        require_writable(task.layout)
        return BoxesExplained(task.layout, "score" if task.layout.logits is None else "logit")
    raise MethodRefusedError(
        f"export explains no answers of task {model.network.answer.task!r}; use `explain`"
    )


def defaults_of(model: Model, explained: Explained, target: str | int | None) -> dict[str, Any]:
    """Return what the inputs of a file are by default, where a person names a target.

    Parameters
    ----------
    model : Model
        The model.
    explained : Explained
        What its file explains.
    target : str, int or None
        As in `explain`; what is predicted if not given.

    Raises
    ------
    UsageError
        If the target depends on the picture, or the model has no such target.
    """
    task = model.task
    if target is None:
        if isinstance(task, Numbers):
            model.request(None)  # says which numbers there are
        return {}
    asked = model.request(target)
    if asked.element or asked.negative or asked.top > 1:
        raise UsageError(
            f"{target!r} cannot be the default of a file: name one class, value, place or box"
        )
    if isinstance(task, Boxes):
        return _box(asked, target)
    if asked.reference is not None:
        return {REFERENCE: np.asarray(asked.reference).reshape(1, -1)}
    found: dict[str, Any] = {} if asked.index is None else {TARGET: [asked.index]}
    places = task.answer.places
    if asked.position:
        mask = np.zeros(places, bool)
        mask[asked.position] = True
        found[REGION] = mask[None]
    elif asked.region == EVERYWHERE:
        found[REGION] = np.ones((1,) * (1 + len(places)), bool)
    elif asked.region:
        region = region_of(asked.region, task.answer, np.zeros(places, bool))
        mask = np.zeros(places, bool)
        mask[region.indices] = True
        found[REGION] = mask[None]
    return found


def _box(asked: TargetRequest, target: str | int) -> dict[str, Any]:
    box = asked.box
    assert box is not None
    if box.point or box.sides or box.top > 1:
        raise UsageError(
            f"{target!r} cannot be the default of a file: write a box's number, CLASS or CLASS#2"
        )
    found: dict[str, Any] = {} if box.label is None else {LABEL: [box.label]}
    return found | ({TARGET: [box.number - 1]} if box.number else {})
