"""Find an expert's layer in an ONNX file by its values, and judge the product's choice beside it.

The expert names a module of the original network. Its output is taken by a hook and compared with
every tensor of the file, so that no name decides which tensor it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

# Float32 in another order of operations; two layers of one network are never so alike.
TOLERANCE = 2e-3
# Operators with learned weights, as the standard and ONNX Runtime name them.
WEIGHTED = frozenset(
    "Conv ConvTranspose Gemm MatMul ConvInteger MatMulInteger QLinearConv QLinearMatMul "
    "DeformConv FusedConv FusedMatMul".split()
)
SAME, STAGE, LATER = "same place", "same stage", "later"
SAID, WRONG = "elsewhere, said", "WRONG"
NOT_FOUND, NOT_MADE, CRASH = "not found", "not made", "crash"
# A choice with the expert's grid is in the expert's stage if it comes later, since the expert's is
# the last one, or if no more than this share of the network's layers lies between.
_NEAR = 0.2


@dataclass
class Row:
    """One file of one network."""

    library: str
    network: str
    form: str
    expert: str
    source: str
    verdict: str
    expert_tensor: str = ""
    expert_shape: str = ""
    chosen: str = ""
    between: str = ""
    said: str = ""


def hooked(net: nn.Module, module: str, x: Tensor) -> NDArray[np.float32]:
    """Output of a module; the input of one that is named with a leading ``>``."""
    taken: list[Tensor] = []

    def before(_module: nn.Module, given: Any, named: Mapping[str, Any]) -> None:
        taken.append(_first((*given, *named.values())).detach().clone())

    def after(_module: nn.Module, _given: Any, found: Any) -> None:
        taken.append(_first(found).detach().clone())

    at = net.get_submodule(module.lstrip(">"))
    if module.startswith(">"):
        handle = at.register_forward_pre_hook(before, with_kwargs=True)
    else:
        handle = at.register_forward_hook(after)
    try:
        with torch.no_grad():
            net(x)
    finally:
        handle.remove()
    return taken[-1].numpy()


def _first(found: Any) -> Tensor:
    if isinstance(found, Tensor):
        return found
    values = found.values() if isinstance(found, Mapping) else found
    return next(_first(v) for v in values if v is not None)


def alike(tensor: NDArray[Any], values: NDArray[Any]) -> bool:
    """Whether two arrays hold the same numbers, channels first or last."""
    if tensor.size != values.size or tensor.dtype.kind != "f":
        return False
    if not np.isclose(np.abs(tensor).max(), np.abs(values).max(), rtol=TOLERANCE):
        return False
    limit = TOLERANCE * np.abs(values).max()
    return any(
        np.abs(one - other).max() <= limit for one in _orders(tensor) for other in _orders(values)
    )


def _orders(array: NDArray[Any]) -> list[NDArray[Any]]:
    """The numbers as they lie, with the channels moved last, and moved to the second place."""
    orders = [array]
    if array.ndim >= 3:
        orders += [np.moveaxis(array, 1, -1), np.moveaxis(array, -1, 1)]
    return [o.reshape(-1) for o in orders]


def judge(model: onnx.ModelProto, x: NDArray[Any], values: NDArray[Any], row: Row) -> Row:
    """Fill in a row from a file, an input and the expert's values there."""
    network = Network(prepare(model))
    found = network.ort_as_written.activations(x, list(network.graph.tensor_names()))
    experts = [name for name, tensor in found.items() if alike(tensor, values)]
    way = Ways(network.graph.model.graph)
    if not network.layers:
        row.verdict, row.chosen = SAID, "none"
        row.said = f"no layer was chosen: {network.layer_choice.reason}"
        return row
    # The choice alone: whether it answers where its grid says is measured when maps are read.
    chosen = network.layers[0]
    row.said = network.layer_choice.warning
    row.chosen = str(chosen)
    if not experts:
        row.verdict = NOT_FOUND
        return row
    expert = min(experts, key=lambda e: way.weights_between(e, chosen.name, default=1 << 30))
    grid = places(values)
    row.expert_tensor, row.expert_shape = expert, " x ".join(map(str, values.shape[1:]))
    count = way.weights_between(expert, chosen.name, default=-1)
    later = expert in way.before.get(chosen.name, ())
    own = chosen.grid[0] * chosen.grid[1]
    if expert == chosen.name:
        row.verdict, row.between = SAME, "the tensor itself"
    elif count == 0:
        row.verdict = SAME
        row.between = ", ".join(way.operators_between(expert, chosen.name))
    elif count > 0 and own in grid and (later or count <= _NEAR * way.depth):
        row.verdict, row.between = STAGE, way.words(expert, chosen.name, count)
    elif row.said:
        row.verdict, row.between = SAID, way.words(expert, chosen.name, count)
    else:
        row.verdict = LATER if later else WRONG
        row.between = way.words(expert, chosen.name, count)
    return row


def places(values: NDArray[Any]) -> set[int]:
    """Numbers of places that an array may have; with and without tokens in front.

    Pictures are square here, and so are maps: of four axes, the two equal ones are the places.
    """
    shape = values.shape
    if values.ndim == 4:
        return {shape[2] * shape[3] if shape[2] == shape[3] else shape[1] * shape[2]}
    return {n - prefix for n in shape[1:] for prefix in (0, 1, 2, 4, 5)}


class Ways:
    """What lies between two tensors of a graph, told from the file alone."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        constant = {i.name for i in graph.initializer}
        self.writer = {o: n for n in graph.node for o in n.output}
        self.before: dict[str, frozenset[str]] = {}
        computed = {i.name for i in graph.input} - constant
        for node in graph.node:
            known = [self.before.get(i, frozenset()) | {i} for i in node.input if i not in constant]
            union = frozenset().union(*known)
            self.before |= dict.fromkeys(node.output, union)
            if computed & set(node.input):
                computed.update(node.output)
        self.computed = computed
        self.depth = sum(self._weighted(n) for n in graph.node)

    def _weighted(self, node: onnx.NodeProto) -> bool:
        """Whether a factor is no activation, as the keys in a product of attention are."""
        return node.op_type in WEIGHTED and not set(node.input[:2]) <= self.computed

    def _between(self, one: str, other: str) -> list[onnx.NodeProto] | None:
        """Nodes on the ways from the earlier to the later, the later's own included."""
        for early, late in ((one, other), (other, one)):
            if early in self.before.get(late, ()):
                names = [t for t in (*self.before[late], late) if early in self.before.get(t, ())]
                nodes = [self.writer[t] for t in names if t in self.writer]
                return list({id(n): n for n in nodes}.values())
        return None

    def weights_between(self, one: str, other: str, default: int) -> int:
        """Layers with weights on the ways between two tensors; `default` if there is no way."""
        nodes = [] if one == other else self._between(one, other)
        return default if nodes is None else sum(self._weighted(n) for n in nodes)

    def operators_between(self, one: str, other: str) -> Iterable[str]:
        """Operators between two tensors, each once."""
        return sorted({n.op_type for n in self._between(one, other) or ()})

    def words(self, expert: str, chosen: str, count: int) -> str:
        """Say how far the choice lies from the expert's."""
        if count < 0:
            return "beside it"
        side = "after" if expert in self.before.get(chosen, ()) else "before"
        layers = "layer" if count == 1 else "layers"
        return f"{count} weighted {layers} of {self.depth} {side} it"
