"""Carry a plan out: crops of the unchanged tensors, what changed pasted in, section by section."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Block, WindowChanges
from onnxplain.adapters.incremental.pieces import Layout, Pasted, Pieces
from onnxplain.adapters.incremental.plan import Part, crops_at_once, tensor_bytes
from onnxplain.adapters.incremental.sessions import Sessions
from onnxplain.adapters.side_by_side import ONE_BY_ONE, SideBySide
from onnxplain.graph.sections import Sections
from onnxplain.graph.unpadded import NO_MARGINS

Array = NDArray[Any]
# Bytes of window states that may be alive at a time, and windows that share them at most.
_STATES, _LARGEST_BLOCK = 1 << 28, 1024
# Windows of one of several calls that run at a time: enough to fill the batches of sections, and
# few enough to hear of them now and then; more where all of them take no longer than this.
_SHARE, _SHARE_SECONDS = 128, 0.05


# The changed piece of a tensor for each window, without a batch axis.
States = Mapping[str, Mapping[int, Array]]


class ShapesDifferError(Exception):
    """ONNX Runtime gives a tensor another shape than ONNX; the arithmetic would be wrong."""


class Run:
    """One plan on one base input.

    Parameters
    ----------
    sections : Sections
        The graph.
    layout : Layout
        The plan, its windows, and where they lie.
    sessions : Sessions
        Computes.
    base : array
        The unchanged input without its batch axis.
    batch : BatchChoice
        Whole tensors at a time after the last cut.
    fixed : int, optional
        The batch size that the file insists on.
    side : SideBySide
        How many shares of the windows are computed at a time, each through the whole chain.

    Raises
    ------
    ShapesDifferError
        If the shapes that the plan was made for are not those of ONNX Runtime.
    """

    def __init__(
        self,
        sections: Sections,
        layout: Layout,
        sessions: Sessions,
        base: Array,
        batch: BatchChoice,
        *,
        fixed: int | None = None,
        side: SideBySide = ONE_BY_ONE,
    ) -> None:
        self._sections, self._layout = sections, layout
        self._plan, self._positions = layout.plan, layout.positions
        self._sessions, self._batch = sessions, batch
        self._fixed, self._side = fixed, side
        self._clean = {sections.image.name: base[None]}
        self._read: list[dict[str, Array]] = []  # by each part, its margins around it
        for part in self._plan.parts:
            inputs = {n: self._within_margins(part, n) for n in part.section.inputs}
            self._read.append(inputs)
            self._clean |= sessions.run_section(part, inputs)  # which opens them, too
        for name, values in self._clean.items():
            expected = (1, *sections.shapes[name][1:])
            if values.shape != expected:
                raise ShapesDifferError(f"tensor {name!r} has another shape than ONNX infers")

    def blocks(self, changes: WindowChanges, indices: Sequence[int]) -> Iterator[Block]:
        """Compute the wanted tensors for some windows, a bounded number of them at a time."""
        calls, most = self._side.calls, self._block_size()
        if calls == 1:
            for start in range(0, len(indices), most):
                yield from self.some(changes, indices[start : start + most])
            return
        # No call waits for others at the end.
        quick = int(_SHARE_SECONDS * len(self._positions) / self._plan.seconds_when_open)
        most = max(1, min(most // calls, max(_SHARE, quick)))
        size = self._side.share(len(indices), most)
        shares = [indices[start : start + size] for start in range(0, len(indices), size)]
        for found in self._side.stream(lambda share: list(self.some(changes, share)), shares):
            yield from found

    def some(self, changes: WindowChanges, indices: Sequence[int]) -> Iterator[Block]:
        """Compute the wanted tensors for windows whose states fit into memory together."""
        image, shown = self._sections.image.name, changes.picture
        if shown is None:
            inside = {k: changes.content(k) for k in indices}
        else:
            places = self._layout.changed[image].of(indices)
            inside = {k: shown[places[k]] for k in indices}
        states: dict[str, dict[int, Array]] = {image: inside}
        parts = zip(self._plan.parts, self._layout.pieces, self._read, strict=True)
        for part, pieces, read in parts:
            found = self._windows(part, pieces, read, states, indices)
            alive = part.section.stop.tensors
            states = {t: states[t] for t in alive if t in states} | found

        def rest(part: slice) -> dict[str, Array]:
            return self._rest(states, indices[part])

        for chunk, tensors in self._batch.run(rest, len(indices)):
            yield np.array(indices[chunk]), tensors

    def _windows(
        self,
        part: Part,
        pieces: Pieces,
        read: Mapping[str, Array],
        states: States,
        indices: Sequence[int],
    ) -> dict[str, dict[int, Array]]:
        """Run one section on the crops of some windows."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        high, wide = part.rows.lengths, part.columns.lengths
        for k in indices:
            row, column = self._positions.places[k]
            groups[high[row], wide[column]].append(k)
        found: dict[str, dict[int, Array]] = {t: {} for t in part.section.targets}
        section = part.section
        whole = section.start.size[0] * section.start.size[1]
        bytes_each = sum(self._clean[t][0].nbytes for t in (*section.inputs, *section.targets))
        for size, members in groups.items():
            most = crops_at_once(bytes_each * size[0] * size[1] / whole)
            for start in range(0, len(members), most):
                chunk = members[start : start + most]
                crops = {
                    n: _crops(read[n][0], pasted, states[n], chunk)
                    for n, pasted in pieces.inputs.items()
                }
                for name, values in self._sessions.run_section(part, crops).items():
                    kept = pieces.kept[name].of(chunk)
                    found[name] |= {k: v[kept[k]] for v, k in zip(values, chunk, strict=True)}
        return found

    def _rest(self, states: States, chunk: Sequence[int]) -> dict[str, Array]:
        count = self._fixed or len(chunk)
        whole = {}
        for name in self._plan.rest.tensors:
            tensor = np.repeat(self._clean[name], count, axis=0)
            changed, cells = self._layout.changed[name].of(chunk), states[name]
            for one, k in zip(tensor, chunk, strict=False):
                one[changed[k]] = cells[k]
            whole[name] = tensor
        found = self._sessions.run_rest(self._plan, whole)
        return {n: v[: len(chunk)] for n, v in found.items()}

    def _within_margins(self, part: Part, name: str) -> Array:
        """Return an unchanged tensor with the zeros that its section wants around it."""
        clean, margins = self._clean[name], part.section.margins
        if margins == NO_MARGINS:
            return clean
        sides = [(0, 0)] * clean.ndim
        for axis, side in zip(self._sections.local.grids[name].axes, margins, strict=True):
            sides[axis] = side
        return np.pad(clean, sides)

    def _block_size(self) -> int:
        """Windows whose states fit into memory together."""
        bytes_each = [tensor_bytes(self._sections, self._sections.image.name)]
        for part in self._plan.parts:
            crop = part.rows.crops.length.max() * part.columns.crops.length.max()
            share = crop / (part.section.start.size[0] * part.section.start.size[1])
            targets = sum(tensor_bytes(self._sections, t) for t in part.section.targets)
            bytes_each.append(int(targets * share))
        # While a section runs, the states before and after it are alive.
        most = max(a + b for a, b in zip(bytes_each, [*bytes_each[1:], 0], strict=True))
        return max(self._batch.best, min(_LARGEST_BLOCK, _STATES // max(1, most)))


def _crops(
    whole: Array, pasted: Pasted, states: Mapping[int, Array], chunk: Sequence[int]
) -> Array:
    """Cut crops of one size out of the unchanged tensor, and paste what windows changed."""
    cropped, changed = pasted.cropped.of(chunk), pasted.changed.of(chunk)
    crops = np.array([whole[cropped[k]] for k in chunk])
    if pasted.shown is None:
        for crop, k in zip(crops, chunk, strict=True):
            crop[changed[k]] = states[k]
        return crops
    shown = pasted.shown.of(chunk)
    for crop, k in zip(crops, chunk, strict=True):
        crop[changed[k]] = states[k][shown[k]]
    return crops
