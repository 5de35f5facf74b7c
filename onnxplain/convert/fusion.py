"""Several steps that compute one operation of PyTorch, run as that operation.

Exporters write GELU, SiLU and (up to opset 16) LayerNormalization as chains of elementwise
nodes, each of which reads and writes a whole tensor, and backwards once more. PyTorch has one
kernel for each. Attention stays as it is: on a CPU, `scaled_dot_product_attention` is slower
with its derivative than the matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from onnxplain.convert.function import Function
from onnxplain.convert.step import Step

# Constants of exporters are rounded to float32.
_CLOSE = 1e-6
_CUBIC = 0.044715


class _Match(NamedTuple):
    """A pattern: its steps, what the one operation reads, and the operation."""

    steps: frozenset[int]
    inputs: tuple[str, ...]
    module: Function


class _Product(NamedTuple):
    """A product of tensors and one number, with the steps that compute it."""

    factor: float
    tensors: tuple[str, ...]
    steps: frozenset[int]


@dataclass(frozen=True)
class _Steps:
    """Steps to be run, by the tensors that they write and read."""

    steps: Sequence[Step]
    writers: Mapping[str, int]
    readers: Mapping[str, frozenset[int]]
    kept: Collection[str]
    constants: Mapping[str, Tensor]

    def number(self, name: str) -> float | None:
        """Value of a constant without axes, which changes no shape."""
        found = self.constants.get(name)
        plain = found is not None and found.ndim == 0 and found.is_floating_point()
        return float(found) if plain and found is not None else None

    def writer(self, name: str, *kinds: str) -> tuple[int, Step] | None:
        """The step that computes a tensor, if it is of one of these kinds."""
        at = self.writers.get(name)
        if at is None:
            return None
        step = self.steps[at]
        plain = step.rounded is None and not step.node.domain and len(step.outputs) == 1
        return (at, step) if plain and step.node.op_type in kinds else None

    def product(self, name: str) -> _Product:
        """Factors of a tensor, through products that nothing else reads."""
        found = self.writer(name, "Mul", "Div")
        if found is None:
            return _Product(1.0, (name,), frozenset())
        at, step = found
        a, b = step.inputs
        if step.node.op_type == "Div":
            divisor = self.number(b)
            if not divisor:
                return _Product(1.0, (name,), frozenset())
            inner = self._factor(a, at)
            return _Product(inner.factor / divisor, inner.tensors, inner.steps | {at})
        left, right = self._factor(a, at), self._factor(b, at)
        return _Product(
            left.factor * right.factor,
            left.tensors + right.tensors,
            left.steps | right.steps | {at},
        )

    def _factor(self, name: str, reader: int) -> _Product:
        number = self.number(name)
        if number is not None:
            return _Product(number, (), frozenset())
        alone = name not in self.kept and self.readers[name] == {reader}
        return self.product(name) if alone else _Product(1.0, (name,), frozenset())

    def plus(self, name: str) -> tuple[int, str, float] | None:
        """Step, tensor and number of a sum with a number."""
        found = self.writer(name, "Add")
        if found is None:
            return None
        at, step = found
        a, b = step.inputs
        for tensor, other in ((a, b), (b, a)):
            number = self.number(other)
            if number is not None and self.number(tensor) is None:
                return at, tensor, number
        return None

    def hidden(self, steps: frozenset[int], last: int) -> bool:
        """Whether nothing outside of some steps reads what they compute, but for the last."""
        names = [n for k in steps - {last} for n in self.steps[k].outputs]
        return all(n not in self.kept and self.readers[n] <= steps for n in names)


def fuse(
    steps: Sequence[Step], kept: Collection[str], constants: Mapping[str, Tensor]
) -> list[Step]:
    """Run patterns as one step each.

    Parameters
    ----------
    steps : sequence of Step
        In topological order.
    kept : collection of str
        Tensors that are asked for or given: they must be there in the end.
    constants : mapping of str to Tensor
        Tensors that stay what they are.

    Returns
    -------
    list of Step
        The same values, up to the rounding of float32.
    """
    writers = {name: k for k, step in enumerate(steps) for name in step.outputs if name}
    readers: dict[str, set[int]] = {name: set() for name in writers}
    for k, step in enumerate(steps):
        for name in step.inputs:
            readers.setdefault(name, set()).add(k)
    fixed = {name: frozenset(found) for name, found in readers.items()}
    view = _Steps(steps, writers, fixed, kept, constants)
    dropped: set[int] = set()
    fused: list[Step] = []
    for k in reversed(range(len(steps))):
        if k in dropped:
            continue
        found = next(filter(None, (pattern(view, k) for pattern in _PATTERNS)), None)
        if found is None or not view.hidden(found.steps, k):
            fused.append(steps[k])
            continue
        dropped |= found.steps
        fused.append(Step(steps[k].node, found.module, found.inputs, steps[k].outputs))
    return fused[::-1]


def _silu(view: _Steps, last: int) -> _Match | None:
    """X sigmoid(x)."""
    found = view.writer(view.steps[last].outputs[0], "Mul")
    if found is None:
        return None
    a, b = found[1].inputs
    for x, gate in ((a, b), (b, a)):
        sigmoid = view.writer(gate, "Sigmoid")
        if sigmoid is not None and sigmoid[1].inputs == (x,):
            return _Match(frozenset((last, sigmoid[0])), (x,), Function(functional.silu))
    return None


def _gelu(view: _Steps, last: int) -> _Match | None:
    """X / 2 (1 + erf(x / sqrt 2)), or its approximation by tanh; the factors in any order."""
    product = view.product(view.steps[last].outputs[0])
    if len(product.tensors) != 2 or not math.isclose(product.factor, 0.5, rel_tol=_CLOSE):
        return None
    for x, gate in (product.tensors, product.tensors[::-1]):
        one = view.plus(gate)
        if one is None or one[2] != 1.0:
            continue
        curve = view.writer(one[1], "Erf", "Tanh")
        if curve is None:
            continue
        exact = curve[1].node.op_type == "Erf"
        inside = (_erf_argument if exact else _tanh_argument)(view, curve[1].inputs[0], x)
        if inside is not None:
            steps = product.steps | inside | {one[0], curve[0]}
            approximate = "none" if exact else "tanh"
            function = partial(functional.gelu, approximate=approximate)
            return _Match(steps, (x,), Function(function))
    return None


def _erf_argument(view: _Steps, name: str, x: str) -> frozenset[int] | None:
    scaled = view.product(name)
    close = math.isclose(scaled.factor, math.sqrt(0.5), rel_tol=_CLOSE)
    return scaled.steps if scaled.tensors == (x,) and close else None


def _tanh_argument(view: _Steps, name: str, x: str) -> frozenset[int] | None:
    scaled = view.product(name)
    if not math.isclose(scaled.factor, math.sqrt(2 / math.pi), rel_tol=_CLOSE):
        return None
    (total, *more) = scaled.tensors
    found = view.writer(total, "Add")
    if more or found is None or x not in found[1].inputs:
        return None
    a, b = found[1].inputs
    cubic = view.product(b if a == x else a)
    if not math.isclose(cubic.factor, _CUBIC, rel_tol=_CLOSE):
        return None
    steps = scaled.steps | cubic.steps | {found[0]}
    if cubic.tensors == (x, x, x):
        return steps
    power = view.writer(cubic.tensors[0], "Pow") if len(cubic.tensors) == 1 else None
    cubed = power is not None and power[1].inputs[0] == x and view.number(power[1].inputs[1]) == 3
    return steps | {power[0]} if power is not None and cubed else None


def _layer_norm(view: _Steps, last: int) -> _Match | None:
    """(x - mean) / sqrt(variance + epsilon) over the last axis."""
    division = view.writer(view.steps[last].outputs[0], "Div")
    if division is None:
        return None
    centred, deviation = division[1].inputs
    difference, root = view.writer(centred, "Sub"), view.writer(deviation, "Sqrt")
    if difference is None or root is None:
        return None
    x, mean = difference[1].inputs
    middle, shifted = _mean_of(view, mean, x), view.plus(root[1].inputs[0])
    if middle is None or shifted is None:
        return None
    variance = view.writer(shifted[1], "ReduceMean")
    if variance is None:
        return None
    squared = variance[1].inputs[0]
    power, over = _square_of(view, squared, centred), _mean_of(view, shifted[1], squared)
    if power is None or over is None:
        return None
    steps = {last, difference[0], root[0], middle, shifted[0], over, power}
    function = partial(_normalised, epsilon=shifted[2])
    return _Match(frozenset(steps), (x,), Function(function))


def _normalised(x: Tensor, *, epsilon: float) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=epsilon)


def _mean_of(view: _Steps, name: str, source: str) -> int | None:
    """Step that averages a tensor over its last axis, which stays."""
    found = view.writer(name, "ReduceMean")
    if found is None or found[1].inputs[0] != source:
        return None
    node = found[1].node
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in view.constants:
        axes = view.constants[node.inputs[1]].reshape(-1).tolist()
    kept = node.attributes.get("keepdims", 1)
    return found[0] if kept and axes is not None and list(axes) == [-1] else None


def _square_of(view: _Steps, name: str, source: str) -> int | None:
    found = view.writer(name, "Pow", "Mul")
    if found is None or found[1].inputs[0] != source:
        return None
    other = found[1].inputs[1]
    square = other == source if found[1].node.op_type == "Mul" else view.number(other) == 2
    return found[0] if square else None


_PATTERNS = (_silu, _gelu, _layer_norm)
