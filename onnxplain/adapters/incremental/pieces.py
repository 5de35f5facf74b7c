"""Which cells are cut out, replaced and kept for each window, as slices of one axis.

Windows share few distinct extents along an axis, so that a slice is made once for many of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onnxplain.adapters.incremental.plan import Plan, Positions, Side
from onnxplain.graph.windows import Cells

# Begin and end of the changed cells along one axis, for each distinct extent of the windows.
Extents = tuple[Cells, Cells]
# Slices along height and along width.
Both = tuple[list[slice], list[slice]]


@dataclass(frozen=True)
class Axis:
    """One axis of a tensor of which a section reads crops.

    Attributes
    ----------
    cropped : list of slice
        Cells of the whole tensor.
    changed : list of slice
        Cells of the crop that a window changed; empty if none of them lies in it.
    shown : list of slice
        Which of the changed cells these are.
    whole : bool
        Whether it is all of them, for every window.
    """

    cropped: list[slice]
    changed: list[slice]
    shown: list[slice]
    whole: bool

    @classmethod
    def of(cls, side: Side, extents: Extents) -> Axis:
        """Lay the changed cells over the crops."""
        begin, end = extents
        origin, stop = side.crops.origin, side.crops.origin + side.crops.length
        first = np.clip(origin, begin, end)
        last = np.clip(stop, first, end)
        return cls(
            _slices(origin, stop),
            _slices(first - origin, last - origin),
            _slices(first - begin, last - begin),
            bool(((first == begin) & (last == end)).all()),
        )


@dataclass(frozen=True)
class Pieces:
    """What a section reads and what is kept of its targets, along height and width.

    Attributes
    ----------
    inputs : dict of str to (Axis, Axis)
        For each of its inputs.
    kept : Both
        Cells of what a crop gave that the window reaches.
    """

    inputs: dict[str, tuple[Axis, Axis]]
    kept: Both


def pieces_of(plan: Plan, positions: Positions, image: str) -> tuple[list[Pieces], dict[str, Both]]:
    """Return the pieces of each part of a plan, and where windows change each of its tensors."""
    known = {image: (_extents(positions.rows), _extents(positions.columns))}
    found = []
    for part in plan.parts:
        high, wide = part.rows, part.columns
        inputs = {}
        for name in part.section.inputs:
            rows, columns = known[name]
            inputs[name] = Axis.of(high, rows), Axis.of(wide, columns)
        down, across = part.section.needs
        found.append(Pieces(inputs, (_kept(high, down.stride), _kept(wide, across.stride))))
        reached = (high.begin, high.end), (wide.begin, wide.end)
        known |= dict.fromkeys(part.section.targets, reached)
    return found, {n: (_slices(*rows), _slices(*columns)) for n, (rows, columns) in known.items()}


def _extents(pairs: Cells) -> Extents:
    return pairs[:, 0], pairs[:, 1]


def _kept(side: Side, stride: int) -> list[slice]:
    first = side.crops.origin // stride  # the first cell that a crop gave
    return _slices(side.begin - first, side.end - first)


def _slices(begin: Cells, end: Cells) -> list[slice]:
    return [slice(a, b) for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
