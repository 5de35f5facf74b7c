"""The outputs of a graph, and which of them is explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.boxes.declared import declared_boxes
from onnxplain.graph.answers.boxes.elements import logits_of
from onnxplain.graph.answers.boxes.found import box_answer
from onnxplain.graph.answers.choose import choose
from onnxplain.graph.answers.detectors import holds_suppression
from onnxplain.graph.answers.find import find_answers
from onnxplain.graph.answers.interpret import Interpreter
from onnxplain.graph.answers.output_shapes import output_shapes
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.output_names import named_output, no_scores, own_outputs
from onnxplain.graph.scores_only import cut_to_scores
from onnxplain.graph.shapes import infer_shapes
from onnxplain.graph.view import Graph


@dataclass(frozen=True)
class Outputs:
    """Which output is explained, and among which others.

    Attributes
    ----------
    explained : str
        Name of the graph output.
    answers : tuple of Answer
        What each output answers, as far as it shows without running the model; empty if
        there is only one.
    sentence : str
        Which was chosen and why; empty if there was no choice.
    boxes : Answer, optional
        How a detector's boxes are read, where they are explained.
    """

    explained: str
    answers: tuple[Answer, ...] = ()
    sentence: str = ""
    boxes: Answer | None = None

    def cut(self, graph: Graph) -> Graph:
        """Leave out of a graph what is not explained; see `cut_to_scores`."""
        if self.boxes is None:
            return cut_to_scores(graph, self.explained)
        return cut_to_scores(graph, *self.boxes.raw.tensors)

    def of_boxes(self, answer: Answer) -> Outputs:
        """Return the same for a detector, whose boxes may stand in several tensors."""
        return replace(self, explained=answer.raw.tensors[0], boxes=answer)


def find_outputs(
    graph: Graph,
    output: str | None,
    image: Callable[[], ImageInput],
    metadata: Mapping[str, str],
    *,
    boxes: bool = True,
    layout: Mapping[str, Any] | None = None,
) -> Outputs:
    """Choose the output that is explained.

    Parameters
    ----------
    graph : Graph
        The whole prepared graph.
    output : str, optional
        What a person names, see `named_output`; by what the outputs answer if not given.
    image : callable
        Finds the picture among the inputs; called if there are several outputs.
    metadata : mapping of str to str
        Of the model file.
    boxes : bool
        Whether a detector is read as one; False if the user declares another task.
    layout : mapping, optional
        How a detector's boxes are read, as declared; see `declared_boxes`.

    Raises
    ------
    UnknownNameError, UsageError
        See `named_output`.
    UnsupportedModelError
        If no output holds numbers.
    """
    if layout is not None and boxes:
        return _declared(graph, image(), metadata, layout)
    named = None if output is None else named_output(graph, output)
    own = own_outputs(graph)
    if len(graph.outputs) == 1 and len(own) == 1 and not holds_suppression(graph):
        return Outputs(named or own[0])
    answers = _answers(graph, own if named is None else [named], image, metadata)
    if named is not None:
        mine = next((a for a in answers if a.output == named and a.boxes), None)
        found = Outputs(named, tuple(answers))
        return found if mine is None or not boxes else found.of_boxes(mine)
    usable = [a for a in answers if a.output in own]
    if not usable or all(a.task == "unknown" for a in usable):
        why = usable[0].evidence if usable else "none of them holds numbers"
        raise UnsupportedModelError(
            f"no output can be explained ({why}); outputs: {no_scores(graph)}"
        )
    chosen, sentence = choose(usable)
    found = Outputs(chosen.output, tuple(answers), sentence)
    return found if chosen.boxes is None or not boxes else found.of_boxes(chosen)


def _declared(
    graph: Graph, image: ImageInput, metadata: Mapping[str, str], layout: Mapping[str, Any]
) -> Outputs:
    """Outputs of a detector whose layout a person declares."""
    reader = Interpreter(graph, infer_shapes(graph, image), image, metadata)
    shapes = output_shapes(reader.tracer, reader.batches, image)
    found = declared_boxes(layout, image.size, shapes)
    logits = logits_of(reader.tracer, found.layout.scores)
    found = replace(found, layout=replace(found.layout, logits=logits))
    plain = reader.opaque(found.layout.boxes.tensors[0], "boxes", found.evidence)
    answer = box_answer(plain, found)
    return Outputs(plain.output).of_boxes(answer)


def _answers(
    graph: Graph,
    names: Sequence[str],
    image: Callable[[], ImageInput],
    metadata: Mapping[str, str],
) -> list[Answer]:
    """What all outputs answer; only the named ones, one by one, if shapes cannot be inferred."""
    inputs = graph.model.graph.input
    if all(i.type.WhichOneof("value") == "tensor_type" for i in inputs):
        whole = image()
        return find_answers(graph, infer_shapes(graph, whole), whole, metadata)
    # Shape inference of onnx ends the process where a map is an input.
    found = []
    for name in names:
        part = cut_to_scores(graph, name)
        if all(i.type.WhichOneof("value") == "tensor_type" for i in part.model.graph.input):
            own = image()
            every = find_answers(part, infer_shapes(part, own), own, metadata)
            found += [a for a in every if a.output == name]
    return found


def class_keys(graph: Graph, outputs: Outputs) -> tuple[str, ...]:
    """Names that the model itself gives its classes, where it maps them to probabilities.

    Parameters
    ----------
    graph : Graph
        The whole prepared graph.
    outputs : Outputs
        Which output is explained; a map of the same scores, or of the same logits, counts.

    Returns
    -------
    tuple of str
        Empty if no output is a map of those scores, or several name them differently.
    """
    if outputs.explained in graph.wrapped:
        return graph.wrapped[outputs.explained].labels
    by_name = {a.output: a for a in outputs.answers}
    if outputs.explained not in by_name:
        return ()
    explained = _read(by_name[outputs.explained])
    found = {
        wrapped.labels
        for name, wrapped in graph.wrapped.items()
        if wrapped.labels and name in by_name and not explained.isdisjoint(_read(by_name[name]))
    }
    return found.pop() if len(found) == 1 else ()


def _read(answer: Answer) -> set[str]:
    readings = (answer.raw, answer.logit, answer.probability)
    return {answer.output, *(t for r in readings if r is not None for t in r.tensors)}
