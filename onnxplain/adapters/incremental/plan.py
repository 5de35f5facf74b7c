"""Where to cut, so that all windows together cost least: a shortest path over the cuts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.sections import Cut, Section, Sections
from onnxplain.graph.unpadded import Unpadded
from onnxplain.graph.windows import Cells, Crops, clamped_crops, unpadded_crops

# Fewer candidates than this are all tried; of more, the narrowest of each stretch of the model.
MAX_CUTS = 26
# Every section is a session; more than this gain nothing that their opening does not cost.
MAX_SECTIONS = 8
# Crops of one size are run together: of small ones more, as a call costs more than their bytes.
_FEW_CROPS, _MANY_CROPS, _CROP_BYTES = 16, 128, 1 << 20
# Seconds: for a byte cut out or pasted, for a window in a section, for a call, for a node in a
# call, for making and opening a section. Measured on small networks, where they matter.
_BYTE, _WINDOW, _CALL, _NODE, _SESSION = 2.5e-10, 4e-6, 4e-5, 1e-6, 1e-3


@dataclass(frozen=True)
class Positions:
    """Windows as pairs of distinct extents along height and width.

    Attributes
    ----------
    rows, columns : (R, 2) and (S, 2) int array
        Distinct begins and ends.
    row, column : (P,) int array
        Which of them each window has.
    """

    rows: Cells
    columns: Cells
    row: Cells
    column: Cells

    @classmethod
    def of(cls, windows: Cells) -> Positions:
        """Split (P, 4) windows of top, bottom, left, right."""
        rows, row = np.unique(windows[:, :2], axis=0, return_inverse=True)
        columns, column = np.unique(windows[:, 2:], axis=0, return_inverse=True)
        return cls(rows, columns, row.reshape(-1), column.reshape(-1))

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """Row and column of each window, as Python's numbers: loops are slow with NumPy's."""
        return list(zip(self.row.tolist(), self.column.tolist(), strict=True))


@dataclass(frozen=True)
class Side:
    """One axis of a section: for each distinct extent, what is cropped and what is computed.

    Attributes
    ----------
    crops : Crops
        Cells of the section's inputs.
    begin, end : int array
        Cells of its targets that a window reaches.
    """

    crops: Crops
    begin: Cells
    end: Cells

    @cached_property
    def lengths(self) -> list[int]:
        """Length of each crop, as Python's numbers."""
        return self.crops.length.tolist()


@dataclass(frozen=True)
class Part:
    """A section and its crops along height and width.

    Attributes
    ----------
    section : Section
        What is computed.
    rows, columns : Side
        Its crops along each axis.
    """

    section: Section
    rows: Side
    columns: Side


@dataclass(frozen=True)
class Plan:
    """A chain of sections, and then the rest of the model on whole tensors.

    Attributes
    ----------
    parts : tuple of Part
        In order; empty if brute force is best.
    rest : Cut
        Where the rest begins.
    seconds, brute_seconds : float
        Predicted for all windows.
    """

    parts: tuple[Part, ...]
    rest: Cut
    seconds: float
    brute_seconds: float

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Where the graph is cut."""
        return (*(p.section.start for p in self.parts), self.rest)

    @property
    def seconds_when_open(self) -> float:
        """Predicted time when the sections' sessions are open already."""
        return self.seconds - _SESSION * len(self.parts)

    @property
    def gain(self) -> float:
        """Predicted time of brute force over that of the plan."""
        return self.brute_seconds / self.seconds


class Planner:
    """Plans for one set of windows.

    Parameters
    ----------
    sections : Sections
        The graph.
    cuts : sequence of Cut
        Where it may be cut; the first lies in front of all nodes.
    positions : Positions
        The windows.
    seconds : (nodes,) array
        Time of each node of `sections.nodes` for one whole input, with all threads.
    batch : int
        Whole inputs in one call.
    """

    def __init__(
        self,
        sections: Sections,
        cuts: Sequence[Cut],
        positions: Positions,
        seconds: NDArray[np.float64],
        batch: int,
    ) -> None:
        self._sections, self._positions, self._batch = sections, positions, batch
        self._cuts, self._seconds = list(cuts), seconds
        self._before = np.concatenate([[0.0], np.cumsum(seconds)])
        self._bytes_of = cache(partial(tensor_bytes, sections))

    @cached_property
    def candidates(self) -> list[Cut]:
        """The cuts that are tried: evenly spread over the time, narrow ones first."""
        cuts = self._cuts
        if len(cuts) <= MAX_CUTS:
            return cuts
        total = self._before[cuts[-1].position] or 1.0
        narrowest: dict[int, Cut] = {}
        for cut in cuts[1:-1]:
            place = int(self._before[cut.position] / total * (MAX_CUTS - 2))
            best = narrowest.get(place)
            if best is None or self._bytes(cut.tensors) < self._bytes(best.tensors):
                narrowest[place] = cut
        return [cuts[0], *narrowest.values(), cuts[-1]]

    def best(self, *, forced: bool = False) -> Plan:
        """Return the cheapest plan; if `forced`, of those that have sections at all."""
        steps = self._steps()
        paths: dict[int, tuple[float, tuple[Part, ...]]] = {self.candidates[0].position: (0.0, ())}
        whole = best = self._finished(self.candidates[0], 0.0, ())
        for _ in range(MAX_SECTIONS):
            longer: dict[int, tuple[float, tuple[Part, ...]]] = {}
            for part, cost in steps:
                known = paths.get(part.section.start.position)
                if known is None:
                    continue
                total, stop = known[0] + cost, part.section.stop
                if stop.position not in longer or total < longer[stop.position][0]:
                    longer[stop.position] = (total, (*known[1], part))
            for cost, parts in longer.values():
                plan = self._finished(parts[-1].section.stop, cost, parts)
                if plan.seconds < best.seconds or (forced and best is whole):
                    best = plan
            paths = longer
        return best

    def along(self, cuts: Sequence[Cut]) -> Plan | None:
        """Return the plan that cuts exactly here, or None if no crops serve it."""
        chosen = {(p.section.start, p.section.stop): (p, c) for p, c in self._steps(cuts)}
        steps = [chosen.get(pair) for pair in itertools.pairwise(cuts)]
        if None in steps:
            return None
        found = [s for s in steps if s is not None]
        return self._finished(cuts[-1], sum(c for _, c in found), tuple(p for p, _ in found))

    def _finished(self, rest: Cut, cost: float, parts: tuple[Part, ...]) -> Plan:
        count, total = len(self._positions), float(self._before[-1])
        runs = -(-count // self._batch)
        nodes = len(self._sections.nodes)
        left = count * (total - self._before[rest.position])
        left += runs * (_CALL + _NODE * (nodes - rest.position))
        left += count * self._bytes(rest.tensors) * _BYTE
        brute = count * total + runs * (_CALL + _NODE * nodes)
        brute += count * self._bytes(self.candidates[0].tensors) * _BYTE
        return Plan(parts, rest, float(cost + left), float(brute))

    def _steps(self, cuts: Sequence[Cut] | None = None) -> list[tuple[Part, float]]:
        """Every section between two candidates, its crops and its cost."""
        candidates = list(cuts) if cuts is not None else self.candidates
        last = candidates[-1].position
        positions, sections = self._positions, self._sections
        reached = [
            sections.affected(extents[:, 0], extents[:, 1], axis, last)
            for axis, extents in enumerate((positions.rows, positions.columns))
        ]
        steps = []
        for k, stop in enumerate(candidates):
            for section in sections.sections_into(stop, candidates[:k]):
                sides = [_side(section, axis, reached[axis]) for axis in (0, 1)]
                part = Part(section, sides[0], sides[1])
                steps.append((part, self._cost(part)))
        return steps

    def _cost(self, part: Part) -> float:
        section, positions = part.section, self._positions
        high = part.rows.crops.length[positions.row]
        wide = part.columns.crops.length[positions.column]
        cells = int((high * wide).sum())
        whole = section.start.size[0] * section.start.size[1]
        first, last = section.start.position, section.stop.position
        if section.unpadded:
            busy = self._seconds_without_padding(part, section.unpadded)
        else:
            busy = float(self._before[last] - self._before[first]) * cells / whole
        copied = self._bytes(section.inputs) * cells / whole
        tops = (part.rows.end - part.rows.begin)[positions.row]
        lefts = (part.columns.end - part.columns.begin)[positions.column]
        size = section.stop.size
        copied += self._bytes(section.targets) * int((tops * lefts).sum()) / (size[0] * size[1])
        _, counts = np.unique(high * (whole + 1) + wide, return_counts=True)
        each = self._bytes((*section.inputs, *section.targets)) * cells / len(high) / whole
        runs = int((-(-counts // crops_at_once(each))).sum())
        calls = len(positions) * _WINDOW + runs * (_CALL + _NODE * (last - first))
        return busy + copied * _BYTE + calls + _SESSION

    def _seconds_without_padding(self, part: Part, unpadded: Unpadded) -> float:
        """For all windows; nodes compute no more than what they were asked for."""
        nodes, grids = self._sections.nodes, self._sections.local.grids
        row, column = self._positions.row, self._positions.column
        total = 0.0
        for k in range(part.section.start.position, part.section.stop.position):
            name = nodes[k].output
            if name in unpadded.walks:
                high, wide = unpadded.walks[name]
                rows, columns = (
                    need.cells(side.crops.length) / size
                    for need, side, size in zip(
                        (high, wide), (part.rows, part.columns), grids[name].size, strict=True
                    )
                )
                total += float(self._seconds[k] * np.dot(rows[row], columns[column]))
        return total

    def _bytes(self, tensors: Sequence[str]) -> int:
        return sum(map(self._bytes_of, tensors))


def tensor_bytes(sections: Sections, name: str) -> int:
    """Bytes of a local tensor for one input."""
    shape = sections.shapes[name][1:]
    return int(np.prod(shape)) * sections.local.grids[name].dtype.itemsize


def crops_at_once(each: float) -> int:
    """How many crops run in one call, of which a section reads and gives so many bytes."""
    return int(min(_MANY_CROPS, max(_FEW_CROPS, _CROP_BYTES // max(1, each))))


def _side(section: Section, axis: int, reached: Mapping[str, tuple[Cells, Cells]]) -> Side:
    begin = np.min([reached[t][0] for t in section.targets], axis=0)
    end = np.max([reached[t][1] for t in section.targets], axis=0)
    need, length = section.needs[axis], section.start.size[axis]
    if section.unpadded:
        return Side(unpadded_crops(begin, end, section.stop.size[axis], need), begin, end)
    first, last = need.of(begin, end, length)
    return Side(clamped_crops(first, last, length, need.stride), begin, end)
