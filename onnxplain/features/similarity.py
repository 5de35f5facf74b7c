"""Why two pictures are alike to a network, shown on both; or a picture and a vector, as of a text.

The cosine between two vectors is explained once as a function of the first picture with the
second vector fixed, and once the other way round, as Stylianou, Souvenir, Pless 2019, "Visualizing
deep similarity networks", arXiv:1901.00536, show it for one architecture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.picture import Picture, sample_picture
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import layer_tensor
from onnxplain.targets.likeness import Likeness
from onnxplain.targets.reading import Reading
from onnxplain.tasks.element import element
from onnxplain.tasks.embedding import Embedding

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class Similarity:
    """Two sides of one cosine.

    Attributes
    ----------
    cosine : float
        Of the angle between both vectors, or between the vector and a difference of others.
    first : Explanation
        Evidence in the first picture.
    second : Explanation or None
        Evidence in the second one; ``None`` if the first was compared with a vector.
    """

    cosine: float
    first: Explanation
    second: Explanation | None


def similarity(
    model: Model,
    first: ImageLike | Picture,
    other: ImageLike | Picture | Likeness,
    *,
    layer: str | None = None,
    method: str = "occlusion",
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    allow_mismatch: bool = False,
) -> Similarity:
    """Explain the cosine between the vectors of two pictures, or of a picture and a given vector.

    Parameters
    ----------
    model : Model
        The opened model.
    first : path, PIL.Image.Image, array or Picture
        A picture.
    other : path, PIL.Image.Image, array, Picture or Likeness
        Another picture, or what `likeness_to` returns for a vector.
    layer : str, optional
        Tensor whose values are the vector. If not given, the embedding of a model that answers
        one, else the vector before the last linear layer.
    method : str
        Any method that explains such a target.
    parameters : mapping, optional
        Its parameters.
    seed : int
        Of its random draws.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree.

    Returns
    -------
    Similarity

    Raises
    ------
    UsageError
        If there is no vector to compare.
    NumericalError
        If a vector is zero.
    """
    options: dict[str, Any] = {"seed": seed, "allow_mismatch": allow_mismatch, **(parameters or {})}
    picture = first if isinstance(first, Picture) else model.read(first)
    if isinstance(other, Likeness):
        found = model.explain(picture, method, other, **options)
        return Similarity(found.score, found, None)
    second = other if isinstance(other, Picture) else model.read(other)
    reading = vector_reading(model, layer)
    sides = []
    for shown, compared in ((picture, second), (second, picture)):
        vector = vector_of(model, compared, reading)
        aim = _likeness(reading, vector, _short(compared.source))
        sides.append(model.explain(shown, method, aim, **options))
    return Similarity(sides[0].score, sides[0], sides[1])


def likeness_to(
    model: Model,
    vector: NDArray[Any],
    words: str,
    *,
    against: Sequence[NDArray[Any]] = (),
    layer: str | None = None,
) -> Likeness:
    """Return the likeness to a vector, such as the embedding of a text in a CLIP-like model.

    Parameters
    ----------
    model : Model
        The opened model.
    vector : (D,) array
        What pictures are compared with.
    words : str
        What it comes from, for captions.
    against : sequence of (D,) arrays
        The mean direction of these is subtracted from that of the vector. Embeddings of texts
        have much in common; what is left tells one text from others.
    layer : str, optional
        See `similarity`.

    Raises
    ------
    UsageError
        If a vector does not fit, or nothing is left.
    """
    reading = vector_reading(model, layer)
    size = len(vector_of(model, sample_picture(model.preprocess), reading))
    directions = [_direction(v, size, words) for v in (vector, *against)]
    left = directions[0] - np.mean(directions[1:], axis=0) if against else directions[0]
    if np.linalg.norm(left) < 1e-9:
        raise UsageError(f"{words!r} points where the vectors against it point: nothing is left")
    return _likeness(reading, left, f"{words}{' rather than others' if against else ''}")


def vector_reading(model: Model, layer: str | None = None) -> Reading:
    """Return how the vector of an input is read: an embedding, or a tensor as one vector.

    Raises
    ------
    UsageError
        If no layer is named and the model has no vector of its own.
    """
    network = model.network
    tensor = layer_tensor(network, layer)
    if tensor is None:
        if isinstance(model.task, Embedding):
            return model.task.answer.raw
        last = network.graph.producers.get(network.head.logits)
        tensor = last.inputs[0] if last is not None and last.inputs else ""
        if len(network.shapes.get(tensor, ())) != 2:
            raise UsageError(
                "the model answers no embedding, and no single vector leads to its scores; name "
                "the tensor to compare with --layer (`inspect --layers` lists some)"
            )
    return element(f"{tensor}[]", network.graph, network.shapes, network.image).reading


def vector_of(model: Model, picture: Picture, reading: Reading) -> NDArray[np.float64]:
    """Vector of a picture, (D,), in ONNX Runtime."""
    values = model.network.ort.activations(picture.x, reading.tensors)
    return np.asarray(reading.read(values)[0], np.float64).reshape(-1)


def _likeness(reading: Reading, vector: NDArray[np.float64], words: str) -> Likeness:
    stem = "like-" + "".join(c if c.isalnum() else "-" for c in words)
    return Likeness(words, stem, reading, vector)


def _direction(vector: NDArray[Any], size: int, words: str) -> NDArray[np.float64]:
    flat = np.asarray(vector, np.float64).reshape(-1)
    if flat.shape != (size,) or not np.isfinite(flat).all() or not flat.any():
        raise UsageError(
            f"a vector that {words!r} is made of has {flat.size} numbers; it must have {size} "
            "finite ones, not all zero"
        )
    return flat / np.linalg.norm(flat)


def _short(source: str) -> str:
    name = source.replace("\\", "/").rpartition("/")[2]
    return "the other picture" if name in ("", "array") else name
