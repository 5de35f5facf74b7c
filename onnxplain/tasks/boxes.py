"""Boxes: a detector's, each with a class and a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NowhereError, UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.shapes import Shapes
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.boxes.frame import Frame
from onnxplain.targets.boxes.layout import BoxLayout, Detections
from onnxplain.targets.boxes.parts import BoxPart, Match
from onnxplain.targets.boxes.request import BoxRequest, read_box
from onnxplain.targets.classes import Kind
from onnxplain.targets.reading import Piece, Reading
from onnxplain.targets.request import TargetRequest, class_index
from onnxplain.targets.target import Target
from onnxplain.tasks.prediction import Prediction
from onnxplain.tasks.task import Values, require_plain

Sides = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, repr=False)
class Detected(Prediction):
    """The boxes of one picture; `scores` and `names` are theirs, the strongest first.

    Attributes
    ----------
    found : Detections
        The boxes, in pixels of the input.
    frame : Frame
        Where the input lies in the photo.
    """

    found: Detections
    frame: Frame = field(default_factory=Frame)

    @property
    def sides(self) -> Sides:
        """Left, top, right and bottom of each box in pixels of the photo, (M, 4)."""
        return self.frame.on_photo(self.found.sides)


class Boxes:
    """Boxes of objects.

    Parameters
    ----------
    answer : Answer
        How they are read.
    labels : sequence of str
        Names of the classes; may be empty.
    shapes : Shapes
        Concrete shapes of the tensors for a batch of one.
    """

    name: str = "boxes"

    def __init__(self, answer: Answer, labels: Sequence[str], shapes: Shapes) -> None:
        assert answer.boxes is not None
        self.answer = answer
        self.layout: BoxLayout = answer.boxes.layout
        self.labels: Sequence[str] = list(labels)
        self.count = self.layout.count

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        return self.layout.tensors

    def predict(self, values: Values, position: tuple[int, ...] = ()) -> Prediction:
        """Return the boxes of one input."""
        if position:
            raise UsageError("a detector has no places: name a box (-t 2, -t 'car@x,y')")
        found = self.layout.detect(values)
        names, seen = [], dict[int, int]()
        for label in map(int, found.labels):
            seen[label] = seen.get(label, 0) + 1
            names.append(f"{self._name(label)}#{seen[label]}")
        return Detected({"raw": found.scores}, "score", names, found=found)

    def index(self, name: str | int) -> int:
        """Index of the class that a person means."""
        return class_index(name, self.labels, self.count or 10**6)

    def request(self, said: str | int | None) -> TargetRequest:
        """Read which box is meant."""
        return TargetRequest(box=read_box(said, self.labels, self.count))

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
        """Return a target for each box asked for; see `Task`."""
        self.require_meaning(request, contrast, margin)
        assert isinstance(said, Detected)
        asked = request.box or BoxRequest()
        if asked.sides:
            return [self._drawn(asked, request, values, said)]
        return [
            self._target(
                said.found.sides[k], int(said.found.labels[k]), int(said.found.rows[k]),
                self.layout.scores_at(values, int(said.found.rows[k])),
                said.names[k], request, said.frame, float(said.found.scores[k]),
            )
            for k in _chosen(asked, said, self._name)
        ]  # fmt: skip

    def require_meaning(self, request: TargetRequest, contrast: int | None, margin: bool) -> None:
        """Refuse what needs classes that compete."""
        require_plain("a box", contrast, margin)

    def _name(self, label: int) -> str:
        return self.labels[label] if 0 <= label < len(self.labels) else f"class {label}"

    def _drawn(
        self, asked: BoxRequest, request: TargetRequest, values: Values, said: Detected
    ) -> Target:
        if asked.label is None:
            raise UsageError("a drawn box needs a class: 'car in left,top,right,bottom'")
        sides = said.frame.in_input(np.array(asked.sides))
        match = self.layout.match(values, sides, asked.label)[0]
        if not request.by_match and not match.any():
            raise NowhereError(
                "no candidate of the detector overlaps the drawn box, so there is no gradient; "
                "use occlusion or rise"
            )
        row = int(match.argmax()) if match.size else 0
        words = f"{self._name(asked.label)} drawn"
        scores = self.layout.one_hot(values, asked.label)
        return self._target(sides, asked.label, row, scores, words, request, said.frame)

    def _target(
        self, sides: Sides, label: int, row: int, scores: NDArray[np.float64], words: str,
        request: TargetRequest, frame: Frame, strength: float | None = None,
    ) -> Target:  # fmt: skip
        here = ", ".join(f"{s:.0f}" for s in frame.on_photo(sides))
        stem = "".join(c if c.isalnum() else "-" for c in words)
        words = f"{words} in ({here})"
        element = None
        if self.layout.logits is not None:
            element = self.layout.logits.at(self.layout.score_row(label), row)
        source = "" if element is None else element.tensor
        left, top, right, bottom = map(float, sides)
        around = (left, top, right, bottom)
        if request.by_match:
            how: Match = request.match or "score"  # type: ignore[assignment]
            alike = tuple(map(float, scores))
            return BoxMatch(words, stem, self.layout, around, label, source, alike, how)
        part: BoxPart = request.part or "class"  # type: ignore[assignment]
        logit = None
        if element is not None and part == "class":
            logit = Reading((Piece(element.tensor, np.array([element.position])),))
        return BoxNumber(
            words, stem, self.layout, row, label, around, part, logit, source, strength
        )


def _chosen(asked: BoxRequest, said: Detected, name: Any) -> list[int]:
    """Indices of the boxes that are meant."""
    boxes = said.found
    if not len(boxes.scores):
        raise NowhereError(
            "the detector finds no box in this picture; to learn why, draw one: -t 'CLASS in "
            "left,top,right,bottom'"
        )
    among = [
        k for k in range(len(boxes.scores)) if asked.label is None or boxes.labels[k] == asked.label
    ]
    what = "box" if asked.label is None else f"box of {name(asked.label)}"
    if asked.point:
        x, y = asked.point
        sides = said.sides
        among = [
            k for k in among if sides[k, 0] <= x <= sides[k, 2] and sides[k, 1] <= y <= sides[k, 3]
        ]
        what += f" at {x:g},{y:g}"
    if not among:
        raise NowhereError(
            f"no {what} in this picture; it has {', '.join(said.names)}; to learn why, draw one: "
            "-t 'CLASS in left,top,right,bottom'"
        )
    if asked.number > len(among):
        raise NowhereError(
            f"no {what} has number {asked.number} in this picture: it has only {len(among)}"
        )
    return [among[asked.number - 1]] if asked.number else among[: asked.top]
