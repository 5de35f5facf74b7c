"""What a picture's entry says of the model's answer."""

from __future__ import annotations

from typing import Any

from onnxplain.audit.records.pictures import PROBABILITY
from onnxplain.evaluate.cases import Look
from onnxplain.evaluate.question import classes_of
from onnxplain.model.model import Model

# The classes with the largest scores that are kept of each picture.
_TOP = 5


def answered(model: Model, seen: Look) -> dict[str, Any]:
    """Say what the model answers, and what is explained, as plain data.

    ``probability`` is null where nothing makes the scores probabilities; ``score`` and
    ``unit`` hold them then. Where there are no classes, nothing is predicted, and the score is
    that of the target.
    """
    said = seen.prediction
    found: dict[str, Any] = {
        "label": seen.label,
        "explained": seen.index,
        "target": seen.target.describe(),
        "target_unit": seen.target.unit,
    }
    if classes_of(model) is None:
        score = float(seen.target.score(_values(model, seen))[0])
        return {
            **found,
            "predicted": None,
            **_number(score, seen.target.unit, tell=True),
            "top": [],
        }
    scores = said.scores
    top = [{"index": k, **_number(float(scores[k]), said.unit)} for k in said.order(_TOP)]
    first = _number(float(scores[said.winner]), said.unit, tell=True)
    return {**found, "predicted": said.winner, **first, "top": top}


def _number(score: float, unit: str, *, tell: bool = False) -> dict[str, Any]:
    told = {"unit": unit} if tell else {}
    if unit == PROBABILITY:
        return {PROBABILITY: score, **told}
    return {PROBABILITY: None, "score": score, **told}


def _values(model: Model, seen: Look) -> dict[str, Any]:
    return model.network.ort.activations(seen.picture.x, seen.target.tensors)
