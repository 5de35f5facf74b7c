"""The score of a class: one of K, yes or no, at a place or over a region of a dense answer."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.targets.reading import Activation, Piece, Reading
from onnxplain.targets.secants import Slopes, Values, averaged
from onnxplain.targets.target import Target

# "raw" is what the graph output holds, whatever that is.
Kind = Literal["logit", "probability", "raw"]
_UNITS = {"raw": "score"}


@dataclass(frozen=True)
class ClassScore(Target):
    """The score of one class, or a difference of two.

    Attributes
    ----------
    index : int
        Class index c.
    kind : {"logit", "probability", "raw"}
        The score before or after the final Softmax or Sigmoid, or what the output holds.
    tensor : str
        ONNX tensor that is read: (N, K) up to axes of length one, or a dense output.
    activation : {"none", "softmax", "softmin", "sigmoid", "exp"}
        What has to be applied to the class scores first.
    classes : int
        K, the number of classes.
    contrast : int, optional
        A second class whose score is subtracted: "why `index` rather than `contrast`".
    name : str
        Display name of the class.
    margin : bool
        The largest score of any other class is subtracted. Among equals the class of the
        lowest index counts; where the largest changes from one class to another, the
        derivative is that of the class which is the largest there.
    others : bool
        The mean score of all other classes is subtracted: what is the same in every logit, which
        a Softmax does not see, then changes nothing.
    negative : bool
        What speaks for "not this class": -z for a logit z, 1 - p for a probability p.
    position : tuple of int
        In a dense output, one index for each axis beside batch and classes.
    axis : int
        Axis of the classes in a dense output.
    region : str
        What part of a dense output is averaged over, for captions; empty for a single place.
    reading : Reading, optional
        How the scores are read, as (K,) or as (K, M) for M places; from `tensor`,
        `activation`, `position` and `axis` if not given.
    weights : (M,) array, optional
        Share of each place of the region; they add up to one.
    """

    index: int
    kind: Kind
    tensor: str
    activation: Activation
    classes: int
    contrast: int | None = None
    name: str = ""
    margin: bool = False
    others: bool = False
    negative: bool = False
    position: tuple[int, ...] = ()
    axis: int = 1
    region: str = ""
    reading: Reading | None = field(default=None, compare=False, repr=False)
    weights: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read."""
        return (self.tensor,) if self.reading is None else self.reading.tensors

    @property
    def unit(self) -> str:
        """What the number is."""
        return _UNITS.get(self.kind, self.kind)

    @property
    def is_linear(self) -> bool:
        """Whether no activation stands between the tensors and the scores."""
        return self.activation == "none" if self.reading is None else self.reading.is_linear

    @property
    def is_plain(self) -> bool:
        """Whether it is the score of one class, with nothing subtracted."""
        return not (self.contrast is not None or self.margin or self.others or self.negative)

    @property
    def is_probability(self) -> bool:
        """Whether it is the probability of one class, or of its negative."""
        return self.kind == "probability" and (self.is_plain or self.negative)

    def class_scores(self, values: Values) -> NDArray[np.float64]:
        """Return the scores of all classes, (N, K), averaged over the region if there is one.

        Raises
        ------
        NumericalError
            If a value is NaN or infinite.
        UnsupportedModelError
            If the model answers with fewer numbers than its shapes say.
        """
        scores = self._reading(values).read(values)
        scores = scores if self.weights is None else scores @ self.weights
        if scores.shape[1] < self.classes:
            raise UnsupportedModelError(
                f"the file's shapes say {self.classes} classes, and the model answers with "
                f"{scores.shape[1]} numbers: correct the shapes, or export the model again"
            )
        return scores

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the explained number of each input, (N,)."""
        return self.select(self.class_scores(values))

    def slopes(self, values: Values) -> Slopes:
        """Return the derivatives with respect to the tensors."""
        return self.slopes_of(values, self.coefficients(self.class_scores(values)))

    def slopes_of(self, values: Values, mixed: NDArray[Any]) -> Slopes:
        """Return the derivatives of a sum of class scores with the weights `mixed`, (N, K)."""
        if self.weights is not None:
            mixed = mixed[..., None] * self.weights
        return self._reading(values).slopes(values, mixed)

    def secants(self, here: Values, there: Values) -> Slopes:
        """Return multipliers between two inputs; exact also where the rival class changes.

        A rise of the largest other score is that of the class which is the largest for the
        picture, a fall that of the class which was the largest for the baseline.
        """
        if not self.margin:
            return super().secants(here, there)
        one, other = self.class_scores(here), self.class_scores(there)
        first, second = self._rivals(one), self._rivals(other)
        rows = np.arange(len(one))
        rise = one[rows, first] - other[rows, second]
        rival = np.where(rise > 0, first, second)
        moved = one[rows, rival] - other[rows, rival]
        mixed = np.zeros(one.shape)
        mixed[:, self.index] = 1.0
        mixed[rows, rival] -= rise / np.where(moved == 0, 1.0, moved)
        if self.is_linear:
            return self.slopes_of(here, mixed)
        return averaged(
            lambda values: (self.class_scores(values) * mixed).sum(axis=1),
            lambda values: self.slopes_of(values, mixed),
            self.tensors,
            here,
            there,
        )

    def select(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Pick the explained scalar from (N, K) scores, as an (N,) array."""
        picked = scores[:, self.index]
        if self.contrast is not None:
            return picked - scores[:, self.contrast]
        if self.margin:
            others = scores[:, self._others()]
            return picked - others[np.arange(len(others)), others.argmax(1)]
        if self.others:
            return picked - scores[:, self._others()].mean(axis=1)
        if self.negative:
            return 1.0 - picked if self.kind == "probability" else -picked
        return picked

    def coefficients(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Derivative of the explained scalar with respect to (N, K) scores."""
        slopes = np.zeros(scores.shape)
        slopes[:, self.index] = -1.0 if self.negative else 1.0
        if self.contrast is not None:
            slopes[:, self.contrast] -= 1.0
        if self.margin:
            slopes[np.arange(len(scores)), self._rivals(scores)] -= 1.0
        if self.others:
            slopes[:, self._others()] -= 1.0 / (self.classes - 1)
        return slopes

    def describe(self) -> str:
        """One short phrase for captions, for example ``"tiger cat (282), logit"``."""
        label = f"{self.name} ({self.index})" if self.name else f"class {self.index}"
        against = "" if self.contrast is None else f" rather than class {self.contrast}"
        against += " rather than any other" if self.margin else ""
        against += " above the mean of the others" if self.others else ""
        return f"{'not ' * self.negative}{label}{against}{self.where}, {self.unit}"

    @property
    def where(self) -> str:
        """The position or region, for captions; empty if there is none."""
        if self.region:
            return f" in {self.region}"
        return f" at ({', '.join(map(str, self.position))})" if self.position else ""

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        place = "-at-" + "-".join(map(str, self.position)) if self.position else ""
        if self.region:
            place = "-in-" + "".join(c if c.isalnum() else "-" for c in self.region)
        return f"{'not-' * self.negative}{self.index}{place}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for records."""
        left_out = ("reading", "weights")
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        return {"type": "class", **plain, "position": list(self.position)}

    def _reading(self, values: Values) -> Reading:
        if self.reading is not None:
            return self.reading
        shape = values[self.tensor].shape[1:]
        positions = np.arange(int(np.prod(shape))).reshape(shape)
        if self.position:
            place: list[Any] = list(self.position)
            place.insert(self.axis - 1, slice(None))
            positions = positions[tuple(place)]
        if positions.size != self.classes:
            raise UsageError(
                f"the target {self.describe()!r} comes from a record; resolve it again"
            )
        return Reading(
            (Piece(self.tensor, positions.reshape(self.classes)),), activation=self.activation
        )

    def _rivals(self, scores: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class with the largest score of any but this one, for each input."""
        others = self._others()
        return others[scores[:, others].argmax(1)]

    def _others(self) -> NDArray[np.intp]:
        every = np.arange(self.classes)
        return every[every != self.index]


def against_others(target: Target) -> Target:
    """Return the logit of a class minus the mean of all others; any other target as it is.

    A Softmax is the same whatever is added to all logits, so a network may learn any common
    part, which says nothing of the class: gradients and relevance of a logit alone hold it.
    """
    if not isinstance(target, ClassScore) or target.kind != "logit":
        return target
    return replace(target, others=True) if target.is_plain and target.classes > 1 else target


def class_of(target: Target) -> int:
    """Index of the class that a target is the score of.

    Raises
    ------
    UsageError
        If it is something else, its negative included.
    """
    if not isinstance(target, ClassScore) or target.negative:
        raise UsageError(f"this needs a class, but the target is {target.describe()}")
    return target.index
