"""The task of a model, from what its output answers."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.shapes import Shapes
from onnxplain.tasks.boxes import Boxes
from onnxplain.tasks.classes import YES_NO, Classes
from onnxplain.tasks.embedding import Embedding
from onnxplain.tasks.task import Task
from onnxplain.tasks.values import Numbers


def task_of(answer: Answer, labels: Sequence[str], shapes: Shapes) -> Task:
    """Return the task that answers as an output does.

    Parameters
    ----------
    answer : Answer
        What the output answers, after what the user declared.
    labels : sequence of str
        Names of its classes or values; may be empty.
    shapes : Shapes
        Concrete shapes of the tensors for a batch of one.
    """
    if answer.task == "values":
        return Numbers(answer, labels, shapes)
    if answer.task == "embedding":
        return Embedding(answer, labels, shapes)
    if answer.task == "boxes":
        return Boxes(answer, labels, shapes)
    return Classes(answer, labels, shapes)


def require_task(answer: Answer) -> None:
    """Refuse what no task answers.

    Raises
    ------
    UnsupportedModelError
        For a detector, or numbers that nothing is known of.
    """
    if answer.task == "boxes" and answer.boxes is None:
        raise UnsupportedModelError(
            f"the model is a detector ({answer.evidence}), and its boxes cannot be read: "
            f"{answer.doubt}; declare them in a file beside the model (`onnxplain inspect` prints "
            "a start, see docs/detectors.md), or explain one of its tensors: --task values, then "
            "--target NAME[INDEX]"
        )
    if answer.task == "unknown":
        raise UnsupportedModelError(
            f"output {answer.output!r} holds no scores to explain: {answer.evidence}"
            + (f"; {answer.doubt}" if answer.doubt else "")
        )


def names_of(task: str, labels: Sequence[str]) -> list[str]:
    """Names of both sides of a yes/no answer, where one or none was given."""
    if task != "yes-no" or len(labels) == 2:
        return list(labels)
    return [f"not {labels[0]}", labels[0]] if len(labels) == 1 else list(YES_NO)
