"""One question about windows, what an adapter gives for it, and the answer by whole inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Block, WindowChanges, WindowRun, changed_inputs
from onnxplain.adapters.rerun import Open
from onnxplain.adapters.side_by_side import SideBySide
from onnxplain.graph.sections import Sections
from onnxplain.graph.view import Node

Array = NDArray[Any]


@dataclass(frozen=True)
class Services:
    """What the engine needs from an adapter.

    Attributes
    ----------
    sections : callable
        ``sections(names)``: how the graph in front of the named tensors falls apart.
    open_session : callable
        See `Open`: with a call's share of the threads.
    forward : callable
        ``forward(inputs, names)``: named tensors of whole inputs, in one call if they fit.
    forward_many : callable
        The same in the batches that were found best, several at a time where that pays.
    profile : callable
        ``profile(batches, sections)``: the wanted tensors of each batch of whole inputs,
        and the seconds of each node for one input.
    bound : mapping of str to array
        Values of the model's other inputs.
    batch : callable
        ``batch(kind)``: how many whole inputs at a time for a kind of work.
    batch_after : callable
        ``batch_after(kind, nodes)``: the same for a part of the graph.
    side : SideBySide
        How windows use the threads.
    fixed : int, optional
        The batch size that the file insists on.
    obstacle : str
        Why this adapter runs whole inputs unless asked otherwise; empty if it does not.
    wrong : str
        Why sections would give something else; empty if they do not.
    """

    sections: Callable[[Sequence[str]], Sections]
    open_session: Open
    forward: Callable[[Array, Sequence[str]], dict[str, Array]]
    forward_many: Callable[[Array, Sequence[str]], dict[str, Array]]
    profile: Callable[
        [Sequence[Array], Sections], tuple[list[dict[str, Array]], NDArray[np.float64]]
    ]
    bound: Mapping[str, Array]
    batch: Callable[[tuple[str, ...]], BatchChoice]
    batch_after: Callable[[tuple[str, ...], Sequence[Node]], BatchChoice]
    side: SideBySide
    fixed: int | None
    obstacle: str
    wrong: str


@dataclass
class Work:
    """Some windows of one input. Blocks computed on the way are handed over too.

    Attributes
    ----------
    services, base, changes
        The adapter's side, the unchanged input, the windows.
    names : tuple of str
        The wanted tensors.
    spatial : (int, int)
        Axes of height and width in `base`.
    done : list of Block
        What is computed already.
    """

    services: Services
    base: Array
    changes: WindowChanges
    names: tuple[str, ...]
    spatial: tuple[int, int]

    def __post_init__(self) -> None:
        self.done: list[Block] = []

    @property
    def left(self) -> list[int]:
        """Windows that are not computed yet."""
        ready = {int(k) for indices, _ in self.done for k in indices}
        return [k for k in range(len(self.changes)) if k not in ready]

    def inputs(self, indices: Sequence[int]) -> Array:
        """Whole inputs of some windows."""
        return changed_inputs(self.base, self.changes, indices, self.spatial)

    def whole(self, because: str) -> WindowRun:
        """Run what is left as whole inputs."""
        choice = self.services.batch(("forward", *self.names))
        record = {"name": "brute-force", "because": because, "batch": choice.chosen}
        return WindowRun(record, chain(self.done, self._blocks(choice)))

    def _blocks(self, choice: BatchChoice) -> Iterator[Block]:
        left = self.left

        def compute(part: slice) -> dict[str, Array]:
            return self.services.forward(self.inputs(left[part]), self.names)

        # The adapter may run several batches at a time, but not of files that take one input.
        calls = self.services.side.calls
        several = calls > 1 and choice.most > 1 and not self.services.fixed
        done = 0
        for part, found in choice.run(compute, len(left)):
            yield np.array(left[part]), found
            done = part.stop
            if several and choice.chosen is not None:
                break
        step = 2 * calls * choice.best
        for start in range(done, len(left), step):
            some = left[start : start + step]
            yield np.array(some), self.services.forward_many(self.inputs(some), self.names)


def filled(inputs: Array, size: int) -> Array:
    """Repeat the last input up to a whole batch."""
    return np.concatenate([inputs, np.repeat(inputs[-1:], size - len(inputs), axis=0)])
