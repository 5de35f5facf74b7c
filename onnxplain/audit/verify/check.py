"""One figure of a record, compared with what was found again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass
class Check:
    """A figure and how it compares.

    Attributes
    ----------
    figure : str
        What was compared.
    tolerance : float or None
        How far numbers may be apart; ``None`` for what must be equal.
    compared : int
        How many values.
    largest : float or None
        Largest difference: absolute, or relative where a value is above 1.
    worst : str
        Where that was, or what differs.
    differing : int
        How many values are further apart than the tolerance.
    """

    figure: str
    tolerance: float | None = None
    compared: int = 0
    largest: float | None = None
    worst: str = ""
    differing: int = 0

    @property
    def reproduces(self) -> bool:
        """Whether nothing is further apart than the tolerance."""
        return self.differing == 0

    def equal(self, known: Any, found: Any, where: str) -> None:
        """Compare what must be equal."""
        self.compared += 1
        if known != found:
            if not self.differing:
                self.worst = where
            self.differing += 1

    def near(self, known: float | None, found: float | None, where: str) -> None:
        """Compare two numbers."""
        if known is None or found is None:
            self.equal(known, found, where)
        else:
            self.apart(abs(known - found) / max(1.0, abs(known)), where)

    def apart(self, distance: float, where: str) -> None:
        """Judge a distance that was measured elsewhere; one that is not finite differs."""
        assert self.tolerance is not None
        if not math.isfinite(distance):
            self.equal(distance, None, where)
            return
        self.compared += 1
        differs = distance > self.tolerance
        if self.largest is None or distance > self.largest:
            self.largest = distance
            if differs or not self.differing:
                self.worst = where
        self.differing += differs

    def all(self, known: Any, found: Any, where: str) -> None:
        """Compare plain data, part by part: fractions by distance, everything else as equal.

        Parameters
        ----------
        known, found : dict, list, str, number, bool or None
            As JSON has them.
        where : str
            What it is; parts are named as in ``suspects[0].strength``.
        """
        if isinstance(known, dict) and isinstance(found, dict):
            for key in sorted({*known, *found}):
                self.all(known.get(key), found.get(key), f"{where}.{key}")
        elif isinstance(known, list) and isinstance(found, list):
            self.equal(len(known), len(found), f"the length of {where}")
            for k, pair in enumerate(zip(known, found, strict=False)):
                self.all(*pair, f"{where}[{k}]")
        elif _is_number(known) and _is_number(found) and float in (type(known), type(found)):
            self.near(known, found, where)
        else:
            self.equal(known, found, where)

    def said(self) -> str:
        """Say in words what does not reproduce."""
        return f"NO: {self.differing} of {self.compared}, such as {self.worst}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
