"""Targets as records hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.target import Target


@dataclass(frozen=True)
class RecordedTarget(Target):
    """What is known of a target that was explained elsewhere: its words, not its function.

    Attributes
    ----------
    kind : str
        What the number is.
    phrase, name_part : str
        See `Target.describe` and `Target.stem`.
    read_from : tuple of str
        Names of its tensors.
    data : mapping
        What the record holds.
    """

    kind: str
    phrase: str
    name_part: str
    read_from: tuple[str, ...]
    data: Mapping[str, Any]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of its tensors."""
        return self.read_from

    @property
    def unit(self) -> str:
        """What the number is."""
        return self.kind

    def score(self, values: Values) -> NDArray[np.float64]:
        """Refuse: the record holds no function."""
        raise UsageError(f"the target {self.phrase!r} comes from a record; resolve it again")

    def slopes(self, values: Values) -> Slopes:
        """Refuse, as `score` does."""
        raise UsageError(f"the target {self.phrase!r} comes from a record; resolve it again")

    def describe(self) -> str:
        """Return the phrase of the record."""
        return self.phrase

    @property
    def stem(self) -> str:
        """Return the part of file names of the record."""
        return self.name_part

    def to_dict(self) -> dict[str, Any]:
        """Return what the record holds."""
        return dict(self.data)


def target_from(data: Mapping[str, Any]) -> Target:
    """Make a target of what `Target.to_dict` returned, or earlier versions wrote.

    Raises
    ------
    KeyError, TypeError
        If the data are no target.
    """
    if data.get("type", "class") == "class":
        named = {k: v for k, v in data.items() if k != "type"}
        return ClassScore(**{**named, "position": tuple(named.get("position", ()))})
    return RecordedTarget(
        str(data["unit"]),
        str(data["describe"]),
        str(data["stem"]),
        tuple(map(str, data["tensors"])),
        dict(data),
    )
