"""How much does a map change, relative to what changed in the picture or in the answer?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.question import classes_of

# Neighbours of a picture, as of `max_sensitivity`.
_SAMPLES = 10
# Every value of a neighbour differs by at most this share of itself. Relative noise: a value of
# zero stays zero, and no relative change of an input is a division by zero.
_RADIUS = 0.02
# The smallest denominator, as in the authors' code.
_LEAST = 1e-6


@dataclass(frozen=True)
class Neighbour:
    """A picture with a little noise that has the same prediction.

    Attributes
    ----------
    x : (...) array
        The model input.
    heatmap : (H, W) array
        Its map.
    answer : (K,) array
        What the model says of it.
    """

    x: NDArray[np.float64]
    heatmap: NDArray[np.float64]
    answer: NDArray[np.float64]


def input_stability(first: Neighbour, others: list[Neighbour]) -> float:
    """Largest relative change of the map for a relative change of the input.

    Parameters
    ----------
    first : Neighbour
        The picture itself.
    others : list of Neighbour
        Those around it.

    Returns
    -------
    float
        0 or more; 0 for a map that stays.

    Raises
    ------
    NumericalError
        If a pixel of the map that is zero changes: its relative change is infinite.

    References
    ----------
    Agarwal et al. 2022, arXiv:2203.06877 (relative input stability).
    """
    return max(
        _relative(first.heatmap, other.heatmap, "map")
        / max(_relative(first.x, other.x, "picture"), _LEAST)
        for other in others
    )


def output_stability(first: Neighbour, others: list[Neighbour]) -> float:
    """Largest relative change of the map for a change of the answer.

    Parameters
    ----------
    first, others
        See `input_stability`.

    Returns
    -------
    float
        0 or more; 0 for a map that stays. The answer's change is in its own units.

    Raises
    ------
    NumericalError
        As of `input_stability`, and if no neighbour changes the answer.

    References
    ----------
    Agarwal et al. 2022, arXiv:2203.06877 (relative output stability).
    """
    moves = [float(np.linalg.norm(first.answer - other.answer)) for other in others]
    if min(moves) < _LEAST:
        raise NumericalError(
            f"noise of {_RADIUS:.0%} leaves the answer as it is, so that nothing is there for the "
            "map's change to be compared with"
        )
    changes = [_relative(first.heatmap, other.heatmap, "map") for other in others]
    return max(change / move for change, move in zip(changes, moves, strict=True))


def relative_input_stability(case: Case) -> float:
    """Stability of the map of a case, relative to the picture."""
    return input_stability(*case.once(_neighbours))


def relative_output_stability(case: Case) -> float:
    """Stability of the map of a case, relative to the answer."""
    return output_stability(*case.once(_neighbours))


def _relative(before: NDArray[np.float64], after: NDArray[np.float64], what: str) -> float:
    """Euclidean norm of the changes, each as a share of the value before; 0/0 is no change."""
    change = before - after
    zero = before == 0
    if change[zero].any():
        raise NumericalError(
            f"the {what} is zero at {int((zero & (change != 0)).sum())} places that noise changes, "
            "and a change from zero has no relative size; choose max-sensitivity"
        )
    return float(np.linalg.norm(change[~zero] / before[~zero]))


def _neighbours(case: Case) -> tuple[Neighbour, list[Neighbour]]:
    """Return the picture, and those around it that the model answers alike."""
    rng = case.stream(4)
    x = case.picture.x
    answer, winner = _answer(case, x)
    first = Neighbour(x[0].astype(np.float64), case.heatmap, answer)
    found = list(_around(case, rng, winner))
    if not found:
        raise NumericalError(
            f"none of {_SAMPLES} pictures with noise of {_RADIUS:.0%} is another picture with the "
            "same prediction, and only such are compared"
        )
    return first, found


def _around(case: Case, rng: np.random.Generator, winner: int | None) -> Iterator[Neighbour]:
    x = case.picture.x
    for _ in range(_SAMPLES):
        noise = 1 + _RADIUS * rng.uniform(-1.0, 1.0, x.shape)
        moved = (x * noise).astype(x.dtype)
        answer, other = _answer(case, moved)
        if other != winner or np.array_equal(moved, x):
            continue
        pixels = case.model.preprocess.decode(moved)[0]
        heatmap = case.remap(replace(case.picture, x=moved, pixels=pixels))
        yield Neighbour(moved[0].astype(np.float64), heatmap, answer)


def _answer(case: Case, x: NDArray[Any]) -> tuple[NDArray[np.float64], int | None]:
    """Return what the model says, before its final activation if that is in the file.

    Of what is no class, the explained number itself, and no winner.
    """
    classes = classes_of(case.model)
    if classes is None:
        return case.score(x), None
    values = case.model.network.ort.activations(x, classes.tensors)
    said = classes.predict(values, case.position)
    return said.of_kind(classes.kind("logit")), said.winner
