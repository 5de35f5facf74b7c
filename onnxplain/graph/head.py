"""Find the classification output of a graph, and the logits in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import UnknownNameError, UnsupportedModelError
from onnxplain.graph.view import Graph, Node, TensorInfo
from onnxplain.targets.classes import Activation, Kind

HeadKind = Literal["logits", "softmax", "log-softmax", "sigmoid"]

_FINAL: dict[str, HeadKind] = {
    "Softmax": "softmax",
    "LogSoftmax": "log-softmax",
    "Sigmoid": "sigmoid",
}
# Operators that may stand between the final activation and the output: they move or
# re-encode the scores, but do not mix classes.
_PASSIVE = frozenset(
    {"Identity", "Cast", "Squeeze", "Reshape", "Flatten", "QuantizeLinear", "DequantizeLinear"}
)
# They move class scores of a dense output to other places.
_MOVING_PLACES = frozenset({"Squeeze", "Reshape", "Flatten"})
_PREFERRED = ("logit", "prob", "score", "pred", "softmax", "output", "class")
# A dense output has more axes than batch and classes.
_DENSE_RANK = 2
_READ: dict[tuple[HeadKind, Kind], Activation] = {
    ("logits", "probability"): "softmax",
    ("log-softmax", "probability"): "exp",
}


@dataclass(frozen=True)
class Head:
    """The classification output of a graph.

    Attributes
    ----------
    output : str
        Name of the graph output.
    logits : str
        Name of the tensor in front of the final activation; `output` if there is none.
    kind : {"logits", "softmax", "log-softmax", "sigmoid"}
        What the graph output holds.
    stripped : tuple of Node
        Nodes between `logits` and `output`.
    others : tuple of str
        Graph outputs that are not explained.
    """

    output: str
    logits: str
    kind: HeadKind
    stripped: tuple[Node, ...] = ()
    others: tuple[str, ...] = ()

    def read(self, kind: Kind, classes: int) -> tuple[str, Activation]:
        """Tensor to read for a score of that kind, and what to apply to it.

        A single score without a final activation is taken as the logit of a Sigmoid.
        """
        if kind == "raw":
            return self.output, "none"
        if kind == "logit":
            return self.logits, "none"
        if self.kind == "logits" and classes == 1:
            return self.output, "sigmoid"
        return self.output, _READ.get((self.kind, kind), "none")


def find_head(graph: Graph, output: str | None = None) -> Head:
    """Find the classification output.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    output : str, optional
        Name of the graph output to explain; without it the floating output of rank two
        is taken, and among several of those one with a telling name, then the first. If
        there is none, a dense output is taken in the same way: scores at many places.

    Raises
    ------
    UnknownNameError
        If `output` is not a graph output.
    UnsupportedModelError
        If no output can hold class scores.
    """
    names = [o.name for o in graph.outputs]
    if output is not None:
        if output not in names:
            raise UnknownNameError("output", output, names, f"outputs: {', '.join(names)}")
        chosen = output
    else:
        chosen = _choose(graph.outputs)
    others = tuple(n for n in names if n != chosen)
    shape = next(o.shape for o in graph.outputs if o.name == chosen)
    dense = shape is not None and not _is_scores(shape)
    passive = _PASSIVE - _MOVING_PLACES if dense else _PASSIVE
    stripped: list[Node] = []
    tensor = chosen
    while tensor in graph.producers:
        node = graph.producers[tensor]
        if node.op_type in _FINAL and not node.domain:
            kind = _FINAL[node.op_type]
            return Head(chosen, node.inputs[0], kind, (node, *reversed(stripped)), others)
        if node.op_type not in passive:
            break
        stripped.append(node)
        tensor = node.inputs[0]
    return Head(chosen, chosen, "logits", (), others)


def _choose(outputs: tuple[TensorInfo, ...]) -> str:
    floating = [o for o in outputs if o.dtype.kind == "f" or o.dtype.name == "bfloat16"]
    rank_two = [o for o in floating if o.shape is None or _is_scores(o.shape)]
    candidates = rank_two or [o for o in floating if len(o.shape or ()) > _DENSE_RANK]
    if not candidates:
        listed = ", ".join(f"{o.name} {list(o.shape or ())}" for o in outputs)
        raise UnsupportedModelError(
            f"no output looks like class scores of shape [batch, classes]; outputs: {listed}; "
            "name one with --output if it is a classifier"
        )
    telling = [o for o in candidates if any(p in o.name.lower() for p in _PREFERRED)]
    return (telling if len(candidates) > 1 and telling else candidates)[0].name


def _is_scores(shape: tuple[int | str | None, ...]) -> bool:
    # [N, K], or [N, K, 1, 1] and [N, 1, 1, K] of heads that end in a 1x1 convolution.
    return len(shape) >= 2 and sum(d != 1 for d in shape[1:]) <= 1
