"""Places where a graph can be cut so that every part works on windows, and the parts between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.local import LocalPart, find_local
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.unpadded import NO_MARGINS, Margins, Unpadded, find_unpadded
from onnxplain.graph.view import Graph, Node
from onnxplain.graph.windows import Cells, Need, affected

# They read a tensor's shape, not its values.
_READS_SHAPE = frozenset({"Shape"})


@dataclass(frozen=True)
class Cut:
    """A position in the order of nodes at which only local tensors of one grid are alive.

    Attributes
    ----------
    position : int
        Index into `Sections.nodes`; the cut lies in front of that node.
    tensors : tuple of str
        Tensors written before and read after.
    size : (int, int)
        Height and width of their grid.
    """

    position: int
    tensors: tuple[str, ...]
    size: tuple[int, int]


@dataclass(frozen=True)
class Section:
    """The nodes between two cuts.

    Attributes
    ----------
    start, stop : Cut
        Where it begins and ends.
    inputs : tuple of str
        Tensors of `start` that it reads.
    targets : tuple of str
        Tensors of `stop` that it computes; the others pass by.
    needs : (Need, Need)
        Cells of the inputs, along height and width, that cells of the targets depend on.
    unpadded : Unpadded, optional
        How its nodes run without padding; if they cannot, they keep theirs on crops.
    """

    start: Cut
    stop: Cut
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    needs: tuple[Need, Need]
    unpadded: Unpadded | None = None

    @property
    def margins(self) -> Margins:
        """Zeros around its inputs."""
        return self.unpadded.margins if self.unpadded else NO_MARGINS


class Sections:
    """How the graph in front of some tensors falls into parts.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes.
    image : ImageInput
        The explained input.
    names : sequence of str
        The tensors that are wanted in the end.
    """

    def __init__(
        self, graph: Graph, shapes: Shapes, image: ImageInput, names: Sequence[str]
    ) -> None:
        self.graph, self.shapes, self.image = graph, shapes, image
        self.names = tuple(names)
        self.local: LocalPart = find_local(graph, shapes, image)
        wanted = {a for n in names for a in graph.ancestors(n)}
        self.nodes: tuple[Node, ...] = tuple(
            n for n in graph.nodes if any(o in wanted for o in n.outputs)
        )

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """All cuts, the first in front of the first node.

        None lies in front of a pointwise node: ONNX Runtime computes those together with
        the convolution before them. (What was quantised is computed, so it may lie in front of
        a DequantizeLinear.) Graphs with control flow have none: their bodies read
        tensors of the outer graph that no edge shows.
        """
        found: list[Cut] = []
        if any(isinstance(a, onnx.GraphProto) for n in self.nodes for a in n.attributes.values()):
            return ()
        for position, alive in enumerate(self._alive()):
            if position and not self._may_cut(position):
                continue
            grids = [self.local.grids.get(t) for t in alive]
            sizes = {g.size for g in grids if g is not None}
            known = bool(found) and found[-1].tensors == alive
            if alive and not known and None not in grids and len(sizes) == 1:
                found.append(Cut(position, alive, sizes.pop()))
        return tuple(found)

    def sections_into(self, stop: Cut, starts: Sequence[Cut]) -> Iterator[Section]:
        """Yield the sections that end at `stop` and begin at one of `starts`.

        Left out are those whose paths walk at different strides, so that no single crop
        serves them.
        """
        by_targets: dict[tuple[str, ...], dict[int, Cut]] = {}
        for cut in starts:
            if cut.position < stop.position:
                targets = tuple(t for t in stop.tensors if t not in cut.tensors)
                by_targets.setdefault(targets, {})[cut.position] = cut
        for targets, wanted in by_targets.items():
            if targets:
                yield from self._walk_back(stop, targets, wanted)

    def affected(
        self, begin: Cells, end: Cells, axis: int, stop: int
    ) -> dict[str, tuple[Cells, Cells]]:
        """Cells of every local tensor that a window of the image reaches.

        Parameters
        ----------
        begin, end : (P,) int array
            Changed pixels.
        axis : {0, 1}
            Height or width.
        stop : int
            Position of the node at which to end.
        """
        reached = {self.image.name: (begin, end)}
        for node in self.nodes[:stop]:
            local = self.local.nodes.get(node.index)
            if local is None:
                continue
            sources = [reached[i] for i in node.inputs if i in reached]
            first = np.min([b for b, _ in sources], axis=0) if len(sources) > 1 else sources[0][0]
            last = np.max([e for _, e in sources], axis=0) if len(sources) > 1 else sources[0][1]
            for output in node.outputs:
                if output:
                    length = self.local.grids[output].size[axis]
                    reached[output] = affected(first, last, local.steps[axis], length)
        return reached

    def strides_within(self, section: Section) -> dict[str, tuple[int, int]]:
        """Product of the strides between a section's inputs and each of its tensors."""
        found = dict.fromkeys(section.inputs, (1, 1))
        for node in self.nodes[section.start.position : section.stop.position]:
            source = next((i for i in node.inputs if i in found), None)
            local = self.local.nodes.get(node.index)
            if source is not None and local is not None:
                high, wide = found[source]
                reached = (high * local.steps[0].stride, wide * local.steps[1].stride)
                found |= dict.fromkeys((o for o in node.outputs if o), reached)
        return found

    def share_affected(self, rows: Cells, columns: Cells, stop: int) -> dict[str, float]:
        """Mean share of each local tensor's cells that windows reach.

        Parameters
        ----------
        rows, columns : (P, 2) int array
            Begin and end of each window along height and width.
        stop : int
            As for `affected`.
        """
        high = self.affected(rows[:, 0], rows[:, 1], 0, stop)
        wide = self.affected(columns[:, 0], columns[:, 1], 1, stop)
        shares = {}
        for name, (top, bottom) in high.items():
            left, right = wide[name]
            height, width = self.local.grids[name].size
            shares[name] = float(np.mean((bottom - top) * (right - left))) / (height * width)
        return shares

    def _may_cut(self, position: int) -> bool:
        if position == len(self.nodes):
            return True
        node = self.nodes[position]
        local = self.local.nodes.get(node.index)
        return local is None or not local.pointwise or node.op_type == "DequantizeLinear"

    def _alive(self) -> Iterator[tuple[str, ...]]:
        """Tensors that depend on the image, written before and read at or after each position."""
        carried = self.graph.descendants([self.image.name])
        last = dict.fromkeys(self.names, len(self.nodes))
        for position, node in enumerate(self.nodes):
            if node.op_type in _READS_SHAPE:
                continue
            for name in node.inputs:
                if name in carried:
                    last[name] = max(last.get(name, -1), position)
        alive = {self.image.name: None}
        for position in range(len(self.nodes) + 1):
            yield tuple(t for t in alive if last.get(t, -1) >= position)
            alive = {t: None for t in alive if last.get(t, -1) >= position}
            if position < len(self.nodes):
                alive |= {o: None for o in self.nodes[position].outputs if o in carried}

    def _walk_back(
        self, stop: Cut, targets: tuple[str, ...], starts: dict[int, Cut]
    ) -> Iterator[Section]:
        needs = dict.fromkeys(targets, (Need(), Need()))
        lowest = min(starts)
        for position in range(stop.position - 1, lowest - 1, -1):
            node = self.nodes[position]
            found = [needs[o] for o in node.outputs if o in needs]
            if found:
                joined = _join(found)
                if joined is None:
                    return
                steps = self.local.nodes[node.index].steps
                before = (joined[0].through(steps[0]), joined[1].through(steps[1]))
                for name in node.inputs:
                    if name not in self.local.grids:
                        continue
                    both = _join([needs[name], before]) if name in needs else before
                    if both is None:
                        return
                    needs[name] = both
            if position in starts:
                cut = starts[position]
                inputs = tuple(t for t in cut.tensors if t in needs)
                whole = _join([needs[t] for t in inputs])
                if whole is not None:
                    nodes = self.nodes[position : stop.position]
                    unpadded = find_unpadded(nodes, self.local, inputs, targets)
                    yield Section(cut, stop, inputs, targets, whole, unpadded)


def _join(needs: Sequence[tuple[Need, Need]]) -> tuple[Need, Need] | None:
    high, wide = needs[0]
    for other in needs[1:]:
        rows, columns = high.joined(other[0]), wide.joined(other[1])
        if rows is None or columns is None:
            return None
        high, wide = rows, columns
    return high, wide
