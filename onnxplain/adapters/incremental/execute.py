"""Carry a plan out: crops of the unchanged tensors, what changed pasted in, section by section."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Block, WindowChanges, inside
from onnxplain.adapters.incremental.plan import (
    MAX_CROPS,
    Part,
    Plan,
    Positions,
    tensor_bytes,
)
from onnxplain.adapters.incremental.sessions import Sessions
from onnxplain.adapters.side_by_side import ONE_BY_ONE, SideBySide
from onnxplain.graph.sections import Sections

Array = NDArray[Any]
# Bytes of window states that may be alive at a time, and windows that share them at most.
_STATES, _LARGEST_BLOCK = 1 << 28, 1024
# Windows of one of several calls that run at a time: enough to fill the batches of sections, and
# few enough to hear of them now and then.
_SHARE = 128


@dataclass(frozen=True)
class State:
    """A changed piece of a tensor: its cells from (top, left) on, without a batch axis."""

    cells: Array
    top: int
    left: int


class ShapesDifferError(Exception):
    """ONNX Runtime gives a tensor another shape than ONNX; the arithmetic would be wrong."""


class Run:
    """One plan on one base input.

    Parameters
    ----------
    sections : Sections
        The graph.
    plan : Plan
        Made for `positions`.
    positions : Positions
        The windows.
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
        plan: Plan,
        positions: Positions,
        sessions: Sessions,
        base: Array,
        batch: BatchChoice,
        *,
        fixed: int | None = None,
        side: SideBySide = ONE_BY_ONE,
    ) -> None:
        self._sections, self._plan, self._positions = sections, plan, positions
        self._sessions, self._batch = sessions, batch
        self._fixed, self._side = fixed, side
        self._clean = {sections.image.name: base[None]}
        for part in plan.parts:
            inputs = {n: self._clean[n] for n in part.section.inputs}
            self._clean |= sessions.run_section(part, inputs)  # which opens them, too
        for name, values in self._clean.items():
            expected = (1, *sections.shapes[name][1:])
            if values.shape != expected:
                raise ShapesDifferError(f"tensor {name!r} has another shape than ONNX infers")

    def blocks(self, changes: WindowChanges, indices: Sequence[int]) -> Iterator[Block]:
        """Compute the wanted tensors for some windows, a bounded number of them at a time."""
        calls = self._side.calls
        step = self._block_size()
        step = step if calls == 1 else min(step, _SHARE * calls)
        for start in range(0, len(indices), step):
            block = indices[start : start + step]
            if calls == 1:
                yield from self.some(changes, block)
                continue
            size = -(-len(block) // calls)
            shares = [block[k : k + size] for k in range(0, len(block), size)]
            for found in self._side.map(lambda share: list(self.some(changes, share)), shares):
                yield from found

    def some(self, changes: WindowChanges, indices: Sequence[int]) -> Iterator[Block]:
        """Compute the wanted tensors for windows whose states fit into memory together."""
        image = self._sections.image
        states: dict[str, dict[int, State]] = {image.name: {}}
        for k in indices:
            top, _, left, _ = changes.windows[k]
            states[image.name][k] = State(changes.content(k), int(top), int(left))
        for part in self._plan.parts:
            found = self._windows(part, states, indices)
            alive = part.section.stop.tensors
            states = {t: states[t] for t in alive if t in states} | found

        def rest(part: slice) -> dict[str, Array]:
            return self._rest(states, indices[part])

        for chunk, tensors in self._batch.run(rest, len(indices)):
            yield np.array(indices[chunk]), tensors

    def _windows(
        self, part: Part, states: Mapping[str, Mapping[int, State]], indices: Sequence[int]
    ) -> dict[str, dict[int, State]]:
        """Run one section on the crops of some windows."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for k in indices:
            row, column = self._positions.places[k]
            groups[part.rows.cropped[row][1], part.columns.cropped[column][1]].append(k)
        found: dict[str, dict[int, State]] = {t: {} for t in part.section.targets}
        for size, members in groups.items():
            for start in range(0, len(members), MAX_CROPS):
                piece = self._piece(part, states, size, members[start : start + MAX_CROPS])
                for name, kept in piece.items():
                    found[name] |= kept
        return found

    def _piece(
        self,
        part: Part,
        states: Mapping[str, Mapping[int, State]],
        size: tuple[int, int],
        chunk: Sequence[int],
    ) -> dict[str, dict[int, State]]:
        """Run one section on crops of one size."""
        crops = {n: self._crop(n, part, size, states[n], chunk) for n in part.section.inputs}
        found: dict[str, dict[int, State]] = {}
        for name, values in self._sessions.run_section(part, crops).items():
            axes = self._axes(name)
            found[name] = {
                k: self._kept(part, value, axes, k) for value, k in zip(values, chunk, strict=True)
            }
        return found

    def _crop(
        self,
        name: str,
        part: Part,
        size: tuple[int, int],
        states: Mapping[int, State],
        chunk: Sequence[int],
    ) -> Array:
        whole, axes = self._clean[name][0], self._axes(name)
        shape = list(whole.shape)
        shape[axes[0]], shape[axes[1]] = size
        crops = np.empty((len(chunk), *shape), whole.dtype)
        for crop, k in zip(crops, chunk, strict=True):
            row, column = self._positions.places[k]
            top, left = part.rows.cropped[row][0], part.columns.cropped[column][0]
            window = (top, top + size[0], left, left + size[1])
            crop[...] = whole[inside(window, whole.ndim, axes)]
            _paste(crop, states[k], top, left, axes)
        return crops

    def _kept(self, part: Part, value: Array, axes: tuple[int, int], k: int) -> State:
        """Cut the cells that a window reaches out of what a crop gave."""
        row, column = self._positions.places[k]
        (top, bottom), (left, right) = part.rows.reached[row], part.columns.reached[column]
        high, wide = part.section.needs
        # The first cell that the crop gave.
        y = part.rows.cropped[row][0] // high.stride
        x = part.columns.cropped[column][0] // wide.stride
        window = (top - y, bottom - y, left - x, right - x)
        return State(value[inside(window, value.ndim, axes)], top, left)

    def _rest(
        self, states: Mapping[str, Mapping[int, State]], chunk: Sequence[int]
    ) -> dict[str, Array]:
        count = self._fixed or len(chunk)
        whole = {}
        for name in self._plan.rest.tensors:
            axes = self._axes(name)
            tensor = np.repeat(self._clean[name], count, axis=0)
            for one, k in zip(tensor, chunk, strict=False):
                _paste(one, states[name][k], 0, 0, axes)
            whole[name] = tensor
        found = self._sessions.run_rest(self._plan, whole)
        return {n: v[: len(chunk)] for n, v in found.items()}

    def _axes(self, name: str) -> tuple[int, int]:
        axes = self._sections.local.grids[name].axes
        return axes[0] - 1, axes[1] - 1

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


def _paste(target: Array, state: State, top: int, left: int, axes: tuple[int, int]) -> None:
    """Write a state's cells into a piece of the same tensor that begins at (top, left)."""
    cells, of_state, of_target = state.cells, state.cells.shape, target.shape
    row, column = state.top - top, state.left - left
    high, wide = of_state[axes[0]], of_state[axes[1]]
    fits = row >= 0 and column >= 0
    if fits and row + high <= of_target[axes[0]] and column + wide <= of_target[axes[1]]:
        target[inside((row, row + high, column, column + wide), target.ndim, axes)] = cells
        return
    first, last = max(state.top, top), min(state.top + high, top + of_target[axes[0]])
    begin, end = max(state.left, left), min(state.left + wide, left + of_target[axes[1]])
    if first < last and begin < end:
        to = (first - top, last - top, begin - left, end - left)
        come = (first - state.top, last - state.top, begin - state.left, end - state.left)
        target[inside(to, target.ndim, axes)] = state.cells[inside(come, target.ndim, axes)]
