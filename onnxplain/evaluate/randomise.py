"""Take a network's knowledge away, layer by layer: an explanation has to notice."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.evaluate.settings import Order
from onnxplain.graph.edit import with_constants
from onnxplain.graph.view import Graph, Node
from onnxplain.model.model import Model
from onnxplain.targets.target import Target

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


# Share of the layers down to which weights are lost, the last of these layers, and the model.
Stage = tuple[float, str, Model]


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


def shuffled(model: Model, tensor: str, seed: int) -> Model:
    """Return a model whose weights have changed places within each constant.

    They keep their distribution, and with it the size of the scores, as normal numbers of one
    mean and spread would not.

    Parameters
    ----------
    model : Model
        The model.
    tensor : str
        All layers on the way to it are shuffled, see `learned_layers`.
    seed : int
        Of the shuffle.
    """
    graph = model.network.graph
    names = {n for layer in learned_layers(graph, tensor) for n in layer.constants}
    streams = {n: np.random.default_rng([seed, 1, zlib.crc32(n.encode())]) for n in names}
    moved = {n: _permuted(graph.constant(n), streams[n]) for n in names}
    return _with_weights(model, with_constants(graph, moved))


class RandomisedModels:
    """A model at each stage of losing its weights; each is opened once, for all pictures.

    Parameters
    ----------
    model : Model
        The model.
    order : {"cascading", "independent"}
        ``cascading`` replaces the weights of more and more layers, from the output
        backwards; ``independent`` those of a single layer at a time.
    steps : int
        Number of stages; fewer if there are fewer layers.
    seed : int
        Of the random weights.

    Raises
    ------
    UsageError
        If `order` or `steps` is not possible.
    """

    def __init__(
        self, model: Model, *, order: Order = "cascading", steps: int = 6, seed: int = 0
    ) -> None:
        if order not in ("cascading", "independent") or steps < 1:
            raise UsageError(
                f"order must be cascading or independent, with at least one step, not "
                f"{order!r} with {steps}"
            )
        self._model, self._steps, self._seed = model, steps, seed
        self.order = order
        self._opened: dict[str, list[Stage]] = {}

    def stages(self, target: Target) -> list[Stage]:
        """Return the stages of the layers that a target is computed from.

        Of a detector with several scales, and of a tensor inside of the graph, the last layers
        of the file may have nothing to do with what is explained.
        """
        tensor = target.origin or self._model.network.head.logits
        if tensor not in self._opened:
            self._opened[tensor] = self._open(tensor)
        return self._opened[tensor]

    def _open(self, tensor: str) -> list[Stage]:
        graph = self._model.network.graph
        layers = learned_layers(graph, tensor)
        found = []
        for stop in stages(len(layers), self._steps):
            lost = layers[:stop] if self.order == "cascading" else layers[stop - 1 : stop]
            other = _with_weights(self._model, randomised(graph, lost, self._seed))
            found.append((stop / len(layers), lost[-1].node.output, other))
        return found


def _with_weights(model: Model, graph: Graph) -> Model:
    other = model.with_graph(graph)
    other.network.passing = True
    return other


def _draw(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    if values.dtype.kind in "iub":
        return _permuted(values, rng)
    spread = float(np.std(values.astype(np.float64)))
    return (spread * rng.standard_normal(values.shape)).astype(values.dtype)


def _permuted(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return rng.permuted(values.ravel()).reshape(values.shape)


def _source(graph: Graph, name: str) -> str | None:
    """Name of the constant that a tensor is read from, through dequantisation and casts."""
    while not graph.is_constant(name):
        node = graph.producers.get(name)
        if node is None or node.op_type not in ("DequantizeLinear", "Cast", "Transpose"):
            return None
        name = node.inputs[0]
    return name
