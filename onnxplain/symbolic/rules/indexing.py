"""Operators that pick elements along an axis by constant indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule
from onnxplain.symbolic.rules.scattering import gather_back

# Elements of the matrix that puts picked ones back.
_LARGEST = 1 << 24


@rule("Slice")
def slice_(at: Back) -> list[str]:
    """Zeros around, or put back one by one where it went in steps."""
    at.only(0)
    starts, ends = at.integers(1), at.integers(2)
    axes = [a % at.rank() for a in at.integers(3)] if at.has(3) else list(range(len(starts)))
    steps = at.integers(4) if at.has(4) else [1] * len(starts)
    slope, before, after = at.slope, [0] * at.rank(), [0] * at.rank()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        length = at.shape()[axis]
        if length is None and start == 0 and end >= 2**31 - 1 and step == 1:
            continue
        picked = (
            range(at.known(length))[start:end:step]
            if step > 0
            else range(at.known(length))[
                _from_end(start, at.known(length)) : _to_start(end, at.known(length)) : step
            ]
        )
        if step == 1:
            before[axis], after[axis] = picked.start, at.known(length) - picked.stop
        else:
            slope = _put_back(at, slope, axis, list(picked))
    return [at("Pad", slope, before + after, 0.0) if any(before + after) else slope]


def _from_end(start: int, length: int) -> int:
    return min(start + length if start < 0 else start, length - 1)


def _to_start(end: int, length: int) -> int | None:
    whole = end + length if end < 0 else end
    return None if whole < 0 else whole


@rule("Gather")
def gather(at: Back) -> list[str | None]:
    """Added up where an element was picked several times."""
    at.only(0)
    axis = at.get("axis", 0) % at.rank()
    length = at.shape()[axis]
    if length is None or not at.is_known(1) or np.size(at.value(1)) * length > _LARGEST:
        return [gather_back(at, axis)]
    indices = np.asarray(at.value(1))
    picked = indices.reshape(-1).astype(np.int64) % length
    if indices.size == 1:
        slope = at.slope if indices.ndim else at("Unsqueeze", at.slope, [axis])
        if indices.ndim > 1:
            slope = at("Squeeze", slope, list(range(axis, axis + indices.ndim - 1)))
        if length == 1:
            return [slope]
        around = [0] * (2 * at.rank())
        around[axis], around[axis + at.rank()] = int(picked[0]), length - 1 - int(picked[0])
        return [at("Pad", slope, around, 0.0)]
    if indices.ndim == 1:
        return [_put_back(at, at.slope, axis, picked)]
    flat = [-1 if d is None else d for k, d in enumerate(at.shape()) if k != axis]
    flat.insert(axis, len(picked))
    if flat.count(-1) > 1:
        return [gather_back(at, axis)]
    return [_put_back(at, at("Reshape", at.slope, flat), axis, picked)]


@rule("Pad")
def pad(at: Back) -> list[str]:
    """What was added is cut off, or added to what it mirrors."""
    at.only(0)
    rank = at.rank()
    axes = [a % rank for a in at.integers(3)] if at.has(3) else list(range(rank))
    pads = at.integers(1)
    mode = at.get("mode", "constant")
    slope = at.slope
    starts, ends, cut = [], [], []
    for k, axis in enumerate(axes):
        before, after = pads[k], pads[k + len(axes)]
        if not (before or after):
            continue
        length = at.known(at.shape()[axis])
        if mode == "constant":
            if before < 0 or after < 0:
                kept = range(max(-before, 0), length - max(-after, 0))
                places = [max(before, 0) + n for n in range(len(kept))]
                matrix = np.zeros((length + before + after, length))
                matrix[places, list(kept)] = 1
                slope = at.along(slope, axis, rank, matrix)
            else:
                starts.append(before)
                ends.append(before + length)
                cut.append(axis)
            continue
        numpys = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}.get(mode)
        if numpys is None or before < 0 or after < 0:
            raise at.refusal(f"mode {mode!r}")
        source = np.pad(np.arange(length), (before, after), numpys)  # type: ignore[call-overload]
        slope = _put_back(at, slope, axis, source)
    return [at("Slice", slope, starts, ends, cut) if cut else slope]


def _put_back(at: Back, slope: str, axis: int, picked: Sequence[int] | NDArray[np.int64]) -> str:
    """Undo a choice along an axis."""
    length = at.known(at.shape()[axis])
    if len(picked) * length > _LARGEST:
        raise at.refusal(f"it picks {len(picked)} of {length} elements")
    matrix = np.zeros((len(picked), length))
    matrix[np.arange(len(picked)), np.asarray(picked)] = 1
    return at.along(slope, axis, at.rank(), matrix)
