"""Pictures of a record, compared with what was found in them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from onnxplain.audit.records.pictures import Done, MethodResult, Picture
from onnxplain.audit.verify.boxes import BoxesAgain
from onnxplain.audit.verify.check import Check

# How far numbers of other machines and versions may be off: what an order of summation and
# another kernel make of float32, with a margin; far less than anything a reader would see.
_PROBABILITY, _OTHER = 1e-4, 5e-3
# These are rounding itself: that the engines agree is checked, and not by how much.
_NOISE = {"parity_error"}


class PicturesAgain:
    """Figures of the pictures that are examined again, over all of them."""

    def __init__(self) -> None:
        self.present = Check("pictures are there")
        self.content = Check("picture files")
        self.status = Check("readable or not")
        self.predicted = Check("predicted class")
        self.scores: dict[str, Check] = {}
        self.figures: dict[str, Check] = {}
        self.boxes = BoxesAgain()

    def checks(self) -> list[Check]:
        """All of them, in the order of a report."""
        first = [self.present, self.content, self.status, self.predicted]
        first += [self.boxes.verdicts, self.boxes.numbers]
        return [*first, *self.scores.values(), *(self.figures[k] for k in sorted(self.figures))]

    def compare(self, known: Picture, found: Picture) -> None:
        """Compare one picture's entry with what was found again."""
        name = known.name
        self.content.equal(known.file_sha256, found.file_sha256, name)
        self.content.equal(known.mask_sha256 or None, found.mask_sha256 or None, name)
        self.status.equal(type(known), type(found), name)
        if not (isinstance(known, Done) and isinstance(found, Done)):
            return
        for key in ("predicted", "explained", "label"):
            self.predicted.equal(getattr(known, key), getattr(found, key), f"{key} of {name}")
        self.predicted.equal(known.group, found.group, f"group of {name}")
        self.predicted.equal(known.unit, found.unit, f"unit of the score of {name}")
        if known.unit == found.unit:
            check = self.scores.setdefault(known.unit, Check(known.unit, _PROBABILITY))
            check.near(known.value, found.value, name)
        self.boxes.compare(name, known.boxes, found.boxes)
        for method in sorted({*known.methods, *found.methods}):
            self._method(name, method, known.methods.get(method), found.methods.get(method))

    def _method(
        self,
        name: str,
        method: str,
        known: MethodResult | None,
        found: MethodResult | None,
    ) -> None:
        if known is None or found is None:
            self._figure(f"{method}: works", None).equal(known is None, found is None, name)
            return
        for part in ("measures", "record", "evidence"):
            then, now = getattr(known, part), getattr(found, part)
            for key in sorted({*then, *now} - _NOISE):
                figure = f"{method}: {'evidence' if part == 'evidence' else key}"
                check = self._figure(figure, _OTHER)
                check.near(then.get(key), now.get(key), f"{key} of {name}")
        if known.said_curves is not None:  # as in a record of format 1
            self._curves(name, method, known.curves, found.curves)

    def _curves(
        self,
        name: str,
        method: str,
        known: Mapping[str, Sequence[float]],
        found: Mapping[str, Sequence[float]],
    ) -> None:
        """Mean distance of curves: that two pixels of equal evidence change places is no matter."""
        for key in sorted({*known, *found}):
            check = self._figure(f"{method}: curve of {key}", _OTHER)
            if key in known and key in found:
                between = np.abs(np.subtract(known[key], found[key]))
                check.apart(float(between.mean()), f"{key} of {name}")
            else:
                check.equal(key in known, key in found, f"{key} of {name}")

    def _figure(self, name: str, tolerance: float | None) -> Check:
        return self.figures.setdefault(name, Check(name, tolerance))
