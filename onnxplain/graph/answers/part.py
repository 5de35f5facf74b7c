"""What the elements of a tensor are, as far as they can be followed back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from onnxplain.graph.answers.moves import Positions
from onnxplain.graph.view import Node

# unit: of an L2 normalisation; tanh and bounded: after another function of one number;
# select: ranks, labels or the best score of what stands in front.
PartKind = Literal[
    "softmax",
    "sigmoid",
    "log-softmax",
    "log-sigmoid",
    "unit",
    "tanh",
    "bounded",
    "select",
    "constant",
    "raw",
]
PROBABLE = frozenset({"softmax", "sigmoid"})
LOGARITHMS = frozenset({"log-softmax", "log-sigmoid"})
_CLOSE = 1e-6


@dataclass(frozen=True, eq=False)
class Source:
    """Elements of a tensor, by flat position in its whole value; all in order if not given."""

    tensor: str
    flat: Positions | None = None
    scale: float = 1.0

    def at(self, index: Positions) -> Source:
        """Some of the elements."""
        return replace(self, flat=index if self.flat is None else self.flat[index])

    def is_minus(self, other: Source) -> bool:
        """Whether these elements are those of another source, with the other sign."""
        if self.tensor != other.tensor or self.scale != -other.scale:
            return False
        if self.flat is None or other.flat is None:
            return self.flat is other.flat
        return bool(np.array_equal(self.flat, other.flat))


@dataclass(frozen=True, eq=False)
class Part:
    """Elements of a tensor that are of one kind.

    Attributes
    ----------
    kind : str
        What the elements are; with p for them, the tensor holds `scale` * p + `offset`.
    anchor : Source
        Where the groups of a Softmax stand; for other kinds the tensor where following ends.
    slots : int array, optional
        Flat positions of the elements, ascending; all of the tensor's if not given.
    axes : tuple of int
        Axes of the anchor that one Softmax runs over, or the axis a selection runs over.
    held : Source, optional
        A tensor that holds p, or its logarithm, itself.
    logit : Source, optional
        What stands in front of the activation.
    notes : tuple of str
        What was followed back, from the output on.
    evidence : str
        A phrase about the activation.
    node : Node, optional
        The node where following ends.
    limit : float, optional
        Of a selection that compares with a constant: that constant.
    """

    kind: PartKind
    anchor: Source
    slots: Positions | None = None
    axes: tuple[int, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    held: Source | None = None
    logit: Source | None = None
    notes: tuple[str, ...] = ()
    evidence: str = ""
    node: Node | None = None
    limit: float | None = None

    @property
    def plain(self) -> bool:
        """Whether the tensor holds p itself, neither scaled nor shifted."""
        return close(self.scale, 1.0) and close(self.offset, 0.0)

    @property
    def untouched(self) -> bool:
        """Whether the elements are those of the anchor, all and in order."""
        return self.slots is None and self.anchor.flat is None

    def noted(self, note: str) -> Part:
        """The same, with one more step in front of the output."""
        return replace(self, notes=(note, *self.notes)) if note else self

    def taken(self, positions: Positions, slots: Positions | None) -> Part | None:
        """The elements that a mover takes; ``None`` if there are none of this part.

        Parameters
        ----------
        positions : int array
            Flat positions in the tensor that this part describes.
        slots : int array or None
            For each of them its flat position in the mover's output; all, in order, if None.
        """
        index = positions
        if self.slots is not None:
            found = np.searchsorted(self.slots, positions)
            found = np.minimum(found, len(self.slots) - 1)
            inside = self.slots[found] == positions
            if not inside.any():
                return None
            if not inside.all():
                slots = np.flatnonzero(inside) if slots is None else slots[inside]
            index = found[inside]
        return replace(
            self,
            anchor=self.anchor.at(index),
            held=self.held and self.held.at(index),
            logit=self.logit and self.logit.at(index),
            slots=slots,
        )

    def affine(self, scale: float, offset: float) -> Part:
        """Say what `scale` times the tensor plus `offset` holds."""
        part = replace(self, scale=scale * self.scale, offset=scale * self.offset + offset)
        a, b = part.scale, part.offset
        if part.kind in PROBABLE and a < 0 and close(b, -a):
            # 1 - p is a probability again, of the opposite.
            turned = part.logit and replace(part.logit, scale=-part.logit.scale)
            return replace(
                part,
                kind="sigmoid",
                scale=b,
                offset=0.0,
                held=None,
                axes=(),
                logit=turned if self.kind == "sigmoid" else None,
            )
        if part.kind == "tanh" and a > 0 and close(a, b):
            doubled = part.logit and replace(part.logit, scale=2 * part.logit.scale)
            return replace(
                part,
                kind="sigmoid",
                scale=2 * a,
                offset=0.0,
                held=None,
                logit=doubled,
                evidence="a Sigmoid written with Tanh",
            )
        return part


def close(a: float, b: float) -> bool:
    """Whether two constants of a file are meant to be the same number."""
    return math.isclose(a, b, rel_tol=_CLOSE, abs_tol=_CLOSE)
