"""What a method returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Attribution:
    """What a method returns for a batch of inputs.

    Attributes
    ----------
    values : (N, ...) array
        Signed and not normalised; positive speaks for the target.
    axes : tuple of str
        Meaning of each axis after the batch: C, H, W.
    layer : str, optional
        Tensor at which it was read; ``None`` if it has the input's size.
    parameters : mapping
        Values that the method settled itself, such as an automatic window.
    measures : mapping of str to (N,) array
        Numbers about the result: completeness gap, conservation, ...
    maps : mapping of str to (N, ...) array
        Further maps that belong to the method.
    notes : mapping
        Further plain data for the record.
    warnings : tuple of str
        Why the numbers may not be what the method promises, one line each.
    """

    values: NDArray[Any]
    axes: tuple[str, ...]
    layer: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
