"""What a model says about one picture, and where each score is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import Parity
from onnxplain.errors import UsageError
from onnxplain.network.network import Network
from onnxplain.targets.classes import Kind, Target
from onnxplain.targets.request import TargetRequest

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Prediction:
    """What the model says about one picture.

    Attributes
    ----------
    logits, probabilities : (K,) array
        Scores of all classes before and after the final Softmax or Sigmoid.
    raw : (K,) array
        What the graph output holds.
    position : tuple of int
        Where a dense output was read.
    parity : Parity or None
        Agreement of the two engines, once a method has needed PyTorch.
    """

    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    raw: NDArray[np.float64]
    position: tuple[int, ...] = ()
    parity: Parity | None = None

    def of_kind(self, kind: Kind) -> NDArray[np.float64]:
        """Return the (K,) scores of that kind."""
        return {"logit": self.logits, "probability": self.probabilities, "raw": self.raw}[kind]


def read_class(
    network: Network, kind: Kind, position: tuple[int, ...], index: int = 0, name: str = ""
) -> Target:
    """Return the plain target of one class.

    Parameters
    ----------
    network : Network
        The model.
    kind : {"logit", "probability", "raw"}
        Which score.
    position : tuple of int
        A checked place in a dense output; empty otherwise.
    index : int
        Class index.
    name : str
        Its display name.
    """
    tensor, activation = network.read(kind)
    axis = network.output_axes.axis
    return Target(
        index, kind, tensor, activation, network.classes, name=name, position=position, axis=axis
    )


def targets_of(
    network: Network,
    labels: Sequence[str],
    wanted: TargetRequest,
    prediction: Prediction,
    kind: Kind,
    contrast: int | None,
    margin: bool,
) -> list[Target]:
    """Targets of one picture that a person's words stand for.

    Parameters
    ----------
    network : Network
        The model.
    labels : sequence of str
        Display names in class order; may be empty.
    wanted : TargetRequest
        What was asked for, its position checked.
    prediction : Prediction
        What the model says about the picture, at that position.
    kind, contrast, margin
        See `Target`.

    Raises
    ------
    UsageError
        If parts of the target exclude each other, or the prediction is of another position.
    """
    require_meaning(network, wanted, contrast, margin)
    if wanted.position != prediction.position:
        raise UsageError(f"the prediction is that at position {prediction.position}, not there")
    found = []
    for index in wanted.indices(prediction.probabilities, contrast):
        label = labels[index] if labels else ""
        plain = read_class(network, kind, wanted.position, index, label)
        found.append(replace(plain, contrast=contrast, margin=margin, negative=wanted.negative))
    return found


def require_meaning(
    network: Network, wanted: TargetRequest, contrast: int | None, margin: bool
) -> None:
    """Refuse combinations that mean nothing.

    Raises
    ------
    UsageError
        With what to ask for in their place.
    """
    if contrast is not None and contrast == wanted.index:
        raise UsageError(f"class {contrast} cannot be contrasted with itself")
    if (contrast is not None) + margin + wanted.negative > 1:
        raise UsageError("contrast, margin and a negative target exclude each other")
    if margin and network.classes == 1:
        raise UsageError("a single score has no margin; not-0 explains its negative")
    if wanted.negative and network.classes > 1 and network.head.kind != "sigmoid":
        raise UsageError(
            "the negative of a class is defined for a Sigmoid, and this model's classes compete; "
            "use --contrast or --margin"
        )
