"""Several runs of a method side by side: what they ask of an engine alike is computed once.

A method explains one target. For several targets of one picture it runs once for each, on
the same perturbed pictures, and asks an engine the same things. Here the runs take turns:
each goes on until it asks; equal questions are then answered together, with one forward pass
for all targets. No method needs to know of it (``docs/decisions/012-several-targets.md``).
"""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

import numpy as np

from onnxplain.adapters.base import Adapter, PullBack, Seed
from onnxplain.adapters.changes import WindowChanges, WindowRun
from onnxplain.errors import OnnxplainError

T = TypeVar("T")
# Wraps an engine so that its work is shared with the other runs.
Share = Callable[[Adapter], Adapter]


@dataclass(frozen=True, eq=False)
class _Question:
    """A verb of an engine with its arguments; `seeds` are those that may differ."""

    engine: Adapter
    verb: str
    arguments: Mapping[str, Any]
    seeds: Sequence[Seed] = ()

    def equals(self, other: _Question) -> bool:
        return (
            self.engine is other.engine
            and self.verb == other.verb
            and [s.tensors for s in self.seeds[:1]] == [s.tensors for s in other.seeds[:1]]
            and _same(self.arguments, other.arguments)
        )


class _Abandoned(BaseException):
    """Unwinds a run that nobody waits for any more."""


class _Run(Generic[T]):
    """One run on a thread of its own that only moves while the caller of `advance` waits."""

    def __init__(self, work: Callable[[Share], T]) -> None:
        self._work = work
        self._posts: SimpleQueue[_Question | None] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._main,), daemon=True)
        self.outcome: T | OnnxplainError | None = None
        self.defect: BaseException | None = None

    def start(self) -> _Question | None:
        """Go on to the first question; ``None`` if there is none."""
        self._thread.start()
        return self._posts.get()

    def advance(self, answer: Any) -> _Question | None:
        """Hand over an answer, or an exception to raise, and go on to the next question."""
        self._answers.put(answer)
        return self._posts.get()

    def ask(self, question: _Question) -> Any:
        """Wait for an answer; called from within the run."""
        self._posts.put(question)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _main(self) -> None:
        try:
            self.outcome = self._work(lambda engine: cast("Adapter", _SharedEngine(engine, self)))
        except OnnxplainError as error:
            self.outcome = error
        except BaseException as error:  # raised again by `run_shared`
            self.defect = error
        finally:
            self._posts.put(None)


class _SharedEngine:
    """An engine whose verbs are asked together with those of other runs."""

    def __init__(self, engine: Adapter, run: _Run[Any]) -> None:
        self._engine, self._run = engine, run

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._engine, name)
        if not callable(verb):
            return verb

        def ask(*values: Any, **named: Any) -> Any:
            bound = inspect.signature(verb).bind(*values, **named)
            bound.apply_defaults()
            seeds = bound.arguments.pop("seeds", ())
            return self._run.ask(_Question(self._engine, name, bound.arguments, seeds))

        return ask


def run_shared(works: Sequence[Callable[[Share], T]]) -> list[T | OnnxplainError]:
    """Run several pieces of work side by side.

    Parameters
    ----------
    works : sequence of callable
        Each is given a function that wraps an engine, and uses the engine so wrapped.

    Returns
    -------
    list
        The result of each, or the `OnnxplainError` that it raised.
    """
    if len(works) == 1:
        return [_alone(works[0])]
    runs = [_Run(work) for work in works]
    waiting: dict[_Run[T], _Question] = {}
    try:
        waiting = _asking({run: run.start() for run in runs})
        while waiting:
            answers = _answer(waiting)
            waiting = _asking({run: run.advance(answers[run]) for run in waiting})
    finally:
        for run in waiting:  # only when something went wrong on the way
            run.advance(_Abandoned())
    for run in runs:
        if run.defect is not None:
            raise run.defect
    return [run.outcome for run in runs]  # type: ignore[misc]


def _alone(work: Callable[[Share], T]) -> T | OnnxplainError:
    try:
        return work(lambda engine: engine)
    except OnnxplainError as error:
        return error


def _asking(found: Mapping[_Run[T], _Question | None]) -> dict[_Run[T], _Question]:
    return {run: question for run, question in found.items() if question is not None}


def _answer(waiting: Mapping[_Run[T], _Question]) -> dict[_Run[T], Any]:
    """Answer all questions, equal ones at once."""
    groups: list[list[_Run[T]]] = []
    for run, question in waiting.items():
        group = next((g for g in groups if question.equals(waiting[g[0]])), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    answers: dict[_Run[T], Any] = {}
    for group in groups:
        try:
            found = _compute([waiting[run] for run in group])
        except OnnxplainError as error:
            found = [error] * len(group)
        answers.update(zip(group, found, strict=True))
    return answers


def _compute(questions: Sequence[_Question]) -> list[Any]:
    """Answer equal questions whose signals start with different seeds."""
    first = questions[0]
    verb, arguments = getattr(first.engine, first.verb), first.arguments
    if first.seeds:
        return _split(verb(seeds=[s for q in questions for s in q.seeds], **arguments), questions)
    found = verb(**arguments)
    if first.verb == "windowed" and len(questions) > 1:
        # Blocks are computed while they are read, and here there are several readers.
        blocks = list(found.blocks)
        return [WindowRun(found.engine, iter(blocks)) for _ in questions]
    return [found] * len(questions)


def _split(found: Any, questions: Sequence[_Question]) -> list[Any]:
    """Give each question what was found for its own seeds."""
    parts, start = [], 0
    for question in questions:
        own = slice(start, start + len(question.seeds))
        start = own.stop
        if isinstance(found, PullBack):
            gradients, growth = found.gradients[own], found.growth[own]
            parts.append(replace(found, gradients=gradients, growth=growth))
        else:
            parts.append(found[own])
    return parts


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(v, other[k]) for k, v in one.items())
    if isinstance(one, WindowChanges) and isinstance(other, WindowChanges):
        return np.array_equal(one.windows, other.windows) and all(
            np.array_equal(one.content(k), other.content(k)) for k in range(len(one))
        )
    return bool(one == other)
