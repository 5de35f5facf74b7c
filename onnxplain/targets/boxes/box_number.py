"""One number of one candidate of a detector: what gradient and relevance methods explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.boxes.overlap import iou
from onnxplain.targets.boxes.parts import BoxPart
from onnxplain.targets.reading import Reading
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.target import Target

# Boxes that overlap by so much are one.
_SAME = 0.5
# How far the engines may be from each other in one and the same score.
_NEAR = 1e-3
# What left, top, right and bottom count.
_SIDES: dict[str, tuple[float, float, float, float]] = {
    "left": (1, 0, 0, 0),
    "top": (0, 1, 0, 0),
    "right": (0, 0, 1, 0),
    "bottom": (0, 0, 0, 1),
    "x": (0.5, 0, 0.5, 0),
    "y": (0, 0.5, 0, 0.5),
    "width": (-1, 0, 1, 0),
    "height": (0, -1, 0, 1),
}


@dataclass(frozen=True)
class BoxNumber(Target):
    """A score or a side of the candidate that a box comes from.

    Attributes
    ----------
    words : str
        What the box is, for captions.
    name_part : str
        See `Target.stem`.
    layout : BoxLayout
        How candidates are read.
    row : int
        The candidate; it stays the same however the picture changes.
    label : int
        Its class.
    sides : (4,) tuple
        Left, top, right and bottom of the box, in pixels of the input.
    part : str
        One of `PARTS`: the class's score alone, that score times objectness, or a side.
    logit : Reading, optional
        The number in front of the activation of the class's score, which is explained in its
        place.
    source : str
        See `Target.origin`; empty if unknown.
    strength : float, optional
        Score of the box in the explained picture, by which it is known where the file ranks boxes.
    """

    words: str
    name_part: str
    layout: BoxLayout = field(compare=False, repr=False)
    row: int
    label: int
    sides: tuple[float, float, float, float]
    part: BoxPart = "class"
    logit: Reading | None = field(default=None, compare=False, repr=False)
    source: str = ""
    strength: float | None = field(default=None, compare=False, repr=False)

    @property
    def origin(self) -> str | None:
        """Tensor that holds the logit of the candidate."""
        return self.source or None

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read."""
        layout = self.layout
        if self.logit is not None:
            return self.logit.tensors
        if self.part in _SIDES:
            return layout.boxes.tensors
        extra = layout.objectness.tensors if self.part == "score" and layout.objectness else ()
        return tuple(dict.fromkeys((*layout.scores.tensors, *extra)))

    @property
    def unit(self) -> str:
        """What the number is."""
        if self.logit is not None:
            return "logit"
        return "pixels" if self.part in _SIDES else "score"

    @property
    def one_by_one(self) -> bool:
        """See `Target.one_by_one`."""
        return self.layout.one_by_one

    @property
    def is_linear(self) -> bool:
        """Whether the number is a linear function of its tensors."""
        layout = self.layout
        if self.logit is not None:
            return True
        if self.part in _SIDES:
            return layout.boxes.squash == "none" and layout.code.is_plain
        return layout.scores.squash == "none" and not self._factor

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the number of each input, (N,)."""
        layout = self.layout
        if self.logit is not None:
            return self.logit.read(values)[:, 0]
        self._require_same_box(values)
        if self.part in _SIDES:
            sides = layout.sides(values)[:, :, self.row]
            return np.asarray(sides @ np.array(_SIDES[self.part]))
        found = layout.scores.read(values)[:, layout.score_row(self.label), self.row]
        if self._factor and layout.objectness is not None:
            found = found * layout.objectness.read(values)[:, 0, self.row]
        return np.asarray(found)

    def slopes(self, values: Values) -> Slopes:
        """Return the derivatives with respect to the tensors."""
        layout = self.layout
        if self.logit is not None:
            one = np.ones(self.logit.read(values).shape)
            return self.logit.slopes(values, one)
        self._require_same_box(values)
        if self.part in _SIDES:
            raw = layout.boxes.read(values)
            weights = np.zeros((4, raw.shape[2]))
            weights[:, self.row] = _SIDES[self.part]
            return layout.boxes.slopes(values, layout.code.slope(raw, weights))
        scores = layout.scores.read(values)
        row = layout.score_row(self.label)
        weights = np.zeros(scores.shape)
        weights[:, row, self.row] = 1.0
        if not self._factor or layout.objectness is None:
            return layout.scores.slopes(values, weights)
        factor = layout.objectness.read(values)
        weights[:, row, self.row] = factor[:, 0, self.row]
        found = layout.scores.slopes(values, weights)
        weights = np.zeros(factor.shape)
        weights[:, 0, self.row] = scores[:, row, self.row]
        for name, slope in layout.objectness.slopes(values, weights).items():
            found[name] = found[name] + slope if name in found else slope
        return found

    def describe(self) -> str:
        """One short phrase for captions."""
        named = {"class": self.unit if self.logit is not None else "class score"}
        return f"{self.words}, {named.get(self.part, self.part)}"

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        return self.name_part if self.part == "class" else f"{self.name_part}-{self.part}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for records."""
        return {
            "type": "box-number",
            "describe": self.describe(),
            "stem": self.stem,
            "unit": self.unit,
            "tensors": list(self.tensors),
            "row": self.row,
            "label": self.label,
            "sides": [float(s) for s in self.sides],
            "part": self.part,
        }

    def _require_same_box(self, values: Values) -> None:
        """Refuse inputs in which another box stands in the row, where rows are ranks."""
        layout = self.layout
        if layout.labels is None:
            return
        read = (layout.boxes if self.part in _SIDES else layout.scores).read(values)
        same = self.row < read.shape[2]
        if same and set(layout.boxes.tensors) <= set(values):
            shared = iou(layout.sides(values)[..., self.row, None], np.array(self.sides))
            same = bool((shared >= _SAME).all())
        elif same and self.strength is not None:
            same = np.allclose(read[:, 0, self.row], self.strength, rtol=_NEAR, atol=_NEAR)
        if not same:
            raise MethodRefusedError(
                f"the file ranks its boxes, and number {self.row + 1} is another box in other "
                "pictures that this method needs; use a method that needs this picture only "
                "(gradient, grad-cam), or one without gradients (rise, occlusion)"
            )

    @property
    def _factor(self) -> bool:
        return self.part == "score" and self.layout.objectness is not None
