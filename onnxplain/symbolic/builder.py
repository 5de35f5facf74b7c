"""Nodes that are written beside those of a graph, under names that it does not use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

#: What a node reads: a tensor's name, or a constant.
Operand = str | float | Sequence[int] | NDArray[Any]
# From this opset on the axes of all reductions are an input.
_AXES_AS_INPUT = 18
_FRESH = "explained"
# Operators whose outputs are finite wherever their inputs are. All others may divide by zero,
# take the root or the logarithm of it, or overflow.
_TAME = frozenset({
    "Abs", "Add", "And", "AveragePool", "Cast", "Clip", "Concat", "ConstantOfShape", "Conv",
    "ConvTranspose", "DepthToSpace", "Equal", "Erf", "Expand", "Flatten", "Gather", "Gemm",
    "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "MatMul", "Max", "Min", "Mul",
    "Neg", "Not", "Or", "Pad", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape",
    "ScatterND", "Shape", "Sigmoid", "Sign", "Slice", "SpaceToDepth", "Split", "Squeeze", "Sub",
    "Tanh", "Tile", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip


class Builder:
    """Collects nodes and constants.

    What is computed from constants alone is kept apart from the rest: it belongs into the main
    graph, where ONNX Runtime computes it once, when it loads the file.

    Parameters
    ----------
    taken : iterable of str
        Names of tensors and nodes that are in use.
    constants : iterable of str
        Those of them that are constants.
    opset : int
        Version of the standard operators.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        What was written, in order.
    fixed : list of onnx.NodeProto
        What is computed from constants alone, in order.
    initializers : list of onnx.TensorProto
        New constants.
    """

    def __init__(self, taken: Iterable[str], constants: Iterable[str], opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.fixed: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._taken = set(taken)
        self._known = set(constants)
        self._wild: set[str] = set()
        self._made: dict[Any, tuple[str, ...]] = {}
        self._count = 0

    def fresh(self, hint: str) -> str:
        """Return a name that nothing has."""
        while True:
            self._count += 1
            name = f"{_FRESH}/{hint}_{self._count}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def claim(self, wanted: str) -> str:
        """Return `wanted`, lengthened if something has that name."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """Return the name of a constant; equal ones are kept once."""
        array = np.asarray(value, order="C")
        key = ("constant", array.dtype.str, array.shape, array.tobytes())
        if key not in self._made:
            name = self.fresh("constant")
            self.initializers.append(numpy_helper.from_array(array, name))
            self._known.add(name)
            self._made[key] = (name,)
        return self._made[key][0]

    def number(self, value: float) -> str:
        """Return the name of a constant float32 number."""
        return self.constant(np.asarray(value, np.float32))

    def integer(self, value: int) -> str:
        """Return the name of a constant integer."""
        return self.constant(np.asarray(value, np.int64))

    def integers(self, *values: int) -> str:
        """Return the name of a constant list of integers."""
        return self.constant(np.array(values, np.int64))

    def is_fixed(self, name: str) -> bool:
        """Whether a tensor is a constant or computed from constants alone."""
        return name in self._known

    def is_finite(self, name: str) -> bool:
        """Whether a tensor is finite if all constants and all values of the graph are."""
        return name not in self._wild

    def many(
        self, operator: str, inputs: Sequence[str], count: int, **attributes: Any
    ) -> tuple[str, ...]:
        """Write a node of the standard's operators and return the names of its outputs."""
        fixed = bool(inputs) and all(not i or i in self._known for i in inputs)
        key = (operator, tuple(inputs), count, repr(sorted(attributes.items())))
        if fixed and key in self._made:
            return self._made[key]
        outputs = tuple(self.fresh(operator) for _ in range(count))
        tame = operator in _TAME or (operator == "Div" and inputs[1] in self._known)
        if not fixed and not (tame and self._wild.isdisjoint(inputs)):
            self._wild.update(outputs)
        node = helper.make_node(operator, list(inputs), list(outputs), outputs[0], **attributes)
        if fixed:
            self.fixed.append(node)
            self._known.update(outputs)
            self._made[key] = outputs
        else:
            self.nodes.append(node)
        return outputs

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Write a node with one output and return its name."""
        return self.many(operator, inputs, 1, **attributes)[0]

    def reduce(self, operator: str, x: str, axes: Sequence[int], *, keep: bool = True) -> str:
        """Write a reduction over some axes, as the opset has it."""
        listed, keepdims = [int(a) for a in axes], int(keep)
        if operator == "ReduceSum" or self.opset >= _AXES_AS_INPUT:
            return self.add(operator, x, self.integers(*listed), keepdims=keepdims)
        return self.add(operator, x, axes=listed, keepdims=keepdims)

    @contextmanager
    def body(self) -> Iterator[list[onnx.NodeProto]]:
        """Collect what is written meanwhile in a list of its own, for the body of a node."""
        outer, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outer

    def copy(self, node: onnx.NodeProto, names: dict[str, str]) -> None:
        """Write a node again, with what it reads and writes under other names.

        `names` maps those that have changed; the outputs are added to it.
        """
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        for k, name in enumerate(node.input):
            twin.input[k] = names.get(name, name)
        for k, name in enumerate(node.output):
            if name:
                twin.output[k] = names[name] = self.fresh(node.op_type)
        twin.name = self.fresh(node.op_type)
        self.nodes.append(twin)
