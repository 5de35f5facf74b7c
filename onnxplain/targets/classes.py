"""Which scalar of the model's output is explained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError

# "raw" is what the graph output holds, whatever that is.
Kind = Literal["logit", "probability", "raw"]
# What still has to be done to the tensor's values before the target reads them.
Activation = Literal["none", "softmax", "sigmoid", "exp"]

# numpy array or torch tensor: a target only indexes and subtracts.
ScoresT = TypeVar("ScoresT", bound=Any)


@dataclass(frozen=True)
class Target:
    """A scalar of the model's output.

    Attributes
    ----------
    index : int
        Class index c.
    kind : {"logit", "probability", "raw"}
        The score before or after the final Softmax or Sigmoid, or what the output holds.
    tensor : str
        ONNX tensor that is read: (N, K) up to axes of length one, or a dense output.
    activation : {"none", "softmax", "sigmoid", "exp"}
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
    negative : bool
        What speaks for "not this class": -z for a logit z, 1 - p for a probability p.
    position : tuple of int
        In a dense output, one index for each axis beside batch and classes.
    axis : int
        Axis of the classes in a dense output.
    """

    index: int
    kind: Kind
    tensor: str
    activation: Activation
    classes: int
    contrast: int | None = None
    name: str = ""
    margin: bool = False
    negative: bool = False
    position: tuple[int, ...] = ()
    axis: int = 1

    def at_position(self, values: ScoresT) -> ScoresT:
        """Pick (N, K) class scores from the values of the tensor; numpy arrays or tensors."""
        if not self.position:
            return values.reshape(len(values), self.classes)
        place: list[Any] = [slice(None), *self.position]
        place.insert(self.axis, slice(None))
        return values[tuple(place)]

    def select(self, scores: ScoresT) -> ScoresT:
        """Pick the explained scalar from (N, K) scores, as an (N,) array.

        Works on numpy arrays and torch tensors, because it only indexes and subtracts.
        """
        picked = scores[:, self.index]
        if self.contrast is not None:
            return picked - scores[:, self.contrast]
        if self.margin:
            others = scores[:, self._others()]
            return picked - others[list(range(len(others))), others.argmax(1)]
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
            others = self._others()
            rivals = np.asarray(others)[scores[:, others].argmax(1)]
            slopes[np.arange(len(scores)), rivals] -= 1.0
        return slopes

    def _others(self) -> list[int]:
        return [k for k in range(self.classes) if k != self.index]

    def describe(self) -> str:
        """One short phrase for captions, for example ``"tiger cat (282), logit"``."""
        label = f"{self.name} ({self.index})" if self.name else f"class {self.index}"
        against = "" if self.contrast is None else f" rather than class {self.contrast}"
        against += " rather than any other" if self.margin else ""
        return f"{'not ' * self.negative}{label}{against}{self.where}, {self.kind}"

    @property
    def where(self) -> str:
        """The position, for captions; empty if there is none."""
        return f" at ({', '.join(map(str, self.position))})" if self.position else ""

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        place = "-at-" + "-".join(map(str, self.position)) if self.position else ""
        return f"{'not-' * self.negative}{self.index}{place}"


def class_index(name: str | int, labels: Sequence[str], classes: int) -> int:
    """Class index that a person means by a number or a name.

    Parameters
    ----------
    name : str or int
        An index, or a class name (case does not matter).
    labels : sequence of str
        Display names in class order; may be empty.
    classes : int
        Number of classes.

    Raises
    ------
    UsageError
        If the index is out of range, or several classes have that name.
    UnknownNameError
        If no class has that name; the nearest names are offered.
    """
    text = str(name).strip()
    if re.fullmatch(r"-?\d+", text):
        index = int(text)
        if not 0 <= index < classes:
            raise UsageError(f"class index {index} is out of range: the model has 0..{classes - 1}")
        return index
    wanted = text.lower()
    matches = [i for i, label in enumerate(labels) if label.lower() == wanted]
    if len(matches) > 1:
        raise UsageError(f"class name {text!r} stands at indices {matches}; give the index")
    if not matches:
        hint = f"an index 0..{classes - 1} does as well"
        if not labels:
            hint = f"the model has no class names: give an index 0..{classes - 1} or --labels FILE"
        raise UnknownNameError("class", text, labels, hint)
    return matches[0]
