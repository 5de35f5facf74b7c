"""Right and wrong answers as a report shows them: a matrix, or the most frequent confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from onnxplain.audit.answers import EXCLUSIVE
from onnxplain.audit.records.answers import AnswerSums, Confusion, Part
from onnxplain.audit.records.pictures import PROBABILITY
from onnxplain.audit.records.record import Head

PartT = TypeVar("PartT", bound=Part)
# Up to so many classes their confusions stand in a matrix; else the most frequent in a list.
MOST_IN_MATRIX, _MOST_PAIRS = 12, 20
# A difference that is less likely by chance is told as one.
_RARE = 0.05


@dataclass(frozen=True)
class Answers:
    """Right and wrong answers of all labelled pictures.

    Attributes
    ----------
    told : AnswerSums
        What the record says.
    indices : list of int
        Rows and columns of the matrix; empty if there are too many.
    counts : mapping of (int, int or None) to int
        Pictures by true and answered class.
    """

    told: AnswerSums
    indices: list[int]
    counts: Mapping[tuple[int, int | None], int]

    @property
    def confusions(self) -> list[Confusion]:
        """The most frequent errors."""
        wrong = [c for c in self.told.confusions if c.label != c.predicted]
        return sorted(wrong, key=lambda c: -c.count)[:_MOST_PAIRS]


def drawn_answers(told: AnswerSums | None) -> Answers | None:
    """Put answers in the form of a report; nothing of nothing."""
    if told is None:
        return None
    pairs = {(c.label, c.predicted): c.count for c in told.confusions}
    indices = sorted({k for pair in pairs for k in pair if k is not None})
    return Answers(told, indices if len(indices) <= MOST_IN_MATRIX else [], pairs)


def standing_out(parts: Sequence[PartT], *, worse: bool) -> list[PartT]:
    """Parts that are answered worse, or better, than the others by more than chance explains.

    Parameters
    ----------
    parts : sequence of Part
        Classes or groups.
    worse : bool
        Which of the two.

    Returns
    -------
    list of Part
        The lowest accuracy first, or the highest.
    """
    count, right = (sum(getattr(p, what) for p in parts) for what in ("count", "right"))
    found = [
        p
        for p in parts
        if p.chance is not None
        and p.chance < _RARE
        and (p.right * count < right * p.count) == worse
    ]
    return sorted(found, key=lambda p: p.share if worse else -p.share)


def why_not_calibrated(record: Head) -> str:
    """Say in one line why nothing is said of how true the probabilities are; empty if it is.

    Parameters
    ----------
    record : Head
        The record.
    """
    said = record.predictions
    if said.labelled == 0:
        return "there are no labels to compare them with"
    if said.unit != PROBABILITY:
        return (
            f"the scores are not probabilities (their unit is {said.unit}): neither the graph "
            "nor --scores says so"
        )
    if record.model.task not in EXCLUSIVE:
        return "several labels may be right at once, and the data name one"
    return ""
