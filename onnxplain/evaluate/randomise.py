"""Take a network's knowledge away, layer by layer: an explanation has to notice."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.edit import with_constants
from onnxplain.graph.view import Graph, Node

Order = Literal["cascading", "independent"]

# Which inputs of an operator hold what was learned, by position.
_LEARNED: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "FusedConv", "ConvInteger"), (1, 2)),
    **dict.fromkeys(("MatMul", "FusedMatMul", "MatMulInteger"), (0, 1)),
    **dict.fromkeys(("QLinearConv",), (3, 8)),
    **dict.fromkeys(("QLinearMatMul", "QGemm"), (3, 6)),
    **dict.fromkeys(("RNN", "LSTM", "GRU", "QAttention", "Attention"), (1, 2, 3)),
}


@dataclass(frozen=True)
class LearnedLayer:
    """One node that multiplies with learned numbers.

    Attributes
    ----------
    node : Node
        The node.
    constants : tuple of str
        Names of its learned constants.
    """

    node: Node
    constants: tuple[str, ...]


def learned_layers(graph: Graph, target: str) -> list[LearnedLayer]:
    """List the layers with weights that a tensor is computed from, the last one first.

    Normalisation layers are left as they are: their statistics belong to the data.
    """
    reached = graph.ancestors(target)
    layers = []
    for node in reversed(graph.nodes):
        if node.output not in reached:
            continue
        given = [node.inputs[i] for i in _LEARNED.get(node.op_type, ()) if i < len(node.inputs)]
        names = tuple(filter(None, (_source(graph, name) for name in given if name)))
        if names:
            layers.append(LearnedLayer(node, names))
    if not layers:
        raise UnsupportedModelError(f"no weights were found on the way to tensor {target!r}")
    return layers


def stages(count: int, steps: int) -> list[int]:
    """Numbers of layers to randomise: at most `steps`, evenly spread, `count` among them."""
    return sorted({round(count * k / steps) for k in range(1, steps + 1)} - {0})


def randomised(graph: Graph, layers: list[LearnedLayer], seed: int) -> Graph:
    """Copy a graph with fresh random numbers in some of its layers.

    Floating point weights are drawn from a normal distribution with mean zero and the
    standard deviation of the weights that they replace; integer ones (of quantised files)
    are shuffled, which keeps their distribution within the range of the format. A layer
    gets the same numbers whichever others are randomised with it.

    References
    ----------
    Adebayo et al. 2018, arXiv:1810.03292, section 3.
    """
    names = {name for layer in layers for name in layer.constants}
    streams = {n: np.random.default_rng([seed, zlib.crc32(n.encode())]) for n in names}
    return with_constants(graph, {n: _draw(graph.constant(n), streams[n]) for n in names})


def _draw(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    if values.dtype.kind in "iub":
        return rng.permuted(values.ravel()).reshape(values.shape)
    spread = float(np.std(values.astype(np.float64)))
    return (spread * rng.standard_normal(values.shape)).astype(values.dtype)


def _source(graph: Graph, name: str) -> str | None:
    """Name of the constant behind a tensor, through dequantisation and casts."""
    while not graph.is_constant(name):
        node = graph.producers.get(name)
        if node is None or node.op_type not in ("DequantizeLinear", "Cast", "Transpose"):
            return None
        name = node.inputs[0]
    return name
