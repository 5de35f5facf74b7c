"""How well any box of a picture matches one box: what perturbation methods explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.boxes.parts import Match
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.target import Target


@dataclass(frozen=True)
class BoxMatch(Target):
    """Largest likeness to one box over all candidates, which count before any suppression.

    By likeness, it is the similarity of D-RISE (Petsiuk et al., CVPR 2021): overlap times cosine
    of all scores times objectness. By score, the score of the explained class, with objectness,
    stands in the place of the last two.

    Attributes
    ----------
    words : str
        What the box is, for captions.
    name_part : str
        See `Target.stem`.
    layout : BoxLayout
        How candidates are read.
    sides : (4,) tuple
        Left, top, right and bottom of the box, in pixels of the input.
    label : int
        Its class.
    source : str
        See `Target.origin`; empty if unknown.
    scores : tuple of float
        All scores of the candidate that the box comes from; of a box that a person draws, one at
        its class and zero elsewhere.
    match : {"score", "likeness"}
        What counts beside overlap.
    """

    words: str
    name_part: str
    layout: BoxLayout = field(compare=False, repr=False)
    sides: tuple[float, float, float, float]
    label: int
    source: str = ""
    scores: tuple[float, ...] = ()
    match: Match = "score"

    @property
    def origin(self) -> str | None:
        """Tensor that holds the logit of the candidate that the box comes from."""
        return self.source or None

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read."""
        return self.layout.tensors

    @property
    def unit(self) -> str:
        """What the number is."""
        return "match" if self.match == "score" else "likeness"

    @property
    def one_by_one(self) -> bool:
        """See `Target.one_by_one`."""
        return self.layout.one_by_one

    @property
    def is_linear(self) -> bool:
        """Never: overlap is a quotient, and the best candidate changes."""
        return False

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the match of each input, (N,), in 0..1 if scores are."""
        box = np.array(self.sides)
        if self.match == "score":
            alike = self.layout.match(values, box, self.label)
        else:
            alike = self.layout.likeness(values, box, self.label, np.array(self.scores))
        found: NDArray[np.float64] = alike.max(axis=1, initial=0.0)
        return found

    def slopes(self, values: Values) -> Slopes:
        """Refuse: a match is for methods that change the picture.

        Raises
        ------
        MethodRefusedError
            Always.
        """
        raise MethodRefusedError(
            "how well boxes match has no gradient: gradient and relevance methods explain the "
            "score or a side of one candidate (--part class, score, left, ...)"
        )

    def describe(self) -> str:
        """One short phrase for captions."""
        return f"{self.words}, {self.unit}"

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        return self.name_part

    def to_dict(self) -> dict[str, Any]:
        """Plain data for records."""
        return {
            "type": "box-match",
            "describe": self.describe(),
            "stem": self.stem,
            "unit": self.unit,
            "tensors": list(self.tensors),
            "sides": [float(s) for s in self.sides],
            "label": self.label,
            "match": self.match,
            **({"scores": list(self.scores)} if self.match == "likeness" else {}),
        }
