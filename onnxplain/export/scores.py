"""The explained score in ONNX nodes: what is read, which class is meant, where slopes start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx.helper import np_dtype_to_tensor_dtype

from onnxplain.errors import MethodRefusedError
from onnxplain.symbolic.back import slope_type
from onnxplain.symbolic.builder import Builder
from onnxplain.targets.reading import Piece, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnxplain.symbolic.facts import Facts

#: Values of the input ``target``, and of ``contrast``.
PREDICTED, NONE, RIVAL = -1, -1, -2
# Elements of the matrix that puts slopes back where scores were read.
_LARGEST = 1 << 24


@dataclass(frozen=True, eq=False)
class Scores:
    """How the scores of an answer are read and explained.

    Attributes
    ----------
    reading : Reading
        A linear one.
    classes : int
        Number of scores.
    places : bool
        Whether there is one for each place: then their mean is explained.
    ranked : bool
        Whether the largest is what is predicted.
    """

    reading: Reading
    classes: int
    places: bool
    ranked: bool

    def __post_init__(self) -> None:
        what = "only scores that are a linear function of the file's tensors can be exported"
        if not self.reading.is_linear:
            raise MethodRefusedError(f"{what}, and these are read through a "
                                     f"{self.reading.activation}; use `explain`")  # fmt: skip
        if any(p.batch_axis != 0 for p in self.reading.pieces):
            raise MethodRefusedError(
                "the scores do not have the batch on their first axis; use `explain`"
            )

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors that are read."""
        return self.reading.tensors


def write_scores(build: Builder, scores: Scores, facts: Facts, names: Mapping[str, str]) -> str:
    """Write the scores of a forward pass, (N, K); `names` are those of its tensors."""
    parts = [_read(build, scores, p, facts, names.get(p.tensor, p.tensor))
             for p in scores.reading.pieces]  # fmt: skip
    whole = parts[0] if len(parts) == 1 else build.add("Concat", *parts, axis=1)
    if scores.reading.scale != 1.0:
        whole = build.add("Mul", whole, build.number(scores.reading.scale))
    if scores.reading.two_sided:
        one = scores.reading.two_sided == "probability"
        no = build.add("Sub", build.number(float(one)), whole)
        whole = build.add("Concat", no, whole, axis=1)
    return whole


def write_target(build: Builder, scores: Scores, whole: str, target: str) -> str:
    """Write which score is explained, (N, K) of zeros and ones.

    An index that is none stops the run: Gather does not accept it.
    """
    count = scores.classes
    top = build.add("ArgMax", whole, axis=1, keepdims=0)
    default = top if scores.ranked else build.integer(0 if count == 1 else count)
    return _one_hot(build, _index(build, target, {PREDICTED: default}, top, count), count)


def write_choice(build: Builder, scores: Scores, whole: str, chosen: str, contrast: str) -> str:
    """Write what each score counts, (N, K): the explained one less the one it is held against."""
    count = scores.classes
    lowest = build.number(-math.inf)
    others = build.add("Where", build.add("Cast", chosen, to=9), lowest, whole)
    rival = build.add("ArgMax", others, axis=1, keepdims=0)
    against = _index(build, contrast, {RIVAL: rival, NONE: build.integer(0)}, rival, count)
    counts = build.add("Not", build.add("Equal", contrast, build.integer(NONE)))
    counts = build.add("Cast", build.add("Unsqueeze", counts, build.integers(1)), to=1)
    taken = build.add("Mul", _one_hot(build, against, count), counts)
    return build.add("Sub", chosen, taken)


def write_value(build: Builder, whole: str, choice: str) -> str:
    """Write the explained number, (N,)."""
    return build.reduce("ReduceSum", build.add("Mul", whole, choice), [1], keep=False)


def write_seeds(
    build: Builder, scores: Scores, choice: str, facts: Facts, names: Mapping[str, str]
) -> dict[str, str]:
    """Write the slopes of the explained score at each tensor that it is read from."""
    if scores.reading.two_sided:
        no = _columns(build, choice, 0, 1)
        choice = build.add("Sub", _columns(build, choice, 1, 2), no)
    if scores.reading.scale != 1.0:
        choice = build.add("Mul", choice, build.number(scores.reading.scale))
    found: dict[str, str] = {}
    start = 0
    for piece in scores.reading.pieces:
        count = _count(scores, piece, facts)
        part = choice
        if len(scores.reading.pieces) > 1:
            part = _columns(build, choice, start, start + count)
        start += count
        slopes = _give(build, scores, piece, facts, names.get(piece.tensor, piece.tensor), part)
        known = found.get(piece.tensor)
        found[piece.tensor] = slopes if known is None else build.add("Add", known, slopes)
    return {name: _as_slope(build, slopes, facts, name) for name, slopes in found.items()}


def _as_slope(build: Builder, slopes: str, facts: Facts, name: str) -> str:
    code = np_dtype_to_tensor_dtype(slope_type(facts.types[name]))
    return build.add("Cast", slopes, to=code)


def _read(build: Builder, scores: Scores, piece: Piece, facts: Facts, tensor: str) -> str:
    value = build.add("Cast", tensor, to=1)
    if piece.positions is not None:
        size = math.prod(d for d in facts.shapes[piece.tensor][1:] if d is not None)
        flat = build.add("Reshape", value, build.integers(-1, size))
        picked = np.asarray(piece.positions, np.int64)
        value = build.add("Gather", flat, build.constant(picked.reshape(-1)), axis=1)
        if scores.places:
            value = build.add("Reshape", value, build.integers(-1, *picked.shape))
    if not scores.places:
        return build.add("Reshape", value, build.integers(-1, _count(scores, piece, facts)))
    rank = len(_own_shape(piece, facts)) + 1
    axis = 1 + scores.reading.axis
    others = [a for a in range(1, rank) if a != axis]
    return build.reduce("ReduceMean", value, others, keep=False)


def _give(
    build: Builder, scores: Scores, piece: Piece, facts: Facts, tensor: str, part: str
) -> str:
    """Put what each score counts at the elements that it is read from."""
    own = _own_shape(piece, facts)
    if scores.places:
        axis = scores.reading.axis
        shape = [n if k == axis else 1 for k, n in enumerate(own)]
        places = math.prod(n for k, n in enumerate(own) if k != axis)
        share = build.add("Mul", part, build.number(1.0 / places))
        spread = build.add("Reshape", share, build.integers(-1, *shape))
        ones = build.constant(np.ones((1, *own), np.float32))
        part = build.add("Mul", spread, ones)
    if piece.positions is not None:
        picked = np.asarray(piece.positions).reshape(-1)
        size = math.prod(d for d in facts.shapes[piece.tensor][1:] if d is not None)
        if picked.size * size > _LARGEST:
            raise MethodRefusedError(
                f"the scores are {picked.size} of {size} elements of tensor {piece.tensor!r}, too "
                "many to be written down; use `explain`"
            )
        matrix = np.zeros((picked.size, size), np.float32)
        np.add.at(matrix, (np.arange(picked.size), picked), 1.0)
        flat = build.add("Reshape", part, build.integers(-1, picked.size))
        part = build.add("MatMul", flat, build.constant(matrix))
    return build.add("Reshape", part, build.add("Shape", tensor))


def _own_shape(piece: Piece, facts: Facts) -> tuple[int, ...]:
    if piece.positions is not None:
        return piece.positions.shape
    return tuple(d for d in facts.shapes[piece.tensor][1:] if d is not None)


def _count(scores: Scores, piece: Piece, facts: Facts) -> int:
    own = _own_shape(piece, facts)
    return own[scores.reading.axis] if scores.places else math.prod(own)


def _index(build: Builder, given: str, special: Mapping[int, str], like: str, count: int) -> str:
    """Write the index that an input means, (N,); anything but the special ones is checked."""
    none = build.add("Less", given, build.integer(0))
    index = build.add("Where", none, build.integer(count), given)
    for value, meant in special.items():
        hit = build.add("Equal", given, build.integer(value))
        index = build.add("Where", hit, meant, index)
    index = build.add("Expand", index, build.add("Shape", like))
    return build.add("Gather", build.constant(np.arange(count)), index)


def _one_hot(build: Builder, index: str, count: int) -> str:
    column = build.add("Unsqueeze", index, build.integers(1))
    return build.add("Cast", build.add("Equal", column, build.constant(np.arange(count))), to=1)


def _columns(build: Builder, x: str, start: int, stop: int) -> str:
    return build.add("Slice", x, *(build.integers(n) for n in (start, stop, 1)))
