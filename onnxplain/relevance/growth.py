"""How far relevance grows in magnitude on its way back, and where.

What a node hands to two branches may be large, of either sign, and cancel where they meet again:
x and -mean(x), say. So the magnitude is taken where all relevance waits at one tensor, as
between the blocks of a network, and at the input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Growth:
    """How far relevance grew in magnitude while it was handed back.

    Attributes
    ----------
    times : float
        The largest sum of magnitudes at a tensor that all relevance passes, as a multiple of
        what the last nodes with weights handed on: there the parts of the score itself are told
        apart, and after them a rule can only make more of them.
    between : float
        The largest sum of magnitudes that any node handed on, in the same unit: what of it
        cancels again leaves its rounding.
    tensor, op_type : str
        First output tensor and operator of the node that multiplied the magnitudes most, where
        they grew most; empty if they did not grow.
    factor : float
        By how much it multiplied them.
    """

    times: float = 0.0
    between: float = 0.0
    tensor: str = ""
    op_type: str = ""
    factor: float = 0.0


@dataclass(frozen=True)
class _Step:
    tensor: str
    op_type: str
    taken: float
    given: float


class GrowthMeter:
    """Collects, node by node, how the magnitudes grow.

    Parameters
    ----------
    start : float
        Sum of the magnitudes of the relevance that the walk starts with.
    """

    def __init__(self, start: float) -> None:
        self._own = start
        # Between two tensors that all relevance passes: magnitude at the first one, the nodes.
        self._parts: list[tuple[float, list[_Step]]] = [(start, [])]

    def add(self, tensor: str, op_type: str, taken: float, given: float, *, last: bool) -> None:
        """Take in the sums of magnitudes at one node's outputs and inputs.

        Parameters
        ----------
        tensor, op_type : str
            The node's first output tensor and its operator.
        taken, given : float
            Sum of the magnitudes of the relevance of its outputs, and of what it hands on.
        last : bool
            Whether it is a node with weights with none between it and the score.
        """
        self._parts[-1][1].append(_Step(tensor, op_type, taken, given))
        if last:
            self._own = max(self._own, given)

    def passed(self, magnitude: float) -> None:
        """Take in the sum of magnitudes at a tensor that all relevance passes."""
        self._parts.append((magnitude, []))

    def result(self) -> Growth:
        """What was found."""
        for step in self._steps():
            if not math.isfinite(step.given):
                return Growth(math.inf, math.inf, step.tensor, step.op_type, math.inf)
        if not self._own:
            return Growth()
        times = max(magnitude for magnitude, _ in self._parts) / self._own
        between = max((s.given for s in self._steps()), default=0.0) / self._own
        worst = max(self._grown(), default=None, key=lambda s: s.given / s.taken)
        if worst is None:
            return Growth(times, between)
        return Growth(times, between, worst.tensor, worst.op_type, worst.given / worst.taken)

    def _steps(self) -> Iterator[_Step]:
        return (step for _, steps in self._parts for step in steps)

    def _grown(self) -> Iterator[_Step]:
        """Nodes that matter, of the part in which the magnitude grew most in the end."""
        ends = [magnitude for magnitude, _ in self._parts[1:]]
        growth = [
            (end / start if start and end > self._own else 0.0)
            for (start, _), end in zip(self._parts, ends, strict=False)
        ]
        steps = self._steps()
        if growth and max(growth) > 1:
            steps = iter(self._parts[growth.index(max(growth))][1])
        return (s for s in steps if s.taken and s.given > self._own)
