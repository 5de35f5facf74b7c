"""Right and wrong answers by class, with what chance alone would allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from onnxplain.audit.records.pictures import Done, Picture

# Up to so many classes their confusions stand in a matrix; else the most frequent in a list.
MOST_IN_MATRIX, _MOST_PAIRS = 12, 20
# Of a normal distribution: 95 % lie within.
_Z = 1.959963984540054


@dataclass(frozen=True)
class ClassAnswers:
    """How the pictures of one class are answered.

    Attributes
    ----------
    index : int
        The true class.
    count, right : int
        Pictures of the class, and those answered rightly.
    low, high : float
        95 % interval of the accuracy.
    taken_for : int or None
        The class most often answered instead.
    """

    index: int
    count: int
    right: int
    low: float
    high: float
    taken_for: int | None


@dataclass(frozen=True)
class Answers:
    """Right and wrong answers of all labelled pictures.

    Attributes
    ----------
    low, high : float
        95 % interval of the accuracy.
    classes : list of ClassAnswers
        By their index.
    indices : list of int
        Rows and columns of the matrix; empty if there are too many.
    counts : dict of (int, int or None) to int
        Pictures by true and answered class.
    """

    low: float
    high: float
    classes: list[ClassAnswers]
    indices: list[int]
    counts: dict[tuple[int, int | None], int]

    @property
    def confusions(self) -> list[tuple[int, int | None, int]]:
        """The most frequent errors: true class, answered class, pictures."""
        wrong = [(n, t, p) for (t, p), n in self.counts.items() if t != p]
        wrong.sort(key=lambda one: (-one[0], one[1], -1 if one[2] is None else one[2]))
        return [(t, p, n) for n, t, p in wrong[:_MOST_PAIRS]]


def answers(pictures: Iterable[Picture]) -> Answers | None:
    """Count answers; nothing if no picture has a label.

    Parameters
    ----------
    pictures : iterable of Picture
        Of a record; memory does not grow with their number.
    """
    counts = Counter(
        (p.label, p.predicted) for p in pictures if isinstance(p, Done) and p.label is not None
    )
    if not counts:
        return None
    sums: Counter[int] = Counter()
    for (label, _), n in counts.items():
        sums[label] += n
    classes = []
    for index in sorted(sums):
        right = counts[index, index]
        wrong = [(-n, p) for (t, p), n in counts.items() if t == index and p != index]
        most = min(wrong, key=lambda one: (one[0], one[1] is None, one[1] or 0), default=(0, None))
        classes.append(
            ClassAnswers(index, sums[index], right, *wilson(right, sums[index]), most[1])
        )
    indices = sorted({k for pair in counts for k in pair if k is not None})
    right = sum(c.right for c in classes)
    return Answers(
        *wilson(right, sums.total()),
        classes,
        indices if len(indices) <= MOST_IN_MATRIX else [],
        dict(counts),
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which holds for few pictures too.

    Parameters
    ----------
    right, count : int
        How many of how many, at least one.
    """
    share, square = right / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
