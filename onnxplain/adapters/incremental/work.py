"""One question about windows, what an adapter gives for it, and the answer by whole inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.batches import Shared
from onnxplain.adapters.changes import Block, WindowChanges, WindowRun, changed_inputs
from onnxplain.adapters.rerun import Open
from onnxplain.adapters.reused_inputs import ReusedInputs
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
    shared : callable
        ``shared(names, count)``: how batches of so many whole inputs run side by side, or None
        where they do not.
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
    shared: Callable[[Sequence[str], int], Shared | None]
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
        reused = ReusedInputs(self.base, self.changes, self.spatial)

        def alone(left: Sequence[int]) -> Iterator[Block]:
            def compute(part: slice) -> Block:
                return reused.run(lambda x: self.services.forward(x, self.names), left[part])

            return (block for _, block in choice.run(compute, len(left)))

        left = self.left
        if choice.chosen is None:
            done = 0
            for indices, tensors in alone(left):
                yield indices, tensors
                done += len(indices)
                if choice.chosen is not None:
                    break
            left = left[done:]
        # Inputs are made by the call that runs them: no other call waits for them.
        shared = self.services.shared(self.names, len(left)) if choice.most > 1 else None
        step = shared and shared.step(choice.best, len(left), exactly=choice.seconds is None)
        if shared and step:
            run = shared.opened()
            pieces = [left[k : k + step] for k in range(0, len(left), step)]
            yield from shared.side.stream(lambda some: reused.run(run, some), pieces)
        else:
            yield from alone(left)


def filled(inputs: Array, size: int) -> Array:
    """Repeat the last input up to a whole batch."""
    return np.concatenate([inputs, np.repeat(inputs[-1:], size - len(inputs), axis=0)])
