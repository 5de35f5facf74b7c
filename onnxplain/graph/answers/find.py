"""What every output of a graph answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from onnxplain.graph.answers.answer import Answer, TaskName
from onnxplain.graph.answers.boxes.find import find_boxes
from onnxplain.graph.answers.boxes.found import Seen, box_answer
from onnxplain.graph.answers.detectors import find_detector
from onnxplain.graph.answers.doubts import names
from onnxplain.graph.answers.interpret import Interpreter
from onnxplain.graph.answers.output_shapes import OutputShape, output_shapes
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph

_PRODUCTS = frozenset("Gemm MatMul Conv Einsum QLinearConv QLinearMatMul".split())


def find_answers(
    graph: Graph, shapes: Shapes, image: ImageInput, metadata: Mapping[str, str]
) -> list[Answer]:
    """Find what every graph output that holds numbers answers.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes for a batch of one, or of the size that the file insists on.
    image : ImageInput
        The explained input.
    metadata : mapping of str to str
        Of the model file.

    Returns
    -------
    list of Answer
        In the order of the file.
    """
    reader = Interpreter(graph, shapes, image, metadata)
    outputs = output_shapes(reader.tracer, reader.batches, image)
    detector = find_detector(reader.tracer, image, metadata, outputs)
    answers = [
        reader.opaque(o.name, "boxes", detector.evidence[o.name])
        if o.name in detector.evidence
        else reader.answer(o.name)
        for o in outputs
    ]
    answers = _with_boxes(reader, answers, outputs, metadata)
    text = {o.name for o in graph.outputs if o.dtype.kind == "O"}
    answers = [a for a in answers if a.task != "unknown" or a.output not in text]
    return [
        replace(_as_features(graph, a, answers), layers=_layers(graph, a.raw.tensors[0]))
        for a in answers
    ]


def _with_boxes(
    reader: Interpreter,
    answers: list[Answer],
    outputs: list[OutputShape],
    metadata: Mapping[str, str],
) -> list[Answer]:
    """Say how the boxes of a detector are read, or what is missing."""
    names_of_boxes = {a.output for a in answers if a.task == "boxes"}
    if not names_of_boxes:
        return answers
    own = tuple(o for o in outputs if o.name in names_of_boxes)
    found = find_boxes(Seen(reader.tracer, reader.image, own, len(names(metadata))))
    if isinstance(found, str):
        return [replace(a, doubt=found) if a.task == "boxes" else a for a in answers]
    return [box_answer(a, found) if a.task == "boxes" else a for a in answers]


def _layers(graph: Graph, tensor: str) -> int:
    above = graph.ancestors(tensor)
    return sum(n.op_type in _PRODUCTS and n.output in above for n in graph.nodes)


def _as_features(graph: Graph, answer: Answer, answers: list[Answer]) -> Answer:
    """A raw output that other scores are computed from holds features."""
    if answer.probability is not None or answer.task not in ("classes", "values"):
        return answer
    for other in answers:
        if other.task == "boxes" or other is answer:
            continue
        (tensor,) = other.raw.tensors[:1]
        if _computed_from(graph, tensor, answer.raw.tensors[0]):
            why = f"the scores of {other.output!r} are computed from it"
            task: TaskName = "values" if answer.places else "embedding"
            return replace(answer, task=task, evidence=why, doubt="")
    return answer


def _computed_from(graph: Graph, tensor: str, features: str) -> bool:
    """Whether learned weights stand between two tensors."""
    above = graph.ancestors(tensor)
    if features not in above or tensor == features:
        return False
    below = graph.descendants([features])
    return any(n.op_type in _PRODUCTS and n.output in above & below for n in graph.nodes)
