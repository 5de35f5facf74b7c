"""What a record says of all pictures together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnxplain.audit.records.answers import AnswerSums
from onnxplain.audit.records.pictures import PROBABILITY, Scored
from onnxplain.audit.records.plain import UNSAID, Unsaid, said

# What a suspect can be, see `onnxplain.audit.shortcuts.suspects`.
FIXED_PLACE, OUTSIDE_THE_MASK = "fixed place", "outside the mask"
BESIDE = "beside the object"
# What finds the last one, in the place of a method.
COVERING = "covering"


@dataclass(frozen=True, kw_only=True)
class _Ranked:
    number: int
    name: str
    label: int | None
    predicted: int


@dataclass(frozen=True, kw_only=True)
class Ranked(Scored, _Ranked):
    """A picture in a list of answers, with the score of the predicted class."""


@dataclass(frozen=True, kw_only=True)
class PredictionSums:
    """How many answers are right, and which are the most and least sure.

    Attributes
    ----------
    scored, labelled, right : int
        Pictures with an answer, those of them with a label, and those answered rightly.
    accuracy : float or None
        ``None`` without labels.
    said_unit, said_target_unit : str, optional
        What scores and explained numbers are, if the record says it.
    """

    scored: int
    labelled: int
    right: int
    accuracy: float | None
    said_unit: str | None = said("unit")
    said_target_unit: str | None = said("target_unit")
    most_confident_errors: Sequence[Ranked]
    least_confident_errors: Sequence[Ranked]
    least_confident: Sequence[Ranked]

    @property
    def unit(self) -> str:
        """What the scores of the answers are."""
        return self.said_unit or PROBABILITY

    @property
    def target_unit(self) -> str:
        """What the explained numbers are."""
        return self.said_target_unit or PROBABILITY


@dataclass(frozen=True, kw_only=True)
class MeasureSum:
    """One number about one method's maps, over all pictures."""

    method: str
    measure: str
    count: int
    mean: float
    deviation: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class CurveSum:
    """Mean curve of a method, with the quartiles at each share of the pixels."""

    method: str
    measure: str
    count: int
    mean: Sequence[float]
    lower_quartile: Sequence[float]
    upper_quartile: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class SanitySum:
    """A method's verdict in words, with the means behind it."""

    method: str
    pictures: int
    left: float
    layers: Sequence[str]
    spearman: Sequence[float]
    verdict: str
    other_class: float | None = None
    other_class_verdict: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A picture that could not be examined."""

    number: int
    name: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class ClassSum:
    """Where a method has the evidence of one class, on average.

    Attributes
    ----------
    index : int or None
        The class or value; ``None`` if the target has none.
    method : str
        The method.
    count : int
        How many pictures.
    evidence : mapping of str to float
        Mean share in each zone.
    mean_map : sequence of sequences of float
        Rows of the mean map.
    """

    index: int | None
    method: str
    count: int
    evidence: Mapping[str, float]
    mean_map: Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Exemplar:
    """A picture that is typical of a cluster."""

    number: int
    name: str


@dataclass(frozen=True, kw_only=True)
class ClusterSum:
    """Pictures of one class whose maps are alike."""

    count: int
    numbers: Sequence[int]
    exemplars: Sequence[Exemplar]
    mean_map: Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class ClusteringSum:
    """The clusters of one class by one method, the largest first."""

    index: int | None
    method: str
    pictures: int
    eigenvalues: Sequence[float]
    clusters: Sequence[ClusterSum]


@dataclass(frozen=True, kw_only=True)
class TriedPlace:
    """What a suspected place does in pictures of other classes.

    See `onnxplain.audit.shortcuts.transplant.Transplant`. Before format 5 there is no `way`, no
    `steady` and no place that was found by its content.
    """

    same: float | None
    rise: float | None
    donors: Sequence[int]
    hosts: Sequence[int]
    way: float | Unsaid | None = UNSAID
    steady: float | Unsaid | None = UNSAID
    by_content: bool | Unsaid = UNSAID


@dataclass(frozen=True, kw_only=True)
class SuspectSum:
    """A class whose evidence may be a shortcut.

    See `onnxplain.audit.shortcuts.suspects.Suspect`.

    Attributes
    ----------
    examples : sequence of int
        Pictures to look at.
    box : sequence of float or None
        Edges of the place; ``None`` for a suspect without one.
    transplant : TriedPlace or None, optional
        ``None`` for a suspect without a place; left out in records of format 1.
    """

    index: int | None
    method: str
    kind: str
    strength: float
    where: str
    recurs: float
    count: int
    examples: Sequence[int]
    box: Sequence[float] | None
    transplant: TriedPlace | Unsaid | None = UNSAID


@dataclass(frozen=True, kw_only=True)
class EntrySums:
    """Summaries that the pictures' entries alone give."""

    predictions: PredictionSums
    answers: AnswerSums | None = None
    measures: Sequence[MeasureSum]
    curves: Sequence[CurveSum]
    sanity: Sequence[SanitySum]
    failures: Sequence[Failure]


@dataclass(frozen=True, kw_only=True)
class ClassSums:
    """Where the evidence of each class sits, and what is suspicious about that."""

    classes: Sequence[ClassSum]
    suspects: Sequence[SuspectSum]


@dataclass(frozen=True, kw_only=True)
class MapSums(ClassSums):
    """Summaries that need the map of each picture."""

    clusters: Sequence[ClusteringSum]
