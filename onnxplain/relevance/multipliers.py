"""DeepLIFT multipliers: finite differences in the place of derivatives, on any graph.

A multiplier m of a tensor x with baseline x' fulfils: the change of the score is the sum of
m (x - x'). It is handed back node by node (Shrikumar, Greenside, Kundaje 2017,
arXiv:1704.02685, rescale rule). For nodes that are linear in each operand, as additions,
convolutions and also products of activations, the derivative at the midpoint of both is exact:
ab - a'b' = (a - a')(b + b')/2 + (b - b')(a + a')/2. An operator without a rule here is
integrated over by itself. So completeness holds on every graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import torch
from torch import Tensor

from onnxplain.convert.program import Program
from onnxplain.convert.step import Step
from onnxplain.graph.bodies import CONTROL_FLOW, is_control_flow
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.view import Graph
from onnxplain.relevance.bodies import ONLY_MOVING, refuse_unequal
from onnxplain.relevance.growth import Growth, GrowthMeter
from onnxplain.relevance.kinds import AVERAGING, ELEMENTWISE
from onnxplain.relevance.normalised import layer_norm_multiplier, softmax_multiplier
from onnxplain.relevance.quotients import difference_quotient

Values = dict[str, Tensor]
_CHOOSING = having(Trait.CHOOSES)
_NORMALISING_END = having(Trait.NORMALISES_END)
_NORMALISING = _NORMALISING_END | having(Trait.NORMALISES_PLACES)
# Points on the way from the baseline's operands to the picture's.
_POINTS = 32
# After the last of these, the parts of the score itself are told apart.
_WEIGHTED = frozenset("Conv ConvTranspose Gemm MatMul".split())
_MULTILINEAR = ONLY_MOVING | AVERAGING | CONTROL_FLOW
_MULTILINEAR |= frozenset("Conv ConvTranspose Gemm MatMul Add Sub Mul BatchNormalization".split())


def multipliers(
    graph: Graph,
    program: Program,
    image: str,
    feeds: Sequence[Mapping[str, Tensor]],
    outputs: Sequence[str],
    seeds: Sequence[Callable[[Values, Values], Values]],
    names: Sequence[str],
) -> tuple[Values, list[Values], list[Growth]]:
    """Multipliers of the named tensors, for several scores by one forward pass.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    program : Program
        The same graph in PyTorch.
    image : str
        Name of the explained input.
    feeds : two mappings of str to Tensor
        All graph inputs, for the picture and for the baseline.
    outputs : sequence of str
        Tensors that the scores are read from.
    seeds : sequence of callable
        Each a score's multipliers of such tensors, from the values for picture and baseline.
    names : sequence of str
        Tensors wanted.

    Returns
    -------
    dict of str to Tensor
        The picture's values, those of the named tensors and `outputs` among them.
    list of dict of str to Tensor
        Multipliers of the named tensors for each seed.
    list of Growth
        How far what they attribute, m (x - x'), grew in magnitude on the way, for each seed.
    """
    dynamic = graph.descendants([image])
    with torch.no_grad():
        here, there = (_values(graph, program, feed, [*outputs, *names]) for feed in feeds)
    starts = [seed(here, there) for seed in seeds]
    ways = [_walk_back(graph, program, dynamic, here, there, dict(m)) for m in starts]
    found = [{n: f.get(n, torch.zeros_like(here[n])) for n in names} for f, _ in ways]
    return here, found, [growth for _, growth in ways]


def _walk_back(
    graph: Graph,
    program: Program,
    dynamic: AbstractSet[str],
    here: Values,
    there: Values,
    found: Values,
) -> tuple[Values, Growth]:
    """Hand the multipliers `found` back, node by node, and return them with all met."""

    def magnitude(name: str, multiplier: Tensor) -> float:
        return float(torch.linalg.vector_norm(multiplier * (here[name] - there[name]), 1))

    meter = GrowthMeter(sum(magnitude(n, m) for n, m in found.items()))
    after_weights, waiting = set(found), set(found)
    for step in reversed(program.steps):
        arrived = [found.get(o) for o in step.outputs]
        if all(m is None for m in arrived):
            continue  # among them nodes after the score, which were not computed
        signal = [
            k for k, n in enumerate(step.inputs) if n in dynamic and here[n].is_floating_point()
        ]
        if not signal:
            continue
        if is_control_flow(step.node):
            refuse_unequal(step.node, graph, dynamic)
        full = [
            torch.zeros_like(here[o]) if m is None else m
            for o, m in zip(step.outputs, arrived, strict=True)
        ]
        taken = sum(
            magnitude(o, m) for o, m in zip(step.outputs, arrived, strict=True) if m is not None
        )
        given = 0.0
        for k, share in zip(signal, _shares(step, full, here, there, signal), strict=True):
            name = step.inputs[k]
            found[name] = found[name] + share if name in found else share
            given += magnitude(name, share)
        last = not after_weights.isdisjoint(step.outputs)
        meter.add(step.outputs[0], step.node.op_type, taken, given, last=last)
        if last and step.node.op_type not in _WEIGHTED:
            after_weights.update(step.inputs)
        waiting = waiting.difference(step.outputs).union(step.inputs[k] for k in signal)
        if len(waiting) == 1:
            (name,) = waiting
            meter.passed(magnitude(name, found[name]))
    return found, meter.result()


def _values(
    graph: Graph, program: Program, feeds: Mapping[str, Tensor], names: Sequence[str]
) -> Values:
    needed = set().union(*map(graph.ancestors, names))
    computed = [n for step in program.steps for n in step.outputs if n in needed]
    return {**program.constants(), **feeds, **program.run(feeds, computed)}


def _shares(
    step: Step, m: list[Tensor], here: Values, there: Values, signal: list[int]
) -> Sequence[Tensor]:
    node, kind = step.node, step.node.op_type
    name = step.inputs[signal[0]]
    x, base = here[name], there[name]
    if node.domain:
        return _along_path(step, m, here, there, signal)
    if kind in _MULTILINEAR:
        return _midpoint(step, m, here, there, signal)
    if kind == "Div":
        return _division(step, m[0], here, there, signal)
    if kind in ELEMENTWISE and len(signal) == 1:
        y, y_base = here[step.outputs[0]], there[step.outputs[0]]
        return [m[0] * difference_quotient(y, y_base, x, base, _slope(step, here, signal[0]))]
    if kind in _CHOOSING:
        return _choice(step, m[0], here, there, signal)
    if kind == "Softmax":
        return [softmax_multiplier(m[0], x, base, node.attributes.get("axis", -1))]
    if kind in _NORMALISING and len(signal) == 1:
        return [_normalisation(step, m[0], here, there)]
    return _along_path(step, m, here, there, signal)


def _normalisation(step: Step, m: Tensor, here: Values, there: Values) -> Tensor:
    node, name = step.node, step.inputs[0]
    x, base, scale = here[name], there[name], here[step.inputs[1]]
    if node.operator in _NORMALISING_END:
        return layer_norm_multiplier(node, m, x, base, scale)
    # One mean and variance for each channel, or group of channels, of each picture.
    channels = x.shape[1]
    groups = int(node.attributes.get("num_groups", channels))
    per_channel = scale.repeat_interleave(channels // scale.numel()).reshape(
        -1, *[1] * (x.dim() - 2)
    )
    flat, flat_base, flat_m = (t.reshape(len(x), groups, -1) for t in (x, base, m * per_channel))
    return layer_norm_multiplier(
        node, flat_m, flat, flat_base, torch.ones_like(flat[:1, :1])
    ).reshape(x.shape)


def _along_path(
    step: Step, m: list[Tensor], here: Values, there: Values, signal: list[int]
) -> Sequence[Tensor]:
    """Integrated gradients of a node by itself, for operators without a rule of their own.

    Exact up to quadrature, which on the smooth functions of recurrent cells is rounding.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    shares = [torch.zeros_like(here[step.inputs[k]]) for k in signal]
    for place, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        operands = _operands(step, here)
        for k in signal:
            start = there[step.inputs[k]]
            operands[k] = start + float(place) * (here[step.inputs[k]] - start)
        found = _pull(step, operands, m, signal)
        shares = [s + float(weight) * f for s, f in zip(shares, found, strict=True)]
    return shares


def _pull(
    step: Step, operands: Sequence[Tensor | None], m: Sequence[Tensor], signal: Sequence[int]
) -> Sequence[Tensor]:
    """Transposed Jacobian of a step at given operands, times `m`."""
    leaves = {k: operands[k].detach().requires_grad_() for k in signal}  # type: ignore[union-attr]
    with torch.enable_grad():
        result = step.module(*(leaves.get(k, v) for k, v in enumerate(operands)))
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    pairs = [(y, g) for y, g in zip(outputs, m, strict=False) if y.requires_grad]
    if not pairs:  # the branch that was taken reads none of them
        return [torch.zeros_like(leaf) for leaf in leaves.values()]
    gradients = torch.autograd.grad(
        [y for y, _ in pairs], list(leaves.values()), [g for _, g in pairs], allow_unused=True
    )
    return [
        torch.zeros_like(leaf) if g is None else g
        for leaf, g in zip(leaves.values(), gradients, strict=True)
    ]


def _operands(step: Step, values: Values) -> list[Tensor | None]:
    return [values[n] if n else None for n in step.inputs]


def _midpoint(
    step: Step, m: list[Tensor], here: Values, there: Values, signal: list[int]
) -> Sequence[Tensor]:
    operands = _operands(step, here)
    for k in signal:
        operands[k] = (here[step.inputs[k]] + there[step.inputs[k]]) / 2
    return _pull(step, operands, m, signal)


def _slope(step: Step, here: Values, k: int) -> Tensor:
    ones = [torch.ones_like(here[step.outputs[0]])]
    return _pull(step, _operands(step, here), ones, [k])[0]


def _division(
    step: Step, m: Tensor, here: Values, there: Values, signal: list[int]
) -> Sequence[Tensor]:
    """Split a / b into a times 1/b: the midpoint rule for the product, the quotient for 1/b."""
    a, b = (here[n] for n in step.inputs)
    a_base, b_base = (there[n] if n in there else here[n] for n in step.inputs)
    shares = {
        0: m * (1 / b + 1 / b_base) / 2,
        1: -m * (a + a_base) / 2 / (b * b_base),
    }
    return [shares[k].sum_to_size(here[step.inputs[k]].shape) for k in signal]


def _choice(
    step: Step, m: Tensor, here: Values, there: Values, signal: list[int]
) -> Sequence[Tensor]:
    """Maximum: a rise counts where the picture's maximum is, a fall where the baseline's was.

    There the operand has changed by at least as much as the result, so that the quotient is
    at most one; Captum's DeepLIFT does the same at max-pooling.
    """
    change = m * (here[step.outputs[0]] - there[step.outputs[0]])
    sign = -1 if step.node.op_type in ("ReduceMin", "Min") else 1
    rises = here[step.outputs[0]] * sign > there[step.outputs[0]] * sign
    zero = torch.zeros_like(change)
    first = _pull(step, _operands(step, here), [torch.where(rises, change, zero)], signal)
    second = _pull(step, _operands(step, there), [torch.where(rises, zero, change)], signal)
    shares = []
    for k, a, b in zip(signal, first, second, strict=True):
        delta = here[step.inputs[k]] - there[step.inputs[k]]
        part = a + b
        shares.append(torch.where(part == 0, part, part / torch.where(delta == 0, 1.0, delta)))
    return shares
