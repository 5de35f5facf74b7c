"""Where relevance is lost or grows on its way, for the record."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Leak:
    """Relevance that one node took in and did not hand on.

    Attributes
    ----------
    tensor, op_type : str
        The node's first output tensor and its operator.
    absorbed : float
        Relevance at the outputs minus relevance at the inputs, summed over the batch, in
        units of the score.
    """

    tensor: str
    op_type: str
    absorbed: float


@dataclass(frozen=True, order=True)
class Growth:
    """How far relevance grew in magnitude while it was handed back.

    Attributes
    ----------
    times : float
        The largest sum of magnitudes that a node handed on, as a multiple of what the last
        nodes with weights handed on: there the parts of the score itself are told apart, and
        behind them a rule can only make more of them.
    tensor, op_type : str
        First output tensor and operator of the node that multiplied the magnitudes most, among
        those that handed on more than the score's own parts; empty if there is none.
    factor : float
        By how much it multiplied them.
    """

    times: float = 0.0
    tensor: str = ""
    op_type: str = ""
    factor: float = 0.0


class GrowthMeter:
    """Collects, node by node, how the magnitudes grow."""

    def __init__(self, start: float) -> None:
        self._own = start
        self._nodes: list[tuple[str, str, float, float]] = []

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
        self._nodes.append((tensor, op_type, taken, given))
        if last:
            self._own = max(self._own, given)

    def result(self) -> Growth:
        """What was found."""
        for name, op, _, given in self._nodes:
            if not math.isfinite(given):
                return Growth(math.inf, name, op, math.inf)
        largest = max((given for *_, given in self._nodes), default=0.0)
        if not self._own:
            return Growth()
        grown = [(g / t, name, op) for name, op, t, g in self._nodes if t and g > self._own]
        factor, tensor, op_type = max(grown, default=(0.0, "", ""))
        return Growth(largest / self._own, tensor, op_type, factor)
