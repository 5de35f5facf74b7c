"""A converted graph: steps in order, values by ONNX tensor name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn

from onnxplain.convert.fusion import fuse
from onnxplain.convert.step import Step
from onnxplain.errors import UnknownNameError, UsageError

Plan = list[tuple[Step, list[str]]]
"""Steps to execute, each with the tensors that nothing reads after it."""

_REMEMBERED_PLANS = 64


class Program(nn.Module):
    """A graph that PyTorch executes by tensor name.

    Parameters
    ----------
    steps : sequence of Step
        In topological order.
    inputs : sequence of str
        Names of the graph inputs.
    constants : mapping of str to Tensor
        Initializers.
    """

    def __init__(
        self, steps: Sequence[Step], inputs: Sequence[str], constants: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self.inputs = tuple(inputs)
        # A rounded module holds the plain one.
        self.computations = nn.ModuleList(step.rounded or step.module for step in self.steps)
        # Tensor names may hold dots, which buffer names may not.
        self._buffer_names = {name: f"constant_{i}" for i, name in enumerate(constants)}
        for name, tensor in constants.items():
            self.register_buffer(self._buffer_names[name], tensor)
        self.register_buffer("_precision", torch.zeros(()))
        self._plans: dict[tuple[tuple[str, ...], frozenset[str]], Plan] = {}

    def constants(self) -> Mapping[str, Tensor]:
        """Return the initializers by ONNX tensor name, on the device of the program."""
        # Not `get_buffer`, whose search by dotted name would cost more than some networks' passes.
        held = cast("dict[str, Tensor]", self._buffers)
        return MappingProxyType({n: held[b] for n, b in self._buffer_names.items()})

    def widen_halves(self) -> Program:
        """Turn float16 and bfloat16 initializers and casts into float32, in place."""
        halves = (torch.float16, torch.bfloat16)
        self._apply(lambda t: t.float() if t.dtype in halves else t)
        return self

    def fixed_values(self) -> dict[str, Tensor]:
        """Compute what depends on initializers alone: dequantised weights above all.

        Returns
        -------
        dict of str to Tensor
            The initializers as well.
        """
        values = dict(self.constants())
        with torch.no_grad():
            for step in self.steps:
                if step.inputs and all(n in values for n in step.inputs if n):
                    results = step.run(values)
                    values.update((n, t) for n, t in zip(step.outputs, results, strict=False) if n)
        return values

    def run(self, feeds: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Compute the tensors `names`, executing only what they depend on.

        Parameters
        ----------
        feeds : mapping of str to Tensor
            Graph inputs by name. Any other tensor may be fed too; it is then not computed.
            In a float64 program, floating feeds of another type are cast.
        names : sequence of str
            ONNX tensor names: graph inputs, node outputs, initializers.

        Returns
        -------
        dict of str to Tensor
            In the order of `names`.

        Raises
        ------
        UnknownNameError
            If a name is not a tensor of this graph.
        UsageError
            If a graph input that is needed was not fed.
        ConversionError
            If PyTorch cannot compute a node.
        """
        values = {**self.constants(), **{n: self._cast(t) for n, t in feeds.items()}}
        for step, released in self._plan(tuple(names), frozenset(feeds)):
            results = step.run(values)
            values.update((n, t) for n, t in zip(step.outputs, results, strict=False) if n)
            for name in released:
                del values[name]
        return {name: values[name] for name in names}

    def forward(self, feeds: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Do the same as `run`."""
        return self.run(feeds, names)

    def _cast(self, tensor: Tensor) -> Tensor:
        double = self.get_buffer("_precision").dtype == torch.float64
        return tensor.double() if double and tensor.is_floating_point() else tensor

    def _plan(self, names: tuple[str, ...], fed: frozenset[str]) -> Plan:
        key = (names, fed)
        if key not in self._plans:
            if len(self._plans) >= _REMEMBERED_PLANS:
                self._plans.clear()
            # A plan outlives the call: autograd must be able to read the constants in its steps.
            with torch.inference_mode(False):
                self._plans[key] = self._make_plan(names, fed)
        return self._plans[key]

    def _make_plan(self, names: tuple[str, ...], fed: frozenset[str]) -> Plan:
        """List the steps to execute, each with the tensors that nothing reads after it."""
        given = fed | self._buffer_names.keys()
        needed = set(names) - given
        chosen: list[Step] = []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.difference_update(step.outputs)
                needed.update(n for n in step.inputs if n and n not in given)
                chosen.append(step)
        for name in needed:
            self._refuse(name)
        kept = set(names) | given
        if self.get_buffer("_precision").dtype != torch.float64:
            # In float64, the reference, the graph is computed as it is written.
            fixed = {n: t for n, t in self.constants().items() if n not in fed}
            chosen = fuse(chosen[::-1], kept, fixed)[::-1]
        plan: Plan = []
        # Backwards, the first step that touches a tensor is the last one that needs it.
        for step in chosen:
            touched = dict.fromkeys((*step.inputs, *step.outputs))
            released = [n for n in touched if n and n not in kept]
            kept.update(released)
            plan.append((step, released))
        return plan[::-1]

    def _refuse(self, name: str) -> None:
        if name in self.inputs:
            raise UsageError(f"graph input {name!r} is needed but was not fed")
        raise UnknownNameError("tensor", name, self._tensor_names())

    def _tensor_names(self) -> Iterator[str]:
        yield from self.inputs
        for step in self.steps:
            yield from (n for n in step.outputs if n)
