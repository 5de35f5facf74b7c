"""What a person writes for a target: a class, a rank, its negative, a place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.targets.classes import class_index

_RANKED = re.compile(r"top-([1-9]\d*)", re.IGNORECASE)
_PLACE = re.compile(r"\d+(\s*,\s*\d+)*")


@dataclass(frozen=True)
class TargetRequest:
    """One or several targets of one picture.

    Attributes
    ----------
    index : int or None
        Class index; ``None`` for the most probable classes.
    top : int
        How many of those.
    negative : bool
        "Not this class".
    position : tuple of int
        Place in a dense output.
    """

    index: int | None = None
    top: int = 1
    negative: bool = False
    position: tuple[int, ...] = ()

    def indices(self, probabilities: NDArray[Any], without: int | None = None) -> list[int]:
        """Class indices for one picture; `without` is no target itself."""
        if self.index is not None:
            return [self.index]
        order = np.argsort(-probabilities, kind="stable")
        return [int(k) for k in order[order != without][: self.top]]


# What stands for a target in the library's functions.
TargetLike = str | int | TargetRequest | None


def read_target(said: str | int | None, labels: Sequence[str], classes: int) -> TargetRequest:
    """Read a target as people write it.

    Parameters
    ----------
    said : str, int or None
        ``282`` or ``tiger cat``, a class; ``top-3``, the three most probable ones (also
        ``None``, the most probable one); ``not-wolf``, the negative of a class; any of these
        with ``@ROW,COLUMN``, at a place of a dense output. A class that bears exactly such a
        name comes first.
    labels : sequence of str
        Display names in class order; may be empty.
    classes : int
        Number of classes.

    Raises
    ------
    UsageError
        If it cannot be read.
    UnknownNameError
        If no class has that name.
    """
    if said is None:
        return TargetRequest()
    text = str(said).strip()
    names = {label.lower() for label in labels}
    if text.lower() in names:
        return TargetRequest(class_index(text, labels, classes))
    position: tuple[int, ...] = ()
    if "@" in text:
        text, _, place = text.rpartition("@")
        if not _PLACE.fullmatch(place.strip()):
            raise UsageError(f"position {place!r} is not understood; write CLASS@ROW,COLUMN")
        position = tuple(int(p) for p in place.split(","))
    text = text.strip() or "top-1"
    if ranked := _RANKED.fullmatch(text):
        return TargetRequest(top=min(int(ranked[1]), classes), position=position)
    negative = text.lower().startswith("not-") and text.lower() not in names
    name = text[4:] if negative else text
    return TargetRequest(class_index(name, labels, classes), negative=negative, position=position)
