"""What a record says of right and wrong answers: by class, by group, and by how sure they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Part:
    """How the labelled pictures of one part of the data are answered.

    Attributes
    ----------
    count, right : int
        Pictures, and those answered rightly.
    low, high : float
        95 % interval of the accuracy.
    chance : float or None
        How likely so large a difference from all other labelled pictures is if there is none
        (Fisher's exact test, two-sided), times the number of parts that are compared, at most 1;
        ``None`` if there are no others.
    """

    count: int
    right: int
    low: float
    high: float
    chance: float | None

    @property
    def share(self) -> float:
        """Accuracy."""
        return self.right / self.count


@dataclass(frozen=True, kw_only=True)
class ClassAnswers(Part):
    """Answers to the pictures of one true class, and the class most often answered instead."""

    index: int
    taken_for: int | None


@dataclass(frozen=True, kw_only=True)
class GroupAnswers(Part):
    """Answers to the pictures of one group; ``None`` of those that no row puts into one."""

    group: str | None


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many pictures of a true class get an answer; ``None`` for no class at all."""

    label: int
    predicted: int | None
    count: int


@dataclass(frozen=True, kw_only=True)
class SureBin:
    """Answers whose probability lies in one of equal steps.

    Attributes
    ----------
    above : float
        Lower end of the step.
    count, right : int
        Answers, and those that are right.
    sure : float
        Mean probability.
    low, high : float
        95 % interval of the accuracy.
    """

    above: float
    count: int
    right: int
    sure: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether answers are right as often as their probability says.

    Attributes
    ----------
    count : int
        Labelled answers with a probability.
    sure, right : float
        Mean probability of the answers, and their accuracy.
    low, high : float
        95 % interval of the accuracy.
    error : float
        Expected calibration error: mean distance of probability and accuracy over the bins,
        weighted by their answers.
    by_chance : float
        What it would be on average if every probability were true.
    bins : sequence of SureBin
        Those that hold an answer, in order.
    """

    count: int
    sure: float
    right: float
    low: float
    high: float
    error: float
    by_chance: float
    bins: Sequence[SureBin]


@dataclass(frozen=True, kw_only=True)
class AnswerSums:
    """Right and wrong answers of all labelled pictures.

    Attributes
    ----------
    low, high : float
        95 % interval of the accuracy.
    classes : sequence of ClassAnswers
        By their index.
    confusions : sequence of Confusion
        Of every pair that occurs, right answers included.
    groups : sequence of GroupAnswers, optional
        By name, the pictures of none last; left out if no groups are named.
    calibration : Calibration, optional
        Left out where answers have no probability, or several may be right at once.
    """

    low: float
    high: float
    classes: Sequence[ClassAnswers]
    confusions: Sequence[Confusion]
    groups: Sequence[GroupAnswers] | None = None
    calibration: Calibration | None = None
