"""Where each window lies: what is cut out, replaced and kept of tensors, as indices of arrays.

Windows share few distinct extents along an axis, so that slices are made once for many of them,
and the indices of a plan once for all maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onnxplain.adapters.changes import piece
from onnxplain.adapters.incremental.plan import Part, Plan, Positions, Side
from onnxplain.graph.sections import Sections
from onnxplain.graph.windows import Cells

# Index of an array without a batch axis.
Index = tuple[slice, ...]
# Begin and end of cells, along height and along width.
Extents = tuple[tuple[Cells, Cells], tuple[Cells, Cells]]
# Indices of more windows are made when they are needed: they take 100 bytes each.
_KEPT = 1 << 12


class Places:
    """An index for each window.

    Parameters
    ----------
    positions : Positions
        The windows.
    extents : Extents
        For each of their distinct extents along height and along width, the cells.
    axes : (int, int)
        Positions of height and width in the array.
    """

    def __init__(self, positions: Positions, extents: Extents, axes: tuple[int, int]) -> None:
        self._pairs, self._axes = positions.places, axes
        self._rows, self._columns = (_slices(begin, end) for begin, end in extents)
        few = len(self._pairs) <= _KEPT
        self._every = self._made(range(len(self._pairs))) if few else None

    def of(self, windows: Sequence[int]) -> Mapping[int, Index] | Sequence[Index]:
        """Return indices by window, of these windows at least."""
        if self._every is not None:
            return self._every
        return dict(zip(windows, self._made(windows), strict=True))

    def _made(self, windows: Sequence[int]) -> list[Index]:
        pairs, axes = self._pairs, self._axes
        rows, columns = self._rows, self._columns
        return [piece(rows[pairs[k][0]], columns[pairs[k][1]], axes) for k in windows]


@dataclass(frozen=True)
class Pasted:
    """How crops of one tensor are cut, and how what windows changed is pasted.

    Attributes
    ----------
    cropped : Places
        Cells of the whole tensor, the section's margins around it.
    changed : Places
        Cells of the crop that a window changed; none where none of them lies in it.
    shown : Places, optional
        Which of the changed cells these are; not given if it is all of them, for every window.
    """

    cropped: Places
    changed: Places
    shown: Places | None


@dataclass(frozen=True)
class Pieces:
    """What a section reads, and what is kept of its targets.

    Attributes
    ----------
    inputs : dict of str to Pasted
        For each of its inputs.
    kept : dict of str to Places
        For each of its targets, the cells of what a crop gave that the window reaches.
    """

    inputs: dict[str, Pasted]
    kept: dict[str, Places]


@dataclass(frozen=True)
class Layout:
    """A plan with the pieces of all tensors, for one set of windows.

    Attributes
    ----------
    plan, positions
        The plan and its windows.
    pieces : list of Pieces
        Of each part.
    changed : dict of str to Places
        Where windows change the image, and what each part computes.
    """

    plan: Plan
    positions: Positions
    pieces: list[Pieces]
    changed: dict[str, Places]

    @classmethod
    def of(cls, plan: Plan, positions: Positions, sections: Sections) -> Layout:
        """Lay out a plan that was made for these windows."""

        def places(extents: Extents, name: str) -> Places:
            axes = sections.local.grids[name].axes
            return Places(positions, extents, (axes[0] - 1, axes[1] - 1))

        rows, columns = positions.rows, positions.columns
        image = (rows[:, 0], rows[:, 1]), (columns[:, 0], columns[:, 1])
        known: dict[str, Extents] = {sections.image.name: image}
        found = []
        for part in plan.parts:
            inputs = {}
            for name in part.section.inputs:
                cropped, changed, shown = _pasted(part, known[name])
                inputs[name] = Pasted(
                    places(cropped, name),
                    places(changed, name),
                    None if shown is None else places(shown, name),
                )
            kept, targets = _kept(part), part.section.targets
            found.append(Pieces(inputs, {t: places(kept, t) for t in targets}))
            reached = (part.rows.begin, part.rows.end), (part.columns.begin, part.columns.end)
            known |= dict.fromkeys(targets, reached)
        return cls(plan, positions, found, {n: places(e, n) for n, e in known.items()})


def _pasted(part: Part, changed: Extents) -> tuple[Extents, Extents, Extents | None]:
    """Cells of the whole tensor, changed cells of the crop, and which of all changed ones."""
    margins = part.section.margins
    high, wide = (
        _pasted_along(side, before, *extents)
        for side, (before, _), extents in zip(
            (part.rows, part.columns), margins, changed, strict=True
        )
    )
    cropped, pasted, shown = zip(high, wide, strict=True)
    every = all(
        (a == 0).all() and (b - a == end - begin).all()
        for (a, b), (begin, end) in zip(shown, changed, strict=True)
    )
    return cropped, pasted, None if every else shown


def _pasted_along(side: Side, before: int, begin: Cells, end: Cells) -> list[tuple[Cells, Cells]]:
    """Lay the changed cells over the crops of a tensor with so many zeros in front."""
    origin, stop = side.crops.origin, side.crops.origin + side.crops.length
    first = np.clip(origin, begin, end)
    last = np.clip(stop, first, end)
    cropped = origin + before, stop + before
    return [cropped, (first - origin, last - origin), (first - begin, last - begin)]


def _kept(part: Part) -> Extents:
    high, wide = (
        (side.begin - side.crops.first, side.end - side.crops.first)
        for side in (part.rows, part.columns)
    )
    return high, wide


def _slices(begin: Cells, end: Cells) -> list[slice]:
    return [slice(a, b) for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
