"""When numbers are not what their method promises: a warning of one line for each such case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import TOLERANCE
from onnxplain.relevance.leak import Growth

# Engines that differ by this share count as one function. A sum whose terms are more than so
# many times as large as it is changes by more than itself under such a difference: whatever is
# divided by it says nothing of the model.
LARGEST_GROWTH = 1 / TOLERANCE


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


def growth_warnings(growth: Growth, what: str, remedy: str) -> tuple[str, ...]:
    """Warn of magnitudes that exploded on their way back through the network.

    Parameters
    ----------
    growth : Growth
        How far they grew.
    what : str
        What grew.
    remedy : str
        What to do.
    """
    if growth.times <= LARGEST_GROWTH:
        return ()
    return (
        f"{what} explode: their magnitudes add up to {growth.times:.2g} times the score's own "
        f"parts (more than {LARGEST_GROWTH:g} times says nothing of the model); they grow most, "
        f"{growth.factor:.3g} times, at {growth.op_type} {growth.tensor!r}; {remedy}",
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
