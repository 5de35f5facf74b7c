"""Classes: one of K, yes or no, several labels at once; one answer or one for each place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.declare import DECLARED
from onnxplain.graph.shapes import Shapes
from onnxplain.targets.classes import ClassScore, Kind
from onnxplain.targets.reading import Reading
from onnxplain.targets.request import TargetRequest, class_index, read_target
from onnxplain.targets.target import Target
from onnxplain.tasks.places import Places, region_of, require_position
from onnxplain.tasks.prediction import Prediction
from onnxplain.tasks.task import Values

_NEAREST: Mapping[Kind, tuple[Kind, ...]] = {
    "logit": ("logit", "raw", "probability"),
    "probability": ("probability", "logit", "raw"),
    "raw": ("raw",),
}
_UNITS: Mapping[Kind, str] = {"raw": "score"}
# Where nobody names the two sides of a yes/no answer.
YES_NO = ("no", "yes")
# How far rounding, to steps of an int8 output too, may take a probability beyond 0 and 1.
_ROUNDING = 0.01


class Classes:
    """Scores of classes; a yes/no answer is two of them.

    Parameters
    ----------
    answer : Answer
        Where the scores are read.
    labels : sequence of str
        Names in class order; of a yes/no answer both, or that of yes, or none.
    shapes : Shapes
        Concrete shapes of the tensors for a batch of one.
    """

    def __init__(self, answer: Answer, labels: Sequence[str], shapes: Shapes) -> None:
        self.answer = answer
        self.name: str = answer.task
        self.two_sided = answer.task == "yes-no"
        self.count = 2 if self.two_sided else answer.shape[answer.axis]
        self.labels: Sequence[str] = list(labels)
        self._shapes = shapes
        self.readings = self._readings()

    @property
    def places(self) -> tuple[int, ...]:
        """Lengths of the axes of a dense answer; empty if there is one vector of scores."""
        return self.answer.places

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        return tuple(dict.fromkeys(t for r in self.readings.values() for t in r.tensors))

    def kind(self, wanted: Kind) -> Kind:
        """Return the kind of score that stands for the one wanted: it, or the nearest there is."""
        return next(k for k in _NEAREST[wanted] if k in self.readings)

    def predict(self, values: Values, position: tuple[int, ...] = ()) -> Prediction:
        """Say how the classes score; of a dense answer at a place, or each class's share of all."""
        position = require_position(self.answer, position)
        kinds = {}
        for kind, reading in self.readings.items():
            here = reading.at(self._shapes, position) if position else reading
            scores = here.read(values)[0]
            if self.places and not position:
                scores = np.moveaxis(scores, reading.axis, 0).reshape(self.count, -1).mean(axis=1)
            kinds[kind] = scores
        self._require_shares(kinds.get("probability"))
        shares = None
        first = next(k for k in ("probability", "logit", "raw") if k in kinds)
        if self.places and not position:
            winners = self._winners(values)
            shares = np.bincount(winners.ravel(), minlength=self.count) / winners.size
        unit = "area" if shares is not None else _UNITS.get(first, first)
        return Prediction(kinds, unit, self.labels, position, shares)

    def _require_shares(self, probabilities: NDArray[np.float64] | None) -> None:
        """Refuse numbers that were declared to be probabilities and cannot be."""
        if probabilities is None or self.answer.evidence != DECLARED:
            return
        worst = float(probabilities.flat[np.abs(probabilities - 0.5).argmax()])
        if abs(worst - 0.5) > 0.5 + _ROUNDING:
            raise UsageError(
                f"output {self.answer.output!r} is declared to hold probabilities, but one of them "
                f"is {worst:.4g}; declare what it holds: --scores logits, or raw"
            )

    def index(self, name: str | int) -> int:
        """Index of the class that a person means."""
        return class_index(name, self.labels, self.count)

    def request(self, said: str | int | None) -> TargetRequest:
        """Read what a person asks for, and check its class and position."""
        found = read_target(said, self.labels, self.count)
        place = require_position(self.answer, found.position, found.region)
        return replace(found, position=place)

    def targets(
        self,
        request: TargetRequest,
        values: Values,
        said: Prediction,
        *,
        kind: Kind,
        contrast: int | None = None,
        margin: bool = False,
    ) -> list[Target]:
        """Targets of one input that a request stands for; see `Task`."""
        self.require_meaning(request, contrast, margin)
        chosen = self.kind(kind)
        found: list[Target] = []
        for index in self._indices(request, said, contrast):
            plain = self.plain(chosen, index, request.position)
            if self.places and not request.position:
                places = self._region(request, index, values)
                reading = self.readings[chosen].at(self._shapes, places.indices)
                plain = replace(plain, region=places.words, reading=reading, weights=places.weights)
            found.append(
                replace(plain, contrast=contrast, margin=margin, negative=request.negative)
            )
        return found

    def plain(self, kind: Kind, index: int, position: tuple[int, ...] = ()) -> ClassScore:
        """Return the score of one class, at a place if the answer is dense."""
        reading = self.readings[kind]
        here = reading.at(self._shapes, position) if position else reading
        name = self.labels[index] if self.labels else ""
        return ClassScore(
            index, kind, reading.tensors[0], reading.activation, self.count, name=name,
            position=position, axis=self.answer.axis + 1, reading=here,
        )  # fmt: skip

    def require_meaning(self, request: TargetRequest, contrast: int | None, margin: bool) -> None:
        """Refuse combinations that mean nothing."""
        if contrast is not None and contrast == request.index:
            raise UsageError(f"class {contrast} cannot be contrasted with itself")
        if (contrast is not None) + margin + request.negative > 1:
            raise UsageError("contrast, margin and a negative target exclude each other")
        if request.negative and self.name == "classes":
            raise UsageError(
                "only a class with a Sigmoid has a negative, and this model's classes compete; "
                "use --contrast or --margin"
            )

    def _indices(self, request: TargetRequest, said: Prediction, contrast: int | None) -> list[int]:
        if request.index is not None:
            return [request.index]
        return [k for k in said.order(request.top + 1) if k != contrast][: request.top]

    def _winners(self, values: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        reading = self.readings[self.kind("probability")]
        return reading.read(values)[0].argmax(axis=reading.axis)

    def _region(self, request: TargetRequest, index: int, values: Values) -> Places:
        return region_of(request.region, self.answer, self._winners(values) == index)

    def _readings(self) -> dict[Kind, Reading]:
        answer = self.answer
        found: dict[Kind, Reading | None] = {
            "logit": answer.logit, "probability": answer.probability, "raw": answer.raw
        }  # fmt: skip
        kept = {k: r for k, r in found.items() if r is not None}
        if not self.two_sided:
            return kept
        sides: dict[Kind, Literal["logit", "probability"]]
        sides = {"logit": "logit", "probability": "probability"}
        # What the output holds is a probability or a logit, whatever it is called.
        sides["raw"] = (
            "logit" if answer.probability is None or answer.logit is answer.raw else ("probability")
        )
        return {k: replace(r, two_sided=sides[k]) for k, r in kept.items()}
