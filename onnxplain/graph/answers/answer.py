"""What one output of a graph answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from onnxplain.targets.reading import Reading

if TYPE_CHECKING:
    from onnxplain.graph.answers.boxes.found import FoundBoxes

TaskName = Literal["classes", "yes-no", "labels", "values", "embedding", "boxes", "unknown"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What one graph output answers, and where its numbers are read.

    Attributes
    ----------
    output : str
        Name of the graph output.
    task : {"classes", "yes-no", "labels", "values", "embedding", "boxes", "unknown"}
        One of K classes; one score that says yes or no; several labels at once; numbers;
        a vector that is compared with others; boxes of a detector; nothing that is known.
    raw : Reading
        What the output holds.
    probability : Reading or None
        ``None`` if nothing makes any number here a probability.
    logit : Reading or None
        ``None`` if no tensor in front of the final activation can be followed column by column.
    shape : tuple of int
        Of one input's reading: (K,), or with places.
    axis : int
        Axis of the K classes or values in `shape`; all others are places.
    followed : tuple of str
        What was followed back from the output, one phrase each.
    evidence : str
        Why this task, in one phrase.
    doubt : str
        What else the output may be and how to declare it; empty if the evidence is clear.
    declarable : Reading or None
        What is a probability once a person declares one, though the graph leaves it open.
    layers : int
        Convolutions and products with weights that the raw numbers are computed through.
    boxes : FoundBoxes, optional
        How a detector's boxes are read, if that is known.
    """

    output: str
    task: TaskName
    raw: Reading
    probability: Reading | None
    logit: Reading | None
    shape: tuple[int, ...]
    axis: int
    followed: tuple[str, ...]
    evidence: str
    doubt: str = ""
    declarable: Reading | None = None
    layers: int = 0
    boxes: FoundBoxes | None = None

    @property
    def places(self) -> tuple[int, ...]:
        """Lengths of the axes beside that of the classes; empty if there is one vector."""
        return tuple(n for k, n in enumerate(self.shape) if k != self.axis)
