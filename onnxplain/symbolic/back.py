"""One node on the way back: what its rule sees, and how it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph, Node
from onnxplain.symbolic.builder import Builder, Operand
from onnxplain.symbolic.facts import Facts, Shape

_SINGLE = np.dtype(np.float32)


def slope_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Element type of the derivative of a tensor.

    In float16 derivatives would underflow, and some operators do not take it; integers stand
    for numbers.
    """
    return dtype if dtype == np.float64 else _SINGLE


def is_half(dtype: np.dtype[Any]) -> bool:
    """Whether a tensor has one of the floating-point types of 16 bits."""
    return dtype == np.float16 or dtype.name == "bfloat16"


@dataclass(frozen=True)
class Back:
    """A node whose outputs' derivatives are known.

    Called with an operator and what it reads, it writes a node and returns its output. A
    number stands for a constant of the node's element type, a list for one of integers.

    Attributes
    ----------
    graph, facts, build
        The graph, what is known of it, and where nodes go.
    node : Node
        The node.
    names : mapping of str to str
        Where tensors of the graph have another name in what is written.
    slopes : tuple of (str or None)
        Derivative of each output.
    needed : collection of str
        Tensors whose derivative is wanted.
    """

    graph: Graph
    facts: Facts
    build: Builder
    node: Node
    names: Mapping[str, str]
    slopes: tuple[str | None, ...]
    needed: Collection[str]

    @property
    def slope(self) -> str:
        """Derivative of the first output."""
        found = self.slopes[0]
        if found is None:
            raise self.refusal("a further output has a derivative, the first has none")
        return found

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(self.node.inputs)

    @property
    def y(self) -> str:
        """The first output."""
        return self.name(self.node.output)

    @property
    def y_shape(self) -> Shape:
        """Shape of the first output."""
        return self.facts.shapes[self.node.output]

    def x(self, k: int = 0) -> str:
        """Input `k`."""
        return self.name(self.node.inputs[k])

    def name(self, tensor: str) -> str:
        """Name under which a tensor of the graph stands in what is written, halves as float32."""
        found = self.names.get(tensor, tensor)
        kind = self.facts.types.get(tensor)
        return self.cast(found, _SINGLE) if kind is not None and is_half(kind) else found

    def has(self, k: int) -> bool:
        """Whether input `k` is there."""
        return k < len(self.node.inputs) and bool(self.node.inputs[k])

    def wants(self, k: int) -> bool:
        """Whether the derivative with respect to input `k` is needed."""
        return self.has(k) and self.node.inputs[k] in self.needed

    def only(self, *allowed: int) -> None:
        """Refuse if the derivative of any other input is needed."""
        for k in range(self.count):
            if k not in allowed and self.wants(k):
                raise self.refusal(f"input {k} depends on the picture")

    def shape(self, k: int = 0) -> Shape:
        """Shape of input `k`."""
        return self.facts.shapes[self.node.inputs[k]]

    def sizes(self, k: int = 0, start: int = 0) -> list[int]:
        """Lengths of the axes of input `k` from `start` on, which must not change."""
        return [self.known(d) for d in self.shape(k)[start:]]

    def y_sizes(self, start: int = 0) -> list[int]:
        """Lengths of the axes of the first output from `start` on."""
        return [self.known(d) for d in self.y_shape[start:]]

    def known(self, length: int | None) -> int:
        """Return a length, or refuse one that changes with the batch."""
        if length is None:
            raise self.refusal("an axis changes with the batch")
        return length

    def rank(self, k: int = 0) -> int:
        """Number of axes of input `k`."""
        return len(self.shape(k))

    def get(self, attribute: str, default: Any = None) -> Any:
        """Value of an attribute."""
        return self.node.attributes.get(attribute, default)

    def is_known(self, k: int) -> bool:
        """Whether input `k` is the same for all pictures and batches."""
        name = self.node.inputs[k]
        return self.graph.is_constant(name) or name in self.facts.values

    def value(self, k: int) -> NDArray[Any]:
        """Value of input `k`, which must be the same for all pictures."""
        name = self.node.inputs[k]
        if self.graph.is_constant(name):
            return self.graph.constant(name)
        if name in self.facts.values:
            return self.facts.values[name]
        raise self.refusal(f"input {k} is not a constant")

    def integers(self, k: int) -> list[int]:
        """Value of input `k` as integers."""
        return [int(v) for v in np.asarray(self.value(k)).reshape(-1)]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type of the derivatives: that of the node, or float32 among integers."""
        for name in (*self.node.outputs, *self.node.inputs):
            kind = self.facts.types.get(name, np.dtype(np.int64))
            if kind.kind == "f":
                return slope_type(kind)
        return _SINGLE

    def __call__(self, operator: str, *inputs: Operand, **attributes: Any) -> str:
        """Write a node and return its output."""
        return self.build.add(operator, *map(self._operand, inputs), **attributes)

    def _operand(self, given: Operand) -> str:
        if isinstance(given, str):
            return given
        if isinstance(given, np.ndarray):
            return self.build.constant(given)
        if isinstance(given, (int, float)):
            return self.build.constant(np.asarray(given, self.dtype))
        return self.build.constant(np.array(list(given), np.int64))

    def sum(self, x: str, axes: Sequence[int], *, keep: bool = True) -> str:
        """Write a sum over some axes."""
        return self.build.reduce("ReduceSum", x, axes, keep=keep)

    def mean(self, x: str, axes: Sequence[int], *, keep: bool = True) -> str:
        """Write a mean over some axes."""
        return self.build.reduce("ReduceMean", x, axes, keep=keep)

    def where(self, condition: str, slope: str | None = None) -> str:
        """Write the derivative where a condition holds, and zero elsewhere.

        ONNX Runtime multiplies in less than half the time in which it chooses; but zero times
        infinity is no zero.
        """
        chosen = slope or self.slope
        if self.build.is_finite(chosen):
            return self("Mul", chosen, self.cast(condition))
        return self("Where", condition, chosen, 0.0)

    def cast(self, x: str, dtype: np.dtype[Any] | None = None) -> str:
        """Write a cast, to the type of the derivatives if no other one is named."""
        code = onnx.helper.np_dtype_to_tensor_dtype(dtype or self.dtype)
        return self("Cast", x, to=code)

    def to_operand(self, slope: str, k: int, of: Shape | None = None) -> str:
        """Undo the broadcasting of input `k`: sum over what it was repeated along.

        `of` is the shape of the derivative, that of the output if not given.
        """
        whole, own = self.y_shape if of is None else of, self.shape(k)
        lead = len(whole) - len(own)
        kept = [a + lead for a, d in enumerate(own) if d == 1 and whole[a + lead] != 1]
        if kept:
            slope = self.sum(slope, kept)
        return self.sum(slope, range(lead), keep=False) if lead else slope

    def like(self, slope: str, k: int = 0) -> str:
        """Give a derivative the shape of input `k`."""
        return self("Reshape", slope, self.shape_of(k))

    def shape_of(self, k: int = 0) -> Operand:
        """Shape of input `k` as Reshape takes it: a constant where possible."""
        shape = self.shape(k)
        if sum(d is None for d in shape) > 1 or 0 in shape:
            return self("Shape", self.x(k))
        return [-1 if d is None else d for d in shape]

    def zeros(self, tensor: str) -> str:
        """Write zeros in the shape of a tensor of the graph."""
        code = onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        zero = onnx.helper.make_tensor("value", code, [1], [0.0])
        return self("ConstantOfShape", self("Shape", self.name(tensor)), value=zero)

    def along(self, slope: str, axis: int, rank: int, matrix: NDArray[Any]) -> str:
        """Multiply each line along an axis by a matrix: (before, after)."""
        held = np.asarray(matrix, self.dtype)
        axis %= rank
        if axis == rank - 1:
            return self("MatMul", slope, held)
        if axis == rank - 2:
            return self("MatMul", np.ascontiguousarray(held.T), slope)
        order = [a for a in range(rank) if a != axis] + [axis]
        moved = self("MatMul", self("Transpose", slope, perm=order), held)
        return self("Transpose", moved, perm=[order.index(a) for a in range(rank)])

    def refusal(self, why: str) -> ConversionError:
        """Return an error that names the operator."""
        return ConversionError(
            f"{self.node}: {why}, and there is no derivative in ONNX nodes for that; "
            "`explain` runs it in PyTorch"
        )
