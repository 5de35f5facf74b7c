"""A record read as the results that it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.store import PICTURES, SANITY
from onnxplain.audit.zones import SIDE

_KEYS = {PICTURES: "pictures", SANITY: "sanity_pictures"}


class Recorded:
    """Entries of a record, as `onnxplain.audit.results.Results`.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record

    def results(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """All entries of a kind in the order of their numbers; none of a kind it lacks."""
        entries = self._record[_KEYS[kind]] if kind in _KEYS else []
        for entry in sorted(entries, key=lambda entry: entry["number"]):
            yield entry["number"], entry

    def map(self, number: int, method: str) -> NDArray[np.float32]:
        """Nothing everywhere: a record has no maps of single pictures."""
        return np.zeros(SIDE * SIDE, np.float32)
