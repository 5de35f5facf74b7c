"""Answers made by hand, read from a tensor ``y``."""

from __future__ import annotations

from typing import Any

from onnxplain.graph.answers.answer import Answer
from onnxplain.targets.reading import Activation, Piece, Reading

CLASSES = 3
GRID = (4, 5)
SHAPES = {"y": (1, CLASSES, *GRID), "v": (1, CLASSES), "one": (1, 1)}


def reading(tensor: str, activation: Activation = "none", axis: int = 0) -> Reading:
    """Read a whole tensor."""
    return Reading((Piece(tensor),), axis=axis, activation=activation)


def answer(
    task: Any = "classes", tensor: str = "v", activation: Activation | None = "softmax", **more: Any
) -> Answer:
    """An answer whose probabilities are its raw numbers behind an activation, if there is one."""
    raw = reading(tensor)
    probability = None if activation is None else reading(tensor, activation)
    shape = SHAPES[tensor][1:]
    fields = {"probability": probability, "logit": raw, "followed": (), "evidence": "", **more}
    return Answer(tensor, task, raw, shape=shape, axis=0, **fields)
