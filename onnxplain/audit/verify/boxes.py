"""Boxes of a record, compared with what became of them again."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.audit.records.boxes import BoxEntry
from onnxplain.audit.records.plain import plain
from onnxplain.audit.verify.check import Check
from onnxplain.evaluate.boxes.score import DetectionScore

# Pixels, scores and shares on other machines; of the evidence what maps are allowed.
_TOLERANCE = 5e-3


class BoxesAgain:
    """Boxes of the pictures that are examined again."""

    def __init__(self) -> None:
        self.verdicts = Check("hits, misses and false positives")
        self.numbers = Check("boxes: sides, scores and what covering takes", _TOLERANCE)

    def compare(
        self, name: str, known: Sequence[BoxEntry] | None, found: Sequence[BoxEntry] | None
    ) -> None:
        """Compare the boxes of one picture."""
        if known is None and found is None:
            return
        said, again = (
            None if of is None else [(e.verdict, e.index, e.cause, e.other) for e in of]
            for of in (known, found)
        )
        self.verdicts.equal(said, again, name)
        if said == again:
            for k, (one, other) in enumerate(zip(known or (), found or (), strict=True)):
                self.numbers.all(plain(one), plain(other), f"box {k + 1} of {name}")


def precision(said: DetectionScore, found: DetectionScore) -> Check:
    """Compare average precision, which needs every picture."""
    check = Check("average precision", _TOLERANCE)
    for key in ("map50", "map50_95"):
        check.near(getattr(said, key), getattr(found, key), key)
    known, again = ({c.index: c for c in score.classes} for score in (said, found))
    check.equal(sorted(known), sorted(again), "which classes are annotated")
    for index in sorted({*known} & {*again}):
        for key in ("ap50", "ap50_95"):
            pair = (getattr(known[index], key), getattr(again[index], key))
            check.near(*pair, f"{key} of class {index}")
    return check
