"""What a record says of the boxes of one picture, where boxes are annotated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BoxEntry:
    """One box of a detector, or one object that it missed.

    Attributes
    ----------
    verdict : str
        ``hit``, ``miss`` or ``false positive``, see `onnxplain.evaluate.boxes.judge.Judged`.
    index : int
        Its class.
    sides : sequence of float
        Left, top, right and bottom in pixels of the photo.
    place : sequence of float
        The same as shares of the model's picture.
    score : float or None
        Of the detector's box.
    overlap, cause, other
        See `onnxplain.evaluate.boxes.judge.Judged`.
    match : float, optional
        How well any candidate matches it; only if it was explained.
    evidence : mapping of str to float, optional
        Share of a method's positive evidence that lies in it; only if it was explained.
    beside : mapping of str to float, optional
        Of an explained hit: share of the match that is lost when a place beside it is covered.
    """

    verdict: str
    index: int
    sides: Sequence[float]
    place: Sequence[float]
    score: float | None
    overlap: float
    cause: str
    other: int | None
    match: float | None = None
    evidence: Mapping[str, float] | None = None
    beside: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """Boxes and objects of a picture that average precision is counted from; not in a record.

    Attributes
    ----------
    sides, scores, labels
        Of the detector's boxes, weak ones too, in pixels of the photo.
    drawn, drawn_labels, aside
        Of the annotated objects.
    """

    sides: Sequence[Sequence[float]]
    scores: Sequence[float]
    labels: Sequence[int]
    drawn: Sequence[Sequence[float]]
    drawn_labels: Sequence[int]
    aside: Sequence[str]


def map_of(method: str, number: int) -> str:
    """Name under which a store keeps a method's map of one box of a picture."""
    return f"{method} of box {number}"
