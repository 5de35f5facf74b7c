"""What a method must say of a target: a table from methods to slow computations of their own.

Each function takes an `other_targets.Opened` and returns what the method must find, or how it must
refuse, from the network in PyTorch, NumPy loops and closed forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Float64 after another order of sums.
TIGHT = 1e-12


@dataclass(frozen=True)
class Expected:
    """A map, the parameters that give it, and how exactly.

    Attributes
    ----------
    values : array
        The map.
    options : mapping
        Parameters of the method.
    bound : float
        Largest difference, as a share of the largest value.
    slack : array
        What may be missed besides, value by value.
    """

    values: np.ndarray
    options: Mapping[str, Any] = field(default_factory=dict)
    bound: float = TIGHT
    slack: np.ndarray | float = 0.0


@dataclass(frozen=True)
class Refused:
    """The method does not apply to the target, and says so with these words."""

    words: str
    options: Mapping[str, Any] = field(default_factory=dict)


Oracle = Callable[[Any], Expected | Refused]
Table = dict[str, Oracle]


def near(found: np.ndarray, expected: Expected) -> None:
    """Require a map to be the expected one, which is not empty."""
    assert found.shape == expected.values.shape
    scale = np.abs(expected.values).max()
    assert scale > 0
    assert (np.abs(found - expected.values) <= expected.bound * scale + expected.slack).all()
