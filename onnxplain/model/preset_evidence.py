"""Which of several preprocessings do a model's own scores speak for?

A network that gets what it was trained on answers with one score far above the others, and
answers different pictures differently. On a wrong scale the scores are flat, or large and the
same for every picture. How far the best score stands out is counted in standard deviations of
that picture's scores, so that a scale that blows all of them up gains nothing; probabilities
would be near 1 then. Whether answers are steady under a little light or a small shift was
measured as well, and does not tell: a wrong scale is as steady as the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# One in 20 that the first is ahead by chance, and a difference that is worth a word.
_CHANCE, _LEAST = 0.05, 0.02
# Signs of so many differences are tried in all combinations.
_MOST = 16


@dataclass(frozen=True)
class Evidence:
    """What the scores of some pictures under one preprocessing say for it.

    Attributes
    ----------
    height : (N,) array
        How far the best score of each picture stands above the mean, or that of its known
        class, in standard deviations of its scores.
    alike : float
        Share of the scores that all pictures have in common, from 0 to 1; 0 of one picture.
    winners : tuple of int
        The best class of each picture.
    right : float, optional
        Share of the pictures whose class is known that get it; ``None`` if none is.
    """

    height: NDArray[np.float64]
    alike: float
    winners: tuple[int, ...]
    right: float | None = None

    @property
    def clearness(self) -> NDArray[np.float64]:
        """Each picture's (N,) height, less what all pictures have in common.

        Where all classes are known, sameness is no sign of a fault: the height is enough.
        """
        return self.height if self.right is not None else self.height * (1 - self.alike)

    @property
    def strength(self) -> float:
        """What preprocessings are ranked by, after the share of right answers."""
        return float(self.clearness.mean())


def evidence(
    scores: NDArray[np.float64], winners: Sequence[int], classes: Sequence[int] | None = None
) -> Evidence:
    """Weigh the scores of some pictures.

    Parameters
    ----------
    scores : (N, K) array
        Logits, or what there is.
    winners : sequence of int
        The class that each picture is given.
    classes : sequence of int, optional
        The class of each picture.
    """
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    standard = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    count = len(scores)
    alike = 0.0
    if count > 1:
        # Of unrelated answers the mean keeps one part in N.
        shared = float(np.mean(standard.mean(axis=0) ** 2))
        alike = float(np.clip((shared - 1 / count) / (1 - 1 / count), 0.0, 1.0))
    if classes is None:
        return Evidence(standard.max(axis=1), alike, tuple(winners))
    right = float(np.mean(np.equal(winners, classes)))
    return Evidence(standard[np.arange(count), list(classes)], alike, tuple(winners), right)


def beats(first: Evidence, second: Evidence) -> bool:
    """Whether the pictures speak so clearly for the first that chance is no explanation.

    All changes of sign of the differences are compared with them (a randomisation test).
    Pictures that the first one gives the same class are one witness together, as ten
    pictures of one cat are, unless their classes are known.
    """
    differences = first.clearness - second.clearness
    if first.right is None or second.right is None:
        groups = sorted(set(first.winners))
        differences = np.array([differences[np.equal(first.winners, g)].mean() for g in groups])
    elif first.right < second.right:
        return False
    mean = float(differences.mean())
    if mean < _LEAST * abs(first.strength) or mean <= 0:
        return False
    return _by_chance(differences[:_MOST]) <= _CHANCE


def witnesses(first: Evidence) -> int:
    """How many pictures count as independent of each other; see `beats`."""
    return len(first.winners) if first.right is not None else len(set(first.winners))


def enough(count: int) -> bool:
    """Whether so many witnesses that all say the same can decide anything."""
    return 0.5**count <= _CHANCE


def _by_chance(differences: NDArray[np.float64]) -> float:
    """How often differences with signs drawn at random have as large a mean."""
    count = len(differences)
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    means = ((1 - 2 * bits) @ differences) / count
    # What differs by rounding alone counts as equally large.
    slack = 1e-12 * float(np.abs(differences).sum())
    return float(np.mean(means >= differences.mean() - slack))
