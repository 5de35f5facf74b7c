"""Candidates in front of a suppression that the file does itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.view import Graph, Node
from onnxplain.targets.boxes.codes import BoxCode, Plain
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Suppression

_EFFICIENT = frozenset({"EfficientNMS_TRT", "EfficientNMS_ONNX_TRT"})
_ANY_NUMBER, _MOST = 300, 10**6


def suppressed(seen: Seen) -> FoundBoxes | None:
    """Read what one NonMaxSuppression, or one of TensorRT's, chooses from."""
    graph = seen.tracer.graph
    reached = {t for o in seen.outputs for t in graph.ancestors(o.name)}
    nodes = [
        n
        for n in graph.nodes
        if (n.op_type == "NonMaxSuppression" or n.op_type in _EFFICIENT)
        and not reached.isdisjoint(n.outputs)
    ]
    if len(nodes) != 1:
        return None
    (node,) = nodes
    standard = node.op_type == "NonMaxSuppression"
    boxes, scores = node.inputs[:2]
    shape, by = (seen.tracer.shapes.get(t, ()) for t in (boxes, scores))
    if len(shape) != 3 or len(by) != 3 or shape[0] != 1 or shape[2] != 4:
        return None
    count = by[1] if standard else by[2]
    if count == 1 and seen.names != 1:
        return None  # boxes of several classes may have been moved apart
    rule = _standard(graph, node) if standard else _efficient(node)
    centred = int(_number(node.attributes.get("center_point_box" if standard else "box_coding")))
    layout = BoxLayout(
        Columns((boxes,), -1),
        BoxCode("cxcywh" if centred else "xyxy"),
        Columns((scores,), 0 if standard else -1),
        count,
        suppression=rule,
    )
    if not standard and int(_number(node.attributes.get("score_activation"))):
        layout = replace(layout, scores=replace(layout.scores, squash="sigmoid"))
    evidence = f"{node.op_type} {node.output!r} chooses from boxes {boxes!r} and scores {scores!r}"
    forms: tuple[Plain, ...] = ("xyxy", "yxyx")
    return FoundBoxes(layout, evidence, form_known=bool(centred), forms=forms)


def _standard(graph: Graph, node: Node) -> Suppression:
    most, overlap, least = (
        _constant(graph, node.inputs[k]) if len(node.inputs) > k else None for k in (2, 3, 4)
    )
    return Suppression(
        least=0.0 if least is None else least,
        overlap=0.0 if overlap is None else overlap,
        most=_ANY_NUMBER if most is None else _MOST,
        every_class=True,
        most_of_class=None if most is None else int(min(max(most, 0), _MOST)),
        in_file=True,
    )


def _efficient(node: Node) -> Suppression:
    given = node.attributes
    return Suppression(
        least=_number(given.get("score_threshold"), 0.25),
        overlap=_number(given.get("iou_threshold"), 0.45),
        most=int(_number(given.get("max_output_boxes"), 100)),
        every_class=True,
        in_file=True,
    )


def _constant(graph: Graph, name: str) -> float | None:
    if not name or not graph.is_constant(name):
        return None
    values = np.asarray(graph.constant(name)).reshape(-1)
    return float(values[0]) if len(values) else None


def _number(value: Any, default: float = 0.0) -> float:
    found = np.asarray(default if value is None else value).reshape(-1)
    return float(found[0]) if len(found) else default
