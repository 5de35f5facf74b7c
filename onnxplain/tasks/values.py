"""Values: one number or several, at one place or at many; nothing is a class here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from onnxplain.errors import UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.shapes import Shapes
from onnxplain.targets.classes import Kind
from onnxplain.targets.request import TargetRequest, class_index, read_target
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore
from onnxplain.tasks.places import EVERYWHERE, region_of, require_position
from onnxplain.tasks.prediction import Prediction
from onnxplain.tasks.task import Values, require_plain


class Numbers:
    """Numbers that mean what they are: an age, an angle, a count, a depth.

    Parameters
    ----------
    answer : Answer
        Where they are read.
    labels : sequence of str
        Their names; may be empty.
    shapes : Shapes
        Concrete shapes of the tensors for a batch of one.
    """

    name: str = "values"

    def __init__(self, answer: Answer, labels: Sequence[str], shapes: Shapes) -> None:
        self.answer = answer
        self.count = answer.shape[answer.axis]
        self.labels: Sequence[str] = list(labels)
        self._shapes = shapes

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        return self.answer.raw.tensors

    def predict(self, values: Values, position: tuple[int, ...] = ()) -> Prediction:
        """Say the numbers; of a dense answer at a place, or their means over all places."""
        position = require_position(self.answer, position)
        reading = self.answer.raw
        rows = (reading.at(self._shapes, position) if position else reading).read(values)[0]
        if self.answer.places and not position:
            rows = np.moveaxis(rows, reading.axis, 0).reshape(self.count, -1).mean(axis=1)
        unit = "mean value" if self.answer.places and not position else "value"
        return Prediction({"raw": rows}, unit, self.labels, position)

    def index(self, name: str | int) -> int:
        """Index of the value that a person means."""
        return class_index(name, self.labels, self.count)

    def request(self, said: str | int | None) -> TargetRequest:
        """Read what a person asks for, and check its place; a single value needs no name."""
        found = read_target(said, self.labels, self.count)
        if found.index is None:
            if self.count > 1:
                listed = ", ".join(self.labels) or f"0..{self.count - 1}"
                raise UsageError(
                    f"output {self.answer.output!r} answers {self.count} values, and none is "
                    f"the default: name one with --target ({listed}), or declare --scores logits "
                    "if they are scores of classes"
                )
            found = replace(found, index=0)
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
        """Return the value asked for, as a target; see `Task`."""
        self.require_meaning(request, contrast, margin)
        index = request.index or 0
        words = f"{self.labels[index]} ({index})" if self.labels else f"value {index}"
        stem = str(index)
        reading = self.answer.raw
        if request.position:
            reading = reading.at(self._shapes, request.position)
            words += f" at ({', '.join(map(str, request.position))})"
            stem += "-at-" + "-".join(map(str, request.position))
        elif self.answer.places:
            everywhere = np.ones(self.answer.places, bool)
            places = region_of(request.region or EVERYWHERE, self.answer, everywhere)
            reading = reading.at(self._shapes, places.indices)
            words += f" in {places.words}"
            stem += "-in-" + "".join(c if c.isalnum() else "-" for c in places.words)
        return [ValueScore(words, stem, reading, index, request.negative)]

    def require_meaning(self, request: TargetRequest, contrast: int | None, margin: bool) -> None:
        """Refuse what needs classes."""
        require_plain("a value", contrast, margin)
