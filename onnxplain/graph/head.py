"""The end of a graph: from the tensors that hold the scores to the output."""

from __future__ import annotations

from dataclasses import dataclass

from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.output_names import file_outputs
from onnxplain.graph.view import Graph, Node

_FINAL = {"Softmax": "softmax", "LogSoftmax": "log-softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Head:
    """Where the scores of the explained output stand.

    Attributes
    ----------
    output : str
        Name of the graph output.
    tensors : tuple of str
        Tensors that hold the scores: those in front of the final activation, if it can be
        followed back, else the output.
    stripped : tuple of Node
        Nodes between them and the output.
    others : tuple of str
        Graph outputs that are not explained.
    kind : str
        What the output holds, in one word: ``softmax``, ``log-softmax``, ``sigmoid``;
        ``probabilities`` of another origin; ``logits``; or ``raw``.
    """

    output: str
    tensors: tuple[str, ...]
    stripped: tuple[Node, ...] = ()
    others: tuple[str, ...] = ()
    kind: str = "raw"

    @property
    def logits(self) -> str:
        """The first of the tensors; most answers have one."""
        return self.tensors[0]


def head_of(answer: Answer, graph: Graph) -> Head:
    """Find the head of an answer."""
    tensors = (answer.logit or answer.probability or answer.raw).tensors
    between = graph.descendants(tensors) & graph.ancestors(answer.output)
    stripped = tuple(n for n in graph.nodes if not between.isdisjoint(n.outputs))
    stripped = tuple(n for n in stripped if set(tensors).isdisjoint(n.outputs))
    others = tuple(n for n in file_outputs(graph) if n != answer.output)
    return Head(answer.output, tensors, stripped, others, _kind(answer, stripped))


def _kind(answer: Answer, stripped: tuple[Node, ...]) -> str:
    if answer.probability is None:
        return "raw" if answer.logit is None else "logits"
    if answer.logit is answer.raw:
        return "logits"
    named = [_FINAL[n.op_type] for n in stripped if n.op_type in _FINAL]
    return named[0] if len(named) == 1 else "probabilities"
