"""Follow a tensor back to the activations that its elements come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onnxplain.graph.answers.activations import activation
from onnxplain.graph.answers.mixtures import mixture
from onnxplain.graph.answers.moves import Moved, moved
from onnxplain.graph.answers.normalised import normalisation
from onnxplain.graph.answers.part import LOGARITHMS, PROBABLE, Part, PartKind, Source
from onnxplain.graph.answers.selections import RANKED, rounded, selection, turned
from onnxplain.graph.answers.values import BOUNDING, Affine, affine
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph

Parts = tuple[Part, ...]
# A head is short; what is longer is no head, and must not exhaust the stack.
_DEEPEST = 80
_LOGARITHM_OF: dict[str, PartKind] = {"softmax": "log-softmax", "sigmoid": "log-sigmoid"}
_EXPONENTIAL_OF: dict[str, PartKind] = {v: k for k, v in _LOGARITHM_OF.items()}  # type: ignore[misc]


class Tracer:
    """Parts of the tensors of one graph, each worked out once.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes.
    """

    def __init__(self, graph: Graph, shapes: Shapes) -> None:
        self.graph = graph
        self.shapes = {n: s for n, s in shapes.items() if 0 not in s}
        for name in graph.constant_names:
            self.shapes.setdefault(name, graph.constant_shape(name))
        self._known: dict[str, Parts] = {}
        self._depth = 0

    def parts(self, tensor: str) -> Parts:
        """Return what the elements of a tensor are; together they are all of them."""
        if tensor not in self._known:
            self._depth += 1
            try:
                found = self._parts(tensor) if self._depth < _DEEPEST else ()
            finally:
                self._depth -= 1
            self._known[tensor] = found or (self._end(tensor),)
        return self._known[tensor]

    def _end(self, tensor: str) -> Part:
        node = self.graph.producers.get(tensor)
        kind: PartKind = "constant" if self.graph.is_constant(tensor) else "raw"
        if node is not None and not node.domain and node.op_type in BOUNDING:
            return Part(
                "bounded",
                Source(tensor),
                evidence=f"{_article(node.op_type)} at the end",
                node=node,
            )
        return Part(kind, Source(tensor), node=node)

    def _parts(self, tensor: str) -> Parts:
        if tensor not in self.graph.producers:
            return ()
        graph, shapes = self.graph, self.shapes
        whole = activation(graph, shapes, tensor) or normalisation(graph, shapes, tensor)
        if whole is not None:
            return (self._of_ranks(whole) or self._innermost(whole),)
        whole = selection(graph, shapes, tensor)
        if whole is not None:
            return (whole,)
        move = moved(graph, shapes, tensor)
        if move is not None:
            return self._moved(tensor, move)
        step = affine(graph, tensor)
        if step is not None:
            return self._scaled(tensor, step)
        whole = mixture(graph, shapes, tensor, self.parts)
        if whole is not None:
            return (whole,)
        return self._logarithm(tensor)

    def _of_ranks(self, part: Part) -> Part | None:
        """The scores that an activation was applied to, of the best few of them."""
        if part.node is None:
            return None
        front = self.parts(part.node.inputs[0] if part.logit is None else part.logit.tensor)
        ranks = [p for p in front if p.kind == "select" and p.node and p.node.op_type in RANKED]
        if len(ranks) < len(front):
            return None
        return replace(ranks[0], slots=None).noted(f"{part.evidence} of ranks")

    def _innermost(self, part: Part) -> Part:
        """The scores in front of the first of several activations in a chain."""
        logit = part.logit
        if part.kind not in PROBABLE | LOGARITHMS or logit is None or logit.flat is not None:
            return part
        front = self.parts(logit.tensor)
        inner = front[0]
        if len(front) > 1 or inner.kind not in PROBABLE | LOGARITHMS or not inner.plain:
            return part
        if inner.logit is None:
            return part
        note = f"{inner.evidence} in front of {part.evidence}"
        return replace(
            part,
            logit=replace(inner.logit, scale=logit.scale * inner.logit.scale),
            notes=(*part.notes, note),
        )

    def _moved(self, tensor: str, move: Moved) -> Parts:
        found: list[Part] = []
        node = self.graph.producers[tensor]
        cuts = node.op_type in ("Slice", "Gather", "Split", "GatherElements", "GatherND")
        note = f"{node.op_type} {tensor!r}" if cuts else ""
        for number, source in enumerate(move.tensors):
            if move.which is None:
                slots, positions = None, move.flat
            else:
                slots = np.flatnonzero(move.which == number)
                if not len(slots):
                    continue
                assert move.flat is not None
                positions = move.flat[slots]
            for part in self.parts(source):
                if part.kind == "select":
                    taken: Part | None = replace(part, slots=slots)
                elif positions is None:
                    taken = part
                else:
                    taken = part.taken(positions, slots)
                if taken is not None:
                    found.append(taken.noted(note))
        return tuple(found)

    def _scaled(self, tensor: str, step: Affine) -> Parts:
        if self.shapes.get(step.source) != self.shapes.get(tensor):
            return ()
        parts = self.parts(step.source)
        if all(p.kind == "raw" for p in parts):
            node = self.graph.producers[tensor]
            if node.op_type == "DequantizeLinear" and all(p.plain for p in parts):
                # Integers of an operator: their zero point is no shift of the numbers.
                return ()
            clip = step.low > -np.inf or step.high < np.inf
            # What a clip or constants make of raw numbers still ends at those numbers.
            return (
                ()
                if clip
                else tuple(
                    replace(p.affine(step.scale, step.offset).noted(step.note), node=p.node or node)
                    for p in parts
                )
            )
        limit = step.rounds_up_at
        if limit is not None and all(p.kind in PROBABLE and _levels(p) < 2 for p in parts):
            return (rounded(self.graph.producers[tensor], limit),)
        if any(p.kind == "unit" for p in parts) and (step.low > -1 or step.high < 1):
            return ()
        return tuple(
            (turned(p) if step.scale < 0 else p).noted(step.note)
            if p.kind == "select"
            else p.affine(step.scale, step.offset).noted(step.note)
            for p in parts
        )

    def _logarithm(self, tensor: str) -> Parts:
        node = self.graph.producers[tensor]
        if node.domain or node.op_type not in ("Log", "Exp"):
            return ()
        kinds = _LOGARITHM_OF if node.op_type == "Log" else _EXPONENTIAL_OF
        parts = self.parts(node.inputs[0])
        if any(p.kind not in kinds or not p.plain for p in parts):
            return ()
        return tuple(
            replace(
                p,
                kind=kinds[p.kind],
                held=self._here(tensor, p),
                evidence=f"{p.evidence} and {node.op_type}",
            )
            for p in parts
        )

    def _here(self, tensor: str, part: Part) -> Source:
        return Source(tensor, part.slots)


def _levels(part: Part) -> float:
    """The largest number that a probability of this scale can reach."""
    return max(abs(part.offset), abs(part.scale + part.offset))


def _article(operator: str) -> str:
    return f"{'an' if operator[0] in 'AEIOU' else 'a'} {operator}"
