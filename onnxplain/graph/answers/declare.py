"""What the user says of an answer outranks what the graph shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.answers.answer import Answer, TaskName
from onnxplain.targets.reading import Activation, Reading

# What a person can declare by a word; how boxes are read is declared in a file.
TASKS: tuple[TaskName, ...] = tuple(t for t in get_args(TaskName) if t not in ("boxes", "unknown"))
SCORES = ("logits", "probabilities", "raw")
DECLARED = "declared"
_SCORED = ("classes", "yes-no", "labels")


def declared(answer: Answer, task: str | None, scores: str | None) -> Answer:
    """Return the answer as the user declares it.

    Parameters
    ----------
    answer : Answer
        What the graph shows.
    task : {"classes", "yes-no", "labels", "values", "embedding"}, optional
        What the output answers.
    scores : {"logits", "probabilities", "raw"}, optional
        What its numbers are: logits of a Softmax (of Sigmoids for labels and yes-no),
        probabilities, or numbers without either meaning.

    Raises
    ------
    UnknownNameError
        If there is no such task or kind of scores.
    UsageError
        If they contradict the shape of the output, or each other.
    """
    if task is None and scores is None:
        return answer
    _require(task, TASKS, "task")
    _require(scores, SCORES, "kind of scores")
    if answer.task == "boxes" and task is None:
        return answer
    said = replace(answer, evidence=DECLARED, doubt="")
    if task is None and scores in ("logits", "probabilities") and said.task == "values":
        # Such numbers belong to classes, whatever the graph looks like.
        task = "yes-no" if said.shape[said.axis] == 1 else "classes"
    if task is not None:
        said = _with_task(said, task)
        if task in _SCORED and said.probability is None and scores != "raw":
            said = replace(said, probability=said.declarable)
    if scores is not None:
        said = _with_scores(said, scores)
    elif task is not None and task != answer.task and task in ("values", "embedding"):
        said = replace(said, probability=None, logit=None)
    if task == "yes-no" and scores is None and not (said.probability or said.logit):
        raise UsageError(
            f"nothing says from which number on output {answer.output!r} means yes; also declare "
            "--scores probabilities (0.5) or logits (0)"
        )
    return said


def _require(given: str | None, known: Sequence[str], kind: str) -> None:
    if given is not None and given not in known:
        raise UnknownNameError(kind, given, known, f"allowed: {', '.join(known)}")


def _with_task(answer: Answer, task: str) -> Answer:
    count = answer.shape[answer.axis] if answer.shape else 1
    if task == "yes-no" and count != 1:
        raise UsageError(
            f"output {answer.output!r} holds {count} scores, and task yes-no has one; declare "
            "task classes"
        )
    if task == "classes" and count == 1:
        raise UsageError(
            f"output {answer.output!r} holds one score; declare task yes-no, or values"
        )
    if task == "labels" and answer.task == "classes" and answer.probability is not None:
        # A Softmax's probabilities belong together, whatever they are called.
        raise UsageError(
            f"output {answer.output!r} has a Softmax over its classes, so one excludes the others; "
            "declare task classes"
        )
    return replace(answer, task=task)  # type: ignore[arg-type]


def _with_scores(answer: Answer, scores: str) -> Answer:
    if answer.task in ("values", "embedding"):
        if scores == "raw":
            return replace(answer, probability=None, logit=None)
        raise UsageError(
            f"output {answer.output!r} is read as task {answer.task}, which has no {scores}; "
            "declare the task as well (--task classes, yes-no or labels)"
        )
    if scores == "raw":
        return replace(answer, probability=None, logit=None)
    if scores == "probabilities":
        if answer.probability is not None:
            return answer
        # What the output holds is no logit then.
        return replace(answer, probability=answer.declarable or answer.raw, logit=None)
    if answer.probability is not None:
        raise UsageError(
            f"the graph makes output {answer.output!r} probabilities; declare probabilities or raw"
        )
    return replace(answer, logit=answer.raw, probability=_activated(answer))


def _activated(answer: Answer) -> Reading:
    smallest_wins = answer.raw.scale < 0
    if answer.task == "classes":
        activation: Activation = "softmin" if smallest_wins else "softmax"
        return replace(answer.raw, activation=activation, scale=1.0)
    if smallest_wins:
        return replace(answer.raw, activation="sigmoid", scale=-1.0, offset=1.0)
    return replace(answer.raw, activation="sigmoid")
