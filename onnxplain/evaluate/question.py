"""What is explained in every picture of a data set, checked before anything is computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from onnxplain.errors import UsageError
from onnxplain.graph.load import file_sha256
from onnxplain.methods import find
from onnxplain.model.model import Model
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.request import TargetLike, TargetRequest
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.places import EVERYWHERE


def require_question(model: Model, target: TargetLike) -> TargetRequest:
    """Read what is to be explained in every picture; one target for each.

    Parameters
    ----------
    model : Model
        The model.
    target : str, int, TargetRequest or None
        As for one picture; ``None`` is the prediction, or a single value.

    Raises
    ------
    UsageError
        If the model answers values or an embedding and nobody says which, or the target
        stands for several.
    """
    asked = model.request(target)
    if asked.top > 1:
        raise UsageError(
            f"target {target!r} stands for {asked.top} classes; one is explained in each picture"
        )
    model.task.require_meaning(asked, None, False)
    return asked


def question_files(asked: TargetRequest) -> dict[str, str]:
    """SHA-256 of the files that a target names: what it is compared with, or a mask."""
    named = [asked.like, "" if asked.region == EVERYWHERE else asked.region]
    return {name: file_sha256(Path(name)) for name in named if name}


def classes_of(model: Model) -> Classes | None:
    """Return the classes of a model; ``None`` if it answers something else."""
    return model.task if isinstance(model.task, Classes) else None


def left_out_of(model: Model) -> list[str]:
    """Say what a model's answers have no use for."""
    if classes_of(model):
        return []
    if model.task.name == "boxes":
        return ["which boxes are right: give annotated ones with --boxes"]
    what = "an embedding" if model.task.name == "embedding" else model.task.name
    return [f"accuracy and labels: the model answers {what}, which no class is right or wrong for"]


def explained_index(target: Target) -> int | None:
    """Index of the class or value that is explained; ``None`` if it has none."""
    if isinstance(target, ClassScore):
        return target.index
    if isinstance(target, (BoxMatch, BoxNumber)):
        return target.label
    return target.row if isinstance(target, ValueScore) else None


def aim_of(method: str, target: Target, start: Target) -> Target:
    """Return what is explained in the form that a method explains.

    Parameters
    ----------
    method : str
        Its name.
    target : Target
        As scores of changed pictures are read: a probability if the model has any, and how well
        any box matches.
    start : Target
        As gradients start at it: in front of the final activation, or at the candidate of a box.
    """
    chosen = find(method)
    activated = chosen.explains == "probability"
    if isinstance(target, BoxMatch):
        if chosen.takes_slopes:
            return start
        same = target.match == chosen.compares
        return target if same else replace(target, match=chosen.compares)
    if activated:
        return target
    if isinstance(start, ClassScore) and start.others and not chosen.against_others:
        return replace(start, others=False)
    return start


def has_rivals(model: Model, target: Target) -> bool:
    """Whether the map of another class could be another one.

    The maps of yes and no come from one score: each is the negative of the other.
    """
    return isinstance(target, ClassScore) and target.classes > 1 and model.task.name != "yes-no"
