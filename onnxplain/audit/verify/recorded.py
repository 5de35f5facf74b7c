"""A record read as the results that it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.records.pictures import Picture, SanityPicture
from onnxplain.audit.records.record import Record
from onnxplain.audit.zones import SIDE


class Recorded:
    """Entries of a record, as `onnxplain.audit.store.Results`.

    Parameters
    ----------
    record : Record
        The record.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    def pictures(self) -> Iterator[Picture]:
        """All pictures in the order of their numbers."""
        return iter(sorted(self._record.pictures, key=lambda p: p.number))

    def sanity(self) -> Iterator[SanityPicture]:
        """All pictures on which sanity was checked, in the order of their numbers."""
        return iter(sorted(self._record.sanity_pictures, key=lambda p: p.number))

    def transplants(self) -> Iterator[Mapping[str, Any]]:
        """None: a record holds those alone that became suspects."""
        return iter(())

    def map(self, number: int, method: str) -> NDArray[np.float32]:
        """Nothing everywhere: a record has no maps of single pictures."""
        return np.zeros(SIDE * SIDE, np.float32)
