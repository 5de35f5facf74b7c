"""What is known of a detector's boxes before the model has run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput
from onnxplain.targets.boxes.codes import PLAIN, Plain
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.reading import Piece, Reading


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """A layout, and which parts of it a run of the model has to settle.

    Attributes
    ----------
    layout : BoxLayout
        As far as the graph tells.
    evidence : str
        Why it is read so, in one phrase.
    form_known, unit_known : bool
        Whether what the four numbers mean, and their unit, is told by the graph or the user.
    forms : tuple of str
        What the four numbers may mean, if that is open.
    scores_known : bool
        Whether it is known that scores are activated, and which of them is the background.
    names : int
        Class names that the file holds; 0 if it holds none.
    doubt : str
        What else the numbers may be, or what is left aside; empty if there is no doubt.
    others : tuple of FoundBoxes
        Other readings, to be taken if what the model writes does not fit this one.
    """

    layout: BoxLayout
    evidence: str
    form_known: bool = False
    unit_known: bool = False
    scores_known: bool = False
    names: int = 0
    doubt: str = ""
    forms: tuple[Plain, ...] = PLAIN
    others: tuple[FoundBoxes, ...] = ()


@dataclass(frozen=True, eq=False)
class Seen:
    """A graph whose outputs belong to a detector.

    Attributes
    ----------
    tracer : Tracer
        Of the graph.
    image : ImageInput
        The explained input.
    outputs : tuple of OutputShape
        Those of the detector.
    names : int
        Class names that the file holds; 0 if it holds none.
    """

    tracer: Tracer
    image: ImageInput
    outputs: tuple[OutputShape, ...]
    names: int


def box_answer(answer: Answer, found: FoundBoxes) -> Answer:
    """Return the answer with its boxes, read from the tensors of the layout."""
    layout = found.layout
    raw = Reading(tuple(Piece(t, batch_axis=layout.boxes.batch_axis) for t in layout.tensors))
    count = layout.count
    return replace(answer, raw=raw, shape=(count,), axis=0, boxes=found)
