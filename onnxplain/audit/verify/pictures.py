"""Pictures of a record, compared with what was found in them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from onnxplain.audit.answered import score_of, unit_of
from onnxplain.audit.verify.check import Check

# How far numbers of other machines and versions may be off: what an order of summation and
# another kernel make of float32, with a margin; far less than anything a reader would see.
_TOLERANCE = {"probability": 1e-4, "measure": 5e-3, "evidence": 5e-3}
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

    def checks(self) -> list[Check]:
        """All of them, in the order of a report."""
        first = [self.present, self.content, self.status, self.predicted]
        return [*first, *self.scores.values(), *(self.figures[k] for k in sorted(self.figures))]

    def compare(self, known: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Compare one picture's entry with what was found again."""
        name = known["name"]
        for key in ("file_sha256", "mask_sha256"):
            self.content.equal(known.get(key), found.get(key), name)
        self.status.equal(known["status"], found["status"], name)
        if not known["status"] == found["status"] == "done":
            return
        for key in ("predicted", "explained", "label"):
            self.predicted.equal(known[key], found[key], f"{key} of {name}")
        unit = unit_of(known)
        self.predicted.equal(unit, unit_of(found), f"unit of the score of {name}")
        if unit == unit_of(found):
            check = self.scores.setdefault(unit, Check(unit, _TOLERANCE["probability"]))
            check.near(score_of(known), score_of(found), name)
        for method in sorted({*known["methods"], *found["methods"]}):
            self._method(name, method, known["methods"].get(method), found["methods"].get(method))

    def _method(
        self,
        name: str,
        method: str,
        known: Mapping[str, Any] | None,
        found: Mapping[str, Any] | None,
    ) -> None:
        if known is None or found is None:
            self._figure(f"{method}: works", None).equal(known is None, found is None, name)
            return
        for part in ("measures", "record", "evidence"):
            tolerance = _TOLERANCE["evidence" if part == "evidence" else "measure"]
            for key in sorted({*known[part], *found[part]} - _NOISE):
                figure = f"{method}: {'evidence' if part == 'evidence' else key}"
                check = self._figure(figure, tolerance)
                check.near(known[part].get(key), found[part].get(key), f"{key} of {name}")
        self._curves(name, method, known.get("curves"), found["curves"])

    def _curves(
        self,
        name: str,
        method: str,
        known: Mapping[str, list[float]] | None,
        found: Mapping[str, list[float]],
    ) -> None:
        """Mean distance of curves: that two pixels of equal evidence change places is no matter."""
        if known is None:  # a record of format 1
            return
        for key in sorted({*known, *found}):
            check = self._figure(f"{method}: curve of {key}", _TOLERANCE["measure"])
            if key in known and key in found:
                between = np.abs(np.subtract(known[key], found[key]))
                check.apart(float(between.mean()), f"{key} of {name}")
            else:
                check.equal(key in known, key in found, f"{key} of {name}")

    def _figure(self, name: str, tolerance: float | None) -> Check:
        return self.figures.setdefault(name, Check(name, tolerance))
