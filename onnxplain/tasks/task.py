"""What a model answers, and which numbers of it can be explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.targets.classes import Kind
from onnxplain.targets.request import TargetRequest
from onnxplain.targets.target import Target
from onnxplain.tasks.prediction import Prediction

Values = Mapping[str, NDArray[Any]]


class Task(Protocol):
    """One kind of answer: classes, values, an embedding, ...

    Attributes
    ----------
    name : str
        ``classes``, ``yes-no``, ``labels``, ``values`` or ``embedding``.
    answer : Answer
        Where its numbers are read, and why it is taken for this task.
    labels : sequence of str
        Names of the classes or values; empty if unknown.
    count : int
        Number of classes, values or dimensions.
    """

    name: str
    answer: Answer
    labels: Sequence[str]
    count: int

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        ...

    def predict(self, values: Values, position: tuple[int, ...] = ()) -> Prediction:
        """Say what the model answers for one input, from the values of `tensors`."""
        ...

    def request(self, said: str | int | None) -> TargetRequest:
        """Read what a person asks to have explained.

        Raises
        ------
        UsageError
            If the answer has no such class, value or place.
        """
        ...

    def index(self, name: str | int) -> int:
        """Index of the class or value that a person means.

        Raises
        ------
        UsageError
            If there is none, or it is out of range.
        """
        ...

    def targets(
        self,
        request: TargetRequest,
        values: Values,
        said: Prediction,
        *,
        kind: Kind,
        contrast: int | None = None,
        margin: bool = False,
    ) -> list[Target]:
        """Targets of one input that a request stands for.

        Parameters
        ----------
        request : TargetRequest
            What was asked for.
        values : mapping of str to array
            The tensors for that input.
        said : Prediction
            What the model says about it, at the place of the request.
        kind : {"logit", "probability", "raw"}
            The score to explain, if the answer has it; else the nearest that it has.
        contrast, margin
            See `ClassScore`.

        Raises
        ------
        UsageError
            If parts of the target exclude each other.
        """
        ...

    def require_meaning(self, request: TargetRequest, contrast: int | None, margin: bool) -> None:
        """Refuse combinations that mean nothing, before anything is computed.

        Raises
        ------
        UsageError
            With what to ask for in their place.
        """
        ...


def require_plain(what: str, contrast: int | None, margin: bool) -> None:
    """Refuse a contrast or margin where there are no classes.

    Raises
    ------
    UsageError
        If one was given.
    """
    if contrast is not None or margin:
        raise UsageError(f"{what} has no classes that compete: drop --contrast and --margin")
