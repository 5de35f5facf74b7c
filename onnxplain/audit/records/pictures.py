"""What a record says of one picture, and of one on which the methods' sanity was checked.

Earlier versions left keys out that later ones write. What they meant by that stands here alone:
in the properties that fill in a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from onnxplain.audit.records.boxes import BoxEntry, Weighed
from onnxplain.audit.records.plain import UNSAID, Unsaid, build_fields, said

# What the numbers were taken for in records that do not say it.
PROBABILITY = "probability"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A number of an answer: a probability, or another one in its place.

    Attributes
    ----------
    probability : float or None
        ``None`` where nothing makes the scores probabilities.
    score : float, optional
        In place of a probability.
    said_unit : str, optional
        What the number is, if the record says it.
    """

    probability: float | None
    score: float | None = None
    said_unit: str | None = said("unit")

    @property
    def unit(self) -> str:
        """What the number is."""
        return self.said_unit or PROBABILITY

    @property
    def value(self) -> float:
        """The number."""
        found = self.score if self.probability is None else self.probability
        assert found is not None  # the schema asks for one of them
        return float(found)


@dataclass(frozen=True, kw_only=True)
class TopClass:
    """One of the classes with the largest scores."""

    index: int
    probability: float | None
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """What one method's map of a picture says.

    Attributes
    ----------
    measures : mapping of str to float or None
        What was measured of the map; ``None`` for what is not finite.
    said_curves : mapping of str to sequence of float, optional
        Deletion and insertion curves; not there in records of format 1.
    record : mapping of str to float or None
        What the method says of itself.
    settled : mapping of str to number, text or list, optional
        Parameters that the method itself settled: a window, a layer. Since format 5.
    evidence : mapping of str to float
        Share of the positive evidence in each zone.
    said_warnings : sequence of str, optional
        Why the map may not be what the method promises.
    """

    measures: Mapping[str, float | None]
    said_curves: Mapping[str, Sequence[float]] | None = said("curves")
    record: Mapping[str, float | None]
    evidence: Mapping[str, float]
    settled: Mapping[str, Any] | None = None
    said_warnings: Sequence[str] | None = said("warnings")

    @property
    def curves(self) -> Mapping[str, Sequence[float]]:
        """The curves that are known."""
        return self.said_curves or {}

    @property
    def warnings(self) -> Sequence[str]:
        """The warnings that are known."""
        return self.said_warnings or ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of an audit, `Done` or `Failed`.

    Attributes
    ----------
    number, name : int, str
        In the data set.
    file_sha256 : str or None
        ``None`` if the file could not be read.
    mask_sha256 : str or None, optional
        Of the file of the mask; left out if there is none.
    group : str, optional
        The group that the data put it in. Since format 5.
    """

    number: int
    name: str
    file_sha256: str | None
    mask_sha256: str | Unsaid | None = UNSAID
    group: str | None = None

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Picture:
        """Build the one or the other."""
        return build_fields(Done if data["status"] == "done" else Failed, data)


@dataclass(frozen=True, kw_only=True)
class Failed(Picture):
    """A picture that could not be examined, and why."""

    status: Literal["failed"]
    problem: str


@dataclass(frozen=True, kw_only=True)
class Done(Scored, Picture):
    """A picture that was examined.

    Attributes
    ----------
    input_sha256 : str
        Of the bytes of the model's input.
    label, predicted, explained : int or None
        The true class if it is known, the predicted one, and that which the maps are of.
    target : str, optional
        What the maps are of, in words.
    said_target_unit : str, optional
        What the explained number is, if the record says it.
    top : sequence of TopClass
        The classes with the largest scores.
    mask_area : float or None
        Part of the model's picture in the mask.
    methods : mapping of str to MethodResult
        By the name of the method.
    problems : sequence of str
        What could not be done.
    seconds : mapping of str to float, optional
        How long each method took; not in a record.
    boxes : sequence of BoxEntry, optional
        What became of the boxes of a detector, if the picture is annotated.
    weighed : Weighed, optional
        What average precision is counted from; not in a record.
    """

    status: Literal["done"]
    input_sha256: str
    label: int | None
    explained: int | None
    target: str | None = None
    said_target_unit: str | None = said("target_unit")
    predicted: int | None
    top: Sequence[TopClass]
    mask_area: float | None
    methods: Mapping[str, MethodResult]
    problems: Sequence[str]
    seconds: Mapping[str, float] | None = None
    boxes: Sequence[BoxEntry] | None = None
    weighed: Weighed | None = None

    @property
    def target_unit(self) -> str:
        """What the explained number is."""
        return self.said_target_unit or PROBABILITY

    @property
    def is_wrong(self) -> bool:
        """Whether the label is known, and another class is predicted."""
        return self.label is not None and self.label != self.predicted


@dataclass(frozen=True, kw_only=True)
class MethodSanity:
    """How a method's map of one picture changes when the network loses its weights."""

    layers: Sequence[str]
    spearman: Sequence[float]
    ssim: Sequence[float]
    left: float
    other_class: float | None = None


@dataclass(frozen=True, kw_only=True)
class SanityPicture:
    """A picture on which the methods' sanity was checked; ``problem`` says why it was not."""

    number: int
    name: str
    methods: Mapping[str, MethodSanity]
    problem: str | None = None
