"""Scores as a reading takes them from tensors, and derivatives back to these, in nodes.

Everywhere here scores stand as (N, K, M): classes before places, of which there is one where
the answer is no dense one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from onnxplain.errors import MethodRefusedError
from onnxplain.export.targets.explained import Pass, write_cast, write_wide
from onnxplain.symbolic.facts import Facts
from onnxplain.targets.reading import Piece, Reading


def real_of(facts: Facts, reading: Reading) -> np.dtype[Any]:
    """Type in which a reading is computed: double where an activation may round or saturate."""
    wide = any(facts.types[t] == np.float64 for t in reading.tensors)
    return np.dtype(np.float64 if wide or not reading.is_linear else np.float32)


def write_scores(at: Pass, reading: Reading, real: np.dtype[Any]) -> str:
    """Write the scores of all classes at all places, (N, K, M)."""
    build = at.build
    scores = _activated(at, reading, _joined(at, reading, real))
    if reading.scale != 1.0:
        scores = build.add("Mul", scores, _number(at, reading.scale, real))
    if reading.offset != 0.0:
        scores = build.add("Add", scores, _number(at, reading.offset, real))
    if reading.two_sided:
        whole = _number(at, float(reading.two_sided == "probability"), real)
        scores = build.add("Concat", build.add("Sub", whole, scores), scores, axis=1)
    return scores


def write_slopes(at: Pass, reading: Reading, weights: str, real: np.dtype[Any]) -> dict[str, str]:
    """Write the derivatives of a weighted sum of the scores, (N, K, M), at their tensors."""
    build = at.build
    if reading.two_sided:
        no, yes = (_columns(at, weights, k, k + 1) for k in range(2))
        weights = build.add("Sub", yes, no)
    if reading.scale != 1.0:
        weights = build.add("Mul", weights, _number(at, reading.scale, real))
    if not reading.is_linear:
        weights = _through(at, reading, _joined(at, reading, real), weights)
    found: dict[str, str] = {}
    start = 0
    for piece in reading.pieces:
        count = _shape(at, reading, piece)[0]
        part = weights
        if len(reading.pieces) > 1:
            part = _columns(at, weights, start, start + count)
        start += count
        slopes = _give(at, reading, piece, part)
        known = found.get(piece.tensor)
        found[piece.tensor] = slopes if known is None else build.add("Add", known, slopes)
    return {n: write_wide(at, n, s) for n, s in found.items()}


def _joined(at: Pass, reading: Reading, real: np.dtype[Any]) -> str:
    parts = [_take(at, reading, p, real) for p in reading.pieces]
    return parts[0] if len(parts) == 1 else at.build.add("Concat", *parts, axis=1)


def _activated(at: Pass, reading: Reading, joined: str) -> str:
    build = at.build
    if reading.activation == "softmax":
        return build.add("Softmax", joined, axis=1)
    if reading.activation == "softmin":
        return build.add("Softmax", build.add("Neg", joined), axis=1)
    if reading.activation == "sigmoid":
        return build.add("Sigmoid", joined)
    return build.add("Exp", joined) if reading.activation == "exp" else joined


def _through(at: Pass, reading: Reading, joined: str, weights: str) -> str:
    """Pull weights back through the activation; nothing cancels near 0 and 1."""
    build = at.build
    scores = _activated(at, reading, joined)
    if reading.activation == "exp":
        return build.add("Mul", weights, scores)
    if reading.activation == "sigmoid":
        rest = build.add("Sigmoid", build.add("Neg", joined))
        return build.add("Mul", build.add("Mul", weights, scores), rest)
    first = build.add("ArgMax", scores, axis=1, keepdims=1)
    weights = build.add("Sub", weights, build.add("GatherElements", weights, first, axis=1))
    mean = build.reduce("ReduceSum", build.add("Mul", weights, scores), [1])
    back = build.add("Mul", scores, build.add("Sub", weights, mean))
    return build.add("Neg", back) if reading.activation == "softmin" else back


def _take(at: Pass, reading: Reading, piece: Piece, real: np.dtype[Any]) -> str:
    """Write one piece as (N, k, M)."""
    build, shape = at.build, _shape(at, reading, piece)
    value = write_cast(build, at.tensor(piece.tensor), real)
    if piece.batch_axis is None:
        value = build.add("Unsqueeze", value, build.integers(0))
    elif piece.batch_axis:
        value = build.add("Transpose", value, perm=_batch_first(at, piece))
    if piece.positions is not None:
        flat = build.add("Reshape", value, build.integers(-1, _size(at, piece)))
        return build.add("Gather", flat, build.constant(_positions(reading, piece)), axis=1)
    own = _one(at, piece)
    if reading.axis:
        order = [0, 1 + reading.axis, *(1 + k for k in range(len(own)) if k != reading.axis)]
        value = build.add("Transpose", value, perm=order)
    return build.add("Reshape", value, build.integers(-1, *shape))


def _give(at: Pass, reading: Reading, piece: Piece, part: str) -> str:
    """Put derivatives of one piece, (N, k, M), where it was read: what `_take` did, undone."""
    build, shape = at.build, _shape(at, reading, piece)
    own = _one(at, piece)
    if piece.positions is not None:
        size, count = _size(at, piece), math.prod(shape)
        rows = build.add("Reshape", part, build.integers(-1, count))
        where = build.constant(_positions(reading, piece).reshape(1, -1))
        where = build.add("Expand", where, build.add("Shape", rows))
        lead = build.add("Slice", build.add("Shape", rows), *map(build.integers, (0, 1, 0)))
        wide = build.add("Concat", lead, build.integers(size), axis=0)
        zeros = build.add(
            "CastLike",
            build.add("ConstantOfShape", wide, value=_zero()),
            rows,
        )
        value = build.add("ScatterElements", zeros, where, rows, axis=1, reduction="add")
    else:
        value = part
        if reading.axis:
            rest = [n for k, n in enumerate(own) if k != reading.axis]
            value = build.add("Reshape", value, build.integers(-1, shape[0], *rest))
            order = [0, *(2 + k for k in range(reading.axis)), 1]
            order += [1 + k for k in range(reading.axis + 1, len(own))]
            value = build.add("Transpose", value, perm=order)
    if piece.batch_axis:
        value = build.add("Reshape", value, build.integers(-1, *own))
        order = _batch_first(at, piece)
        value = build.add("Transpose", value, perm=[order.index(k) for k in range(len(order))])
    return build.add("Reshape", value, build.add("Shape", at.tensor(piece.tensor)))


def _zero() -> onnx.TensorProto:
    return onnx.helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [0.0])


def _positions(reading: Reading, piece: Piece) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Flat positions as (k, M)."""
    picked = np.asarray(piece.positions, np.int64)
    if not picked.ndim:
        return picked.reshape(1, 1)
    moved = np.moveaxis(picked, reading.axis, 0)
    return moved.reshape(len(moved), -1)


def _shape(at: Pass, reading: Reading, piece: Piece) -> tuple[int, int]:
    """Classes and places of a piece."""
    if piece.positions is not None:
        found = _positions(reading, piece).shape
        return found[0], found[1]
    own = _one(at, piece)
    count = own[reading.axis] if own else 1
    return count, math.prod(own) // count if count else 0


def _one(at: Pass, piece: Piece) -> tuple[int, ...]:
    """Shape of one input's value of the tensor of a piece."""
    shape = at.facts.shapes[piece.tensor]
    if piece.batch_axis is not None:
        shape = tuple(d for k, d in enumerate(shape) if k != piece.batch_axis)
    known = tuple(d for d in shape if d is not None)
    if len(known) < len(shape):
        raise MethodRefusedError(
            f"the scores are in tensor {piece.tensor!r}, whose length depends on the picture or "
            "the batch; `explain` runs it in PyTorch"
        )
    return known


def _size(at: Pass, piece: Piece) -> int:
    return math.prod(_one(at, piece))


def _batch_first(at: Pass, piece: Piece) -> list[int]:
    rank = len(at.facts.shapes[piece.tensor])
    axis = piece.batch_axis or 0
    return [axis, *(k for k in range(rank) if k != axis)]


def _columns(at: Pass, x: str, start: int, stop: int) -> str:
    return at.build.add("Slice", x, *(at.build.integers(n) for n in (start, stop, 1)))


def _number(at: Pass, value: float, real: np.dtype[Any]) -> str:
    return at.build.constant(np.asarray(value, real))
