"""What sums are made of: results by kind, with the maps of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Results(Protocol):
    """Results of an audit: its store, or the record that was made of it."""

    def results(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """All results of a kind in the order of their numbers."""
        ...

    def map(self, number: int, method: str) -> NDArray[np.float32] | None:
        """Map of a picture, flat; ``None`` if there is none."""
        ...
