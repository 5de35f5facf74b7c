"""What each node takes in and hands on, as ONNX nodes: where relevance is lost, and where it grows.

The sums are those that `onnxplain.relevance.walk` takes in PyTorch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from onnxplain.relevance.growth import Growth, GrowthMeter
from onnxplain.relevance.leak import Leak
from onnxplain.symbolic.builder import Builder

_SUM, _MAGNITUDE = "ReduceSum", "ReduceL1"


@dataclass(frozen=True)
class _Entry:
    """A node, with the tensors that hold what arrived and what it handed on."""

    tensor: str
    op_type: str
    arrived: tuple[str, ...]
    shares: tuple[str, ...]
    last: bool
    # What all relevance passes after the node, if that is a single tensor.
    passed: str | None

    @property
    def handed_on(self) -> bool:
        """Whether it hands on the very tensor that it got."""
        return len(self.arrived) == 1 and self.arrived == self.shares


@dataclass
class Balance:
    """Collects the nodes that relevance passes, and writes their sums.

    Attributes
    ----------
    build : Builder
        Where nodes go.
    starts : collection of str
        Tensors that hold the relevance at which the way starts.
    """

    build: Builder
    starts: Collection[str]
    _entries: list[_Entry] = field(default_factory=list)
    _places: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(
        self,
        tensor: str,
        op_type: str,
        arrived: Sequence[str | None],
        shares: Mapping[str, Sequence[str]],
        *,
        last: bool,
        passed: str | None,
    ) -> None:
        """Take in a node.

        Parameters
        ----------
        tensor, op_type : str
            Its first output tensor and its operator.
        arrived : sequence of (str or None)
            What holds the relevance of its outputs.
        shares : mapping of str to sequence of str
            What holds what it hands to each of its inputs.
        last : bool
            Whether it is a node with weights with none between it and the score.
        passed : str or None
            What holds all relevance after it, if that is one tensor.
        """
        came = tuple(a for a in arrived if a is not None)
        given = tuple(s for parts in shares.values() for s in parts)
        self._entries.append(_Entry(tensor, op_type, came, given, last, passed))

    def write(self) -> str:
        """Write the sums, and return the tensor that holds them."""
        for name in self.starts:
            self._place(_MAGNITUDE, name)
        for entry in self._entries:
            if entry.handed_on:
                continue
            for name in (*entry.arrived, *entry.shares):
                self._place(_SUM, name)
                self._place(_MAGNITUDE, name)
            if entry.passed is not None:
                self._place(_MAGNITUDE, entry.passed)
        wide = [
            self.build.add(
                "Cast", self.build.add(operator, name, keepdims=0), to=TensorProto.DOUBLE
            )
            for operator, name in self._places
        ]
        one = self.build.integers(1)
        return self.build.add("Concat", *(self.build.add("Reshape", w, one) for w in wide), axis=0)

    def read(self, sums: NDArray[np.floating]) -> tuple[tuple[Leak, ...], Growth]:
        """What the sums say: where relevance is lost, and how far it grew."""

        def total(operator: str, names: Collection[str]) -> float:
            return float(sum(sums[self._places[operator, n]] for n in names))

        leaks, meter = [], GrowthMeter(total(_MAGNITUDE, self.starts))
        for entry in self._entries:
            if entry.handed_on:
                leaks.append(Leak(entry.tensor, entry.op_type, 0.0))
                continue
            absorbed = total(_SUM, entry.arrived) - total(_SUM, entry.shares)
            leaks.append(Leak(entry.tensor, entry.op_type, absorbed))
            taken, given = (total(_MAGNITUDE, n) for n in (entry.arrived, entry.shares))
            meter.add(entry.tensor, entry.op_type, taken, given, last=entry.last)
            if entry.passed is not None:
                meter.passed(total(_MAGNITUDE, [entry.passed]))
        leaks.sort(key=lambda leak: -abs(leak.absorbed))
        return tuple(leaks), meter.result()

    def _place(self, operator: str, name: str) -> int:
        return self._places.setdefault((operator, name), len(self._places))
