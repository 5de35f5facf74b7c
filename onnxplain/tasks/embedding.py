"""Embeddings: a vector means something beside another one only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.shapes import Shapes
from onnxplain.inputs.array_file import read_array
from onnxplain.targets.classes import Kind
from onnxplain.targets.likeness import Likeness
from onnxplain.targets.request import TargetRequest, class_index, split_file
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore
from onnxplain.tasks.places import require_position
from onnxplain.tasks.prediction import Prediction
from onnxplain.tasks.task import Values, require_plain

_ASK = (
    "the model answers an embedding, which is meaningful only in comparison: say what to compare "
    "the picture with (--target like=PICTURE or like=VECTOR.npy), or name one dimension (-t 7)"
)


class Embedding:
    """A vector that is compared with others by the angle between them.

    Parameters
    ----------
    answer : Answer
        Where it is read.
    labels : sequence of str
        Names of its dimensions; usually empty.
    shapes : Shapes
        Concrete shapes of the tensors for a batch of one.
    """

    name: str = "embedding"

    def __init__(self, answer: Answer, labels: Sequence[str], shapes: Shapes) -> None:
        self.answer = answer
        self.count = int(np.prod(answer.shape))
        self.labels: Sequence[str] = list(labels)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        return self.answer.raw.tensors

    def vector(self, values: Values) -> NDArray[np.float64]:
        """Return the embedding of one input, (D,)."""
        return self.answer.raw.read(values)[0].reshape(-1)

    def predict(self, values: Values, position: tuple[int, ...] = ()) -> Prediction:
        """Return the vector as it is."""
        require_position(self.answer, position)
        return Prediction({"raw": self.vector(values)}, "value", self.labels)

    def index(self, name: str | int) -> int:
        """Index of the dimension that a person means."""
        return class_index(name, self.labels, self.count)

    def request(self, said: str | int | None) -> TargetRequest:
        """Read what the picture is compared with, or a dimension."""
        text = "" if said is None else str(said).strip()
        _, named, is_like = split_file(text)
        if is_like:
            return TargetRequest(like=named)
        if not text or not text.lstrip("-").isdigit():
            raise UsageError(_ASK)
        return TargetRequest(index=self.index(text))

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
        """Return the likeness asked for, or a dimension, as a target; see `Task`."""
        self.require_meaning(request, contrast, margin)
        reading = self.answer.raw
        if request.reference is not None:
            vector = np.asarray(request.reference, np.float64).reshape(-1)
            if vector.shape != (self.count,) or not vector.any():
                raise UsageError(
                    f"the vector to compare with ({request.like!r}) has {vector.size} numbers; it "
                    f"must have {self.count}, like the embedding, and not only zeros"
                )
            stem = "like-" + "".join(c if c.isalnum() else "-" for c in request.like)
            return [Likeness(request.like, stem, reading, vector)]
        if request.index is None:
            raise UsageError(_ASK)
        return [
            ValueScore(f"dimension {request.index}", str(request.index), reading, request.index)
        ]

    def require_meaning(self, request: TargetRequest, contrast: int | None, margin: bool) -> None:
        """Refuse what needs classes."""
        require_plain("an embedding", contrast, margin)


def read_vector(path: str) -> NDArray[np.float64]:
    """Read a vector to compare with from a ``.npy`` file.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        return np.asarray(read_array(path), np.float64).reshape(-1)
    except ValueError as error:
        raise UsageError(f"cannot read vector {path!r}: {error}") from error
