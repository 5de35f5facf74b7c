"""One forward pass for two questions about an input, where the second can be foreseen.

Explaining a picture asks for its scores first, and then for a layer with the scores. Over many
pictures the second question is known in advance, and its pass answers the first one as well.
That is done only after both passes gave the same scores, in every bit, for several inputs:
exposing a layer may keep ONNX Runtime from fusing nodes, and rounds otherwise then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Array

Names = frozenset[str]
Values = dict[str, Array]
# Inputs for which both passes have to agree before one is left out.
_SEEN = 3


@dataclass(frozen=True)
class _Answered:
    """The last answer."""

    x: Array
    names: Names
    values: Mapping[str, Array]


class Foreseen:
    """What is asked of single inputs, and what follows.

    Nothing is answered twice from memory: the same question about the same input is another
    forward pass, as whoever looks for random numbers expects.
    """

    def __init__(self) -> None:
        self._last: _Answered | None = None
        self._ready: _Answered | None = None
        self._agreed: Counter[tuple[Names, Names]] = Counter()
        self._differed: set[tuple[Names, Names]] = set()
        self._next: dict[Names, Names] = {}

    def answer(self, x: Array, asked: Names, compute: Callable[[Names], Values]) -> Values:
        """Return the named tensors of one input.

        Parameters
        ----------
        x : (1, ...) array
            The input.
        asked : set of str
            Names of tensors.
        compute : callable
            Runs a forward pass that gives the tensors of these names.
        """
        ready, self._ready = self._ready, None
        if ready is not None and asked == ready.names and same_bytes(ready.x, x):
            self._last = None
            return dict(ready.values)
        wanted = self._next.get(asked, asked)
        values = compute(wanted)
        last, self._last = self._last, None
        if wanted != asked:
            self._ready = _Answered(x.copy(), wanted, values)
            return {n: v for n, v in values.items() if n in asked}
        if last is not None and last.names < asked and same_bytes(last.x, x):
            self._compare(last, asked, values)
        else:
            # The caller may write into its array afterwards.
            self._last = _Answered(x.copy(), asked, values)
        return dict(values)

    def _compare(self, first: _Answered, asked: Names, values: Values) -> None:
        pair = first.names, asked
        if pair in self._differed:
            return
        if first.values.keys() <= values.keys() and all(
            same_bytes(v, values[n]) for n, v in first.values.items()
        ):
            self._agreed[pair] += 1
        else:
            self._differed.add(pair)
        if self._agreed[pair] >= _SEEN and pair not in self._differed:
            self._next[first.names] = asked


def same_bytes(one: Array, other: Array) -> bool:
    """Whether two arrays are equal in every bit."""
    if one.shape != other.shape or one.dtype != other.dtype or one.dtype.hasobject:
        return False
    return bool(np.array_equal(_bytes(one), _bytes(other)))


def _bytes(values: Array) -> NDArray[np.unsignedinteger[Any]]:
    """Its bytes, eight at a time where they divide so: an eighth of what has to be compared."""
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    return flat.view(np.uint64) if flat.size % 8 == 0 else flat
