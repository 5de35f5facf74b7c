"""When numbers are not what their method promises: a warning of one line for each such case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import TOLERANCE
from onnxplain.relevance.growth import Growth

# Engines that differ by this share count as one function. A sum whose terms are more than so
# many times as large as it is changes by more than itself under such a difference: whatever is
# divided by it says nothing of the model.
LARGEST_GROWTH = 1 / TOLERANCE
# Rounding may reach this share of the score's own parts.
_ROUNDING = 0.01


def gap_warnings(gaps: NDArray[Any], tolerance: float, remedy: str) -> tuple[str, ...]:
    """Warn of a completeness gap above a tolerance.

    Parameters
    ----------
    gaps : (N,) array
        As shares, signed.
    tolerance : float
        The largest that passes.
    remedy : str
        What to do.
    """
    largest = gaps[np.argmax(np.abs(gaps))]
    if abs(largest) <= tolerance:
        return ()
    return (
        f"completeness gap {100 * largest:.3g} %, above the tolerance of {100 * tolerance:g} %: "
        f"the map does not add up to what it promises; {remedy}",
    )


def growth_warnings(growth: Growth, what: str, remedy: str, precision: str) -> tuple[str, ...]:
    """Warn of magnitudes that exploded on their way back through the network.

    Parameters
    ----------
    growth : Growth
        How far they grew.
    what : str
        What grew.
    remedy : str
        What to do.
    precision : str
        Precision of the arithmetic: what cancels on the way leaves its rounding.
    """
    unit = np.finfo(np.float64 if precision == "double" else np.float32).eps
    if growth.times <= LARGEST_GROWTH and growth.between * unit <= _ROUNDING:
        return ()
    at = f"{growth.op_type} {growth.tensor!r}"
    if growth.times <= LARGEST_GROWTH:
        return (
            f"on the way, {what} grow to {growth.between:.2g} times the parts of the score and "
            f"cancel again, which amplifies rounding; the largest growth, {growth.factor:.3g} "
            f"times, is at {at}; compute with --precision double, or {remedy}",
        )
    return (
        f"{what} explode: their magnitudes add up to {growth.times:.2g} times the parts of the "
        f"score (beyond {LARGEST_GROWTH:g} times they say nothing about the model); the largest "
        f"growth, {growth.factor:.3g} times, is at {at}; {remedy}",
    )


def passed_on(method: str, warnings: Iterable[str]) -> tuple[str, ...]:
    """Return one warning for all those of a method that another one averages.

    Parameters
    ----------
    method : str
        The averaged method.
    warnings : iterable of str
        Its warnings, batch by batch.
    """
    found = list(warnings)
    if not found:
        return ()
    return (f"in the {method} that is averaged: {found[0]}",)
