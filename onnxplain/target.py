"""Which scalar of the model's output is explained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from onnxplain.errors import UnknownNameError, UsageError

Kind = Literal["logit", "probability"]
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
        Class index.
    kind : {"logit", "probability"}
        The score before or after the final Softmax or Sigmoid.
    tensor : str
        ONNX tensor that is read, of shape (N, K) up to axes of length one.
    activation : {"none", "softmax", "sigmoid", "exp"}
        What has to be applied to that tensor first.
    classes : int
        K, the number of classes.
    contrast : int, optional
        A second class whose score is subtracted: "why `index` rather than `contrast`".
    name : str
        Display name of the class.
    """

    index: int
    kind: Kind
    tensor: str
    activation: Activation
    classes: int
    contrast: int | None = None
    name: str = ""

    def select(self, scores: ScoresT) -> ScoresT:
        """Pick the explained scalar from (N, K) scores, as an (N,) array.

        Works on numpy arrays and torch tensors, because it only indexes and subtracts.
        """
        picked = scores[:, self.index]
        return picked if self.contrast is None else picked - scores[:, self.contrast]

    def describe(self) -> str:
        """One short phrase for captions, for example ``"tiger cat (282), logit"``."""
        label = f"{self.name} ({self.index})" if self.name else f"class {self.index}"
        against = "" if self.contrast is None else f" rather than class {self.contrast}"
        return f"{label}{against}, {self.kind}"


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
