"""If, Loop and Scan: the body is a program of its own, run as often as the values say.

A gradient passes what was run in this forward pass: the branch that was taken, every round
that a loop made. The condition itself has none. Where the standard's evaluator and ONNX
Runtime differ, ONNX Runtime is followed: a Loop always obeys the condition that its body
returns, and after no round at all an unknown length is zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from onnxplain.convert.cast import torch_type
from onnxplain.convert.program import Program
from onnxplain.graph.view import Graph, Node


class Body(nn.Module):
    """A program that is called with values in the order in which the body declares them.

    Parameters
    ----------
    program : Program
        The converted body.
    graph : Graph
        The body itself, from `onnxplain.graph.bodies`.
    """

    def __init__(self, program: Program, graph: Graph) -> None:
        super().__init__()
        self.program = program
        self.graph = graph
        self.outputs = tuple(o.name for o in graph.outputs)

    def forward(
        self, values: Sequence[Tensor | None], captured: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """Run once.

        Parameters
        ----------
        values : sequence of Tensor
            For the inputs of the body.
        captured : mapping of str to Tensor
            What the node captures; another body of the node may need some of it.

        Returns
        -------
        list of Tensor
            All outputs, in order.
        """
        names = self.program.inputs
        feeds = {n: captured[n] for n in names[len(values) :]}
        feeds.update((n, t) for n, t in zip(names, values, strict=False) if t is not None)
        found = self.program.run(feeds, self.outputs)
        return [found[name] for name in self.outputs]


class ControlFlow(nn.Module, ABC):
    """Common part: tells the operands of the node from what its bodies capture.

    Parameters
    ----------
    node : Node
        An If, Loop or Scan.
    bodies : mapping of str to Body
        By attribute.
    """

    def __init__(self, node: Node, bodies: Mapping[str, Body]) -> None:
        super().__init__()
        self.node = node
        self.bodies = nn.ModuleDict(bodies)

    def forward(self, *inputs: Tensor | None) -> tuple[Tensor, ...]:
        """Run the node; what is captured follows the operands."""
        count = len(self.node.inputs)
        operands = [*inputs[:count], *[None] * (count - len(inputs))]
        captured = dict(zip(self.node.captured, inputs[count:], strict=False))
        return self.execute(operands, cast("dict[str, Tensor]", captured))

    @abstractmethod
    def execute(
        self, operands: list[Tensor | None], captured: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the outputs of the node."""


class If(ControlFlow):
    """One of two bodies."""

    def execute(
        self, operands: list[Tensor | None], captured: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Run the branch that the condition has in this pass."""
        taken = "then_branch" if _holds(operands[0]) else "else_branch"
        return tuple(self.bodies[taken]((), captured))


class Loop(ControlFlow):
    """A body with carried values, as long as it says and at most as often as the trip count.

    Parameters
    ----------
    node : Node
        A Loop; the trip count and the first condition may be absent.
    bodies : mapping of str to Body
        The one body.
    """

    def __init__(self, node: Node, bodies: Mapping[str, Body]) -> None:
        super().__init__(node, bodies)
        body = bodies["body"].graph
        self._carried = max(len(node.inputs) - 2, 0)
        self._empty = _EmptyResults(node, body, 1 + self._carried)
        # Written by hand, the counter may be a vector of one.
        self._rank = len(body.inputs[0].shape or ()) if body.inputs else 0
        self.register_buffer("_zero", torch.zeros((), dtype=torch.int64))

    def execute(
        self, operands: list[Tensor | None], captured: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the carried values as they are at the end, then what the rounds stacked up."""
        limit, condition, *carried = operands
        going = condition is None or _holds(condition)
        rounds: list[list[Tensor]] = []
        zero = self.get_buffer("_zero")
        while going and (limit is None or len(rounds) < int(limit)):
            counter = (zero + len(rounds)).reshape([1] * self._rank)
            go, *results = self.bodies["body"]((counter, zero == 0, *carried), captured)
            carried = results[: self._carried]
            rounds.append(results[self._carried :])
            going = _holds(go)
        stacked = [torch.stack(rows) for rows in zip(*rounds, strict=True)]
        return (*cast("list[Tensor]", carried), *(stacked if rounds else self._empty()))


class _EmptyResults(nn.Module):
    """What a Loop stacks up in no round: the shapes that its body declares."""

    def __init__(self, node: Node, body: Graph, first: int) -> None:
        super().__init__()
        for k, (proto, info) in enumerate(zip(body.model.graph.output, body.outputs, strict=True)):
            code = proto.type.tensor_type.elem_type
            if k >= first:
                lengths = [n if isinstance(n, int) else 0 for n in info.shape or ()]
                dtype = torch_type(node, code) if code else torch.float32
                # A buffer, so that ``.double()`` reaches it.
                self.register_buffer(f"result_{k}", torch.empty((0, *lengths), dtype=dtype))

    def forward(self) -> list[Tensor]:
        """Return them."""
        return list(self.buffers())


class Scan(ControlFlow):
    """A body with carried values, once for every slice of sequences; opset 9 on.

    Parameters
    ----------
    node : Node
        A Scan; axes and directions of what it reads and stacks up are followed.
    bodies : mapping of str to Body
        The one body.
    """

    def __init__(self, node: Node, bodies: Mapping[str, Body]) -> None:
        super().__init__(node, bodies)
        get = node.attributes.get
        sequences = node.attributes["num_scan_inputs"]
        self._carried = len(node.inputs) - sequences
        results = len(bodies["body"].outputs) - self._carried
        self._axes = get("scan_input_axes") or [0] * sequences
        self._backwards = get("scan_input_directions") or [0] * sequences
        self._output_axes = get("scan_output_axes") or [0] * results
        self._output_backwards = get("scan_output_directions") or [0] * results

    def execute(
        self, operands: list[Tensor | None], captured: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the carried values as they are at the end, then the stacked results."""
        states, sequences = operands[: self._carried], operands[self._carried :]
        return self._scan(states, cast("list[Tensor]", sequences), captured)

    def _scan(
        self,
        states: Sequence[Tensor | None],
        sequences: Sequence[Tensor],
        captured: Mapping[str, Tensor],
    ) -> tuple[Tensor, ...]:
        slices = [
            s.unbind(axis)[:: -1 if backwards else 1]
            for s, axis, backwards in zip(sequences, self._axes, self._backwards, strict=True)
        ]
        if len({len(s) for s in slices}) != 1 or not slices[0]:
            lengths = ", ".join(str(len(s)) for s in slices)
            raise ValueError(f"sequences of lengths {lengths} cannot be read side by side")
        rounds = []
        for row in zip(*slices, strict=True):
            results = self.bodies["body"]((*states, *row), captured)
            states = results[: self._carried]
            rounds.append(results[self._carried :])
        stacked = (
            torch.stack(rows[:: -1 if backwards else 1], axis)
            for rows, axis, backwards in zip(
                zip(*rounds, strict=True), self._output_axes, self._output_backwards, strict=True
            )
        )
        return (*cast("Sequence[Tensor]", states), *stacked)


class BatchedScan(Scan):
    """Scan of opset 8: sample by sample, each over its own length; the rest stays zero."""

    def __init__(self, node: Node, bodies: Mapping[str, Body]) -> None:
        super().__init__(node, bodies)
        self._carried -= 1  # the lengths come first
        results = len(bodies["body"].outputs) - self._carried
        self._backwards = node.attributes.get("directions") or self._backwards
        self._output_axes, self._output_backwards = [0] * results, [0] * results

    def execute(
        self, operands: list[Tensor | None], captured: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the same as later versions, with the samples along the first axis."""
        given, *rest = operands
        values = cast("list[Tensor]", rest)
        states, sequences = values[: self._carried], values[self._carried :]
        count, longest = sequences[0].shape[:2]
        lengths = [longest] * count if given is None else given.tolist()
        samples = []
        for n, length in enumerate(lengths):
            own = [s[n].narrow(0, 0, length) for s in sequences]
            last = self._scan([s[n] for s in states], own, captured)
            late = [_longer(t, longest) for t in last[self._carried :]]
            samples.append([*last[: self._carried], *late])
        return tuple(torch.stack(rows) for rows in zip(*samples, strict=True))


def _longer(rows: Tensor, length: int) -> Tensor:
    """Fill up with zeros at the end of the first axis."""
    missing = rows.new_zeros(length - len(rows), *rows.shape[1:])
    return torch.cat((rows, missing))


def _holds(condition: Tensor | None) -> bool:
    if condition is None or condition.numel() != 1:
        count = "none" if condition is None else str(condition.numel())
        raise ValueError(f"a condition holds exactly one value, not {count}")
    return bool(condition)


def if_(node: Node, bodies: Mapping[str, Body]) -> nn.Module:
    """If, opset 1 to 25."""
    return If(node, bodies)


def loop(node: Node, bodies: Mapping[str, Body]) -> nn.Module:
    """Loop, opset 1 to 25."""
    return Loop(node, bodies)


def scan(node: Node, bodies: Mapping[str, Body]) -> nn.Module:
    """Scan, opset 9 to 25."""
    return Scan(node, bodies)


def scan_8(node: Node, bodies: Mapping[str, Body]) -> nn.Module:
    """Scan of opset 8, which has a batch axis."""
    return BatchedScan(node, bodies)
